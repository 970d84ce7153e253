/** One attempt of a person to prove who they are: which way, what was typed, what is wrong. Knows no dialogs. */
import { digitsOf } from '$lib/account/code';
import { ApiError, messageOf } from '$lib/api/client';
import { ownAccount, type Proof, type ProofMethod } from '$lib/api/own-account';
import { passkeyObstacle, usePasskey } from '$lib/webauthn';

/** Least effort first. */
const ORDER: ProofMethod[] = ['passkey', 'password', 'totp'];

export class ProofAttempt {
  status = $state<'loading' | 'ready' | 'failed'>('loading');
  methods = $state.raw<ProofMethod[]>([]);
  /** Why the passkey, the only way this account has, does not go here; '' when that is not so. */
  obstacle = $state('');
  method = $state<ProofMethod | null>(null);
  password = $state('');
  code = $state('');
  busy = $state(false);
  /** What went wrong last. */
  refusal = $state.raw<unknown>(null);

  /** Asks which ways this account has. */
  async load(): Promise<void> {
    this.status = 'loading';
    try {
      const { methods } = await ownAccount.proofMethods();
      const obstacle = passkeyObstacle();
      this.methods = ORDER.filter((method) => methods.includes(method) && (method !== 'passkey' || obstacle === null));
      this.obstacle = methods.includes('passkey') ? (obstacle ?? '') : '';
      this.method = this.methods[0] ?? null;
      this.status = 'ready';
    } catch (error) {
      this.refusal = error;
      this.status = 'failed';
    }
  }

  choose(method: ProofMethod): void {
    this.method = method;
    this.refusal = null;
  }

  /** Whether there is something to send. */
  get isComplete(): boolean {
    if (this.method === 'password') return this.password !== '';
    if (this.method === 'totp') return digitsOf(this.code).length === 6;
    return this.method === 'passkey';
  }

  /** Sends the proof; true when the server accepted it. */
  async send(): Promise<boolean> {
    if (this.busy || !this.isComplete) return false;
    this.busy = true;
    this.refusal = null;
    try {
      await ownAccount.prove(await this.#proof());
      return true;
    } catch (error) {
      this.refusal = error;
      if (error instanceof ApiError && this.method === 'totp') this.code = '';
      return false;
    } finally {
      this.busy = false;
    }
  }

  get trouble(): string {
    return this.refusal === null ? '' : messageOf(this.refusal);
  }

  async #proof(): Promise<Proof> {
    if (this.method === 'password') return { password: this.password };
    if (this.method === 'totp') return { code: digitsOf(this.code) };
    const { options } = await ownAccount.proofChallenge();
    return { passkey: await usePasskey(options) };
  }
}

/** What is left to somebody who has nothing to confirm with: a sign-in anew. */
export class WayOut {
  busy = $state(false);
  /** What went wrong last. */
  refusal = $state.raw<unknown>(null);

  async take(way: () => Promise<void>): Promise<void> {
    if (this.busy) return;
    [this.busy, this.refusal] = [true, null];
    try {
      await way();
    } catch (error) {
      this.refusal = error;
    } finally {
      this.busy = false;
    }
  }
}
