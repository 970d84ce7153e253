/** Setting up an authenticator app: the secret, one code as proof, then recovery codes. Knows no dialogs. */
import type { AuthenticatorSeed } from '$lib/api/own-account';
import { digitsOf } from './code';

/** How the two requests go out; setting up during a sign-in carries a token that a signed-in person does not need. */
export interface EnrolmentWay {
  start: () => Promise<AuthenticatorSeed>;
  confirm: (code: string) => Promise<{ recovery_codes: string[] }>;
}

export class Enrolment {
  step = $state<'starting' | 'scan' | 'codes' | 'failed'>('starting');
  seed = $state.raw<AuthenticatorSeed | null>(null);
  code = $state('');
  codes = $state.raw<string[]>([]);
  busy = $state(false);
  /** What went wrong last. */
  refusal = $state.raw<unknown>(null);
  readonly #way: EnrolmentWay;

  constructor(way: EnrolmentWay) {
    this.#way = way;
  }

  /** Asks for a secret; false when the server, or the person, did not want to. */
  async start(): Promise<boolean> {
    this.step = 'starting';
    try {
      this.seed = await this.#way.start();
      this.step = 'scan';
      return true;
    } catch (error) {
      this.refusal = error;
      this.step = 'failed';
      return false;
    }
  }

  /** Sends the code; the recovery codes are here when it was right. */
  async confirm(): Promise<void> {
    const code = digitsOf(this.code);
    if (this.busy || code.length !== 6) return;
    [this.busy, this.refusal] = [true, null];
    try {
      this.codes = (await this.#way.confirm(code)).recovery_codes;
      this.seed = null; // The page forgets the secret as soon as it may.
      this.step = 'codes';
    } catch (error) {
      this.refusal = error;
      this.code = '';
    } finally {
      this.busy = false;
    }
  }
}
