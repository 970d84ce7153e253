/**
 * One sign-in from the first field to the open door: a password and perhaps a second step, or a passkey alone. Nothing
 * typed is ever cleared by a refusal but a code, which cannot be used again. Knows no pages.
 */
import { digitsOf } from '$lib/account/code';
import { Enrolment } from '$lib/account/enrolment.svelte';
import { ApiError, ReadableError, type Schema } from '$lib/api/client';
import { isNextStep, signIn, type NextStep, type SecondStep, type SignInAnswer } from '$lib/api/sign-in';
import { session } from '$lib/session.svelte';
import { canOfferInField, passkeyObstacle, usePasskey, type PasskeyUse } from '$lib/webauthn';

export type Step = 'password' | 'code' | 'recovery' | 'passkey' | 'enroll';

/** The sign-in itself is over, not only this try. */
const LAPSED = new Set(['challenge_expired', 'challenge_unknown', 'challenge_used']);
const STEPS: Record<SecondStep, Step> = { totp: 'code', recovery: 'recovery', passkey: 'passkey' };

export class SignIn {
  step = $state<Step>('password');
  /** Ways that the second step may go here. */
  methods = $state.raw<SecondStep[]>([]);
  code = $state('');
  recoveryCode = $state('');
  busy = $state(false);
  /** What was refused last. */
  refusal = $state.raw<unknown>(null);
  /** Setting up an authenticator, when the server insists on one. */
  enrolment = $state.raw<Enrolment | null>(null);
  #token = '';
  #waiting: AbortController | null = null;

  /** The first step; true when the person is in already. Throws `ApiError`. */
  async password(email: string, password: string): Promise<boolean> {
    return this.#begin(await signIn.password({ email, password }));
  }

  /** A new account instead; true when the person is in already. Throws `ApiError`. */
  async signUp(account: Schema<'SignUp'>): Promise<boolean> {
    return this.#begin(await signIn.signUp(account));
  }

  async #begin(answer: SignInAnswer): Promise<boolean> {
    if (isNextStep(answer)) {
      this.#goOn(answer);
      return false;
    }
    await session.enter(answer);
    return true;
  }

  /** Goes another way about the second step. */
  choose(method: SecondStep): void {
    this.step = STEPS[method];
    this.refusal = null;
  }

  /** Back to the first field. */
  startAgain(): void {
    [this.step, this.methods, this.code, this.recoveryCode] = ['password', [], '', ''];
    [this.enrolment, this.refusal, this.#token] = [null, null, ''];
  }

  /** Sends what the second step asks for; true when the person is in. */
  async verify(): Promise<boolean> {
    if (this.step === 'recovery') {
      if (this.recoveryCode.trim() === '') return false;
      return this.#try(async () => session.enter(await signIn.recover(this.#token, this.recoveryCode.trim())));
    }
    const code = digitsOf(this.code);
    if (code.length !== 6) return false;
    const isIn = await this.#try(async () => session.enter(await signIn.code(this.#token, code)));
    if (!isIn) this.code = '';
    return isIn;
  }

  /** Asks for a passkey now: instead of the password, or as the second step. */
  async passkey(): Promise<boolean> {
    this.stopWaiting();
    const token = this.step === 'password' ? undefined : this.#token;
    return this.#try(() => this.#withPasskey(token, { asked: 'dialog' }));
  }

  /** Offers passkeys in the menu of the e-mail field for as long as nothing else is chosen. */
  async waitForPasskey(): Promise<boolean> {
    if (!(await canOfferInField())) return false;
    const waiting = new AbortController();
    this.#waiting?.abort();
    this.#waiting = waiting;
    try {
      await this.#withPasskey(undefined, { asked: 'field', signal: waiting.signal });
      return true;
    } catch (error) {
      // The offer is an extra; only what the server said about a passkey that was chosen is worth a word.
      if (error instanceof ApiError && error.status === 400) this.refusal = error;
      return false;
    }
  }

  stopWaiting(): void {
    this.#waiting?.abort();
    this.#waiting = null;
  }

  /** After the recovery codes were kept; true when that was the last step. */
  async finishEnrolment(): Promise<boolean> {
    await session.refresh();
    if (session.person) return true;
    this.startAgain();
    this.refusal = new ReadableError('Two-step sign-in is set up. Sign in once more, with a code this time.');
    return false;
  }

  #goOn(next: NextStep): void {
    this.stopWaiting();
    this.#token = next.challenge_token;
    this.refusal = null;
    if (next.next_step === 'enroll') {
      const token = next.challenge_token;
      const enrolment = new Enrolment({
        start: () => signIn.startAuthenticator(token),
        confirm: (code) => signIn.confirmAuthenticator(token, code),
      });
      [this.enrolment, this.step] = [enrolment, 'enroll'];
      void enrolment.start();
      return;
    }
    const methods = next.methods ?? ['totp', 'recovery'];
    this.methods = methods.filter((method) => method !== 'passkey' || passkeyObstacle() === null);
    this.step = STEPS[this.methods[0] ?? 'totp'];
  }

  async #withPasskey(token: string | undefined, use: PasskeyUse): Promise<void> {
    const { challenge_id, options } = await signIn.startPasskey(token);
    const proof = await usePasskey(options, use);
    await session.enter(await signIn.finishPasskey(challenge_id, proof, token));
  }

  async #try(enter: () => Promise<void>): Promise<boolean> {
    if (this.busy) return false;
    [this.busy, this.refusal] = [true, null];
    try {
      await enter();
      return true;
    } catch (error) {
      if (error instanceof ApiError && LAPSED.has(error.code)) this.startAgain();
      this.refusal = error;
      return false;
    } finally {
      this.busy = false;
    }
  }
}
