/** A change of the password while it is typed. The strength is judged by the server alone, which knows the policy. */
import { ApiError } from '$lib/api/client';
import { NOT_CONFIRMED } from '$lib/api/confirmation';
import { ownAccount } from '$lib/api/own-account';

type Problems = { current?: string; wanted?: string };

/** Which field a refusal is about. */
const FIELDS: Record<string, keyof Problems> = { wrong_password: 'current', weak_password: 'wanted', invalid_password: 'wanted' };

export class PasswordChange {
  current = $state('');
  wanted = $state('');
  busy = $state(false);
  problems = $state.raw<Problems>({});
  /** A refusal that is about no field. */
  refusal = $state.raw<unknown>(null);
  /** The server does not let people change it; `trouble` says why. */
  isSwitchedOff = $state(false);
  trouble = $state('');

  /** True when it was changed; the form is empty then. */
  async send(): Promise<boolean> {
    if (this.busy || !this.#check()) return false;
    this.busy = true;
    this.refusal = null;
    try {
      await ownAccount.changePassword(this.current, this.wanted);
      [this.current, this.wanted] = ['', ''];
      return true;
    } catch (error) {
      this.#take(error);
      return false;
    } finally {
      this.busy = false;
    }
  }

  #check(): boolean {
    const problems: Problems = {};
    if (this.current === '') problems.current = 'Enter the password you sign in with now.';
    if (this.wanted === '') problems.wanted = 'Choose a new password.';
    else if (this.wanted === this.current) problems.wanted = 'That is the password you have already.';
    this.problems = problems;
    return Object.keys(problems).length === 0;
  }

  #take(error: unknown): void {
    const field = error instanceof ApiError ? FIELDS[error.code] : undefined;
    if (field && error instanceof ApiError) {
      this.problems = { [field]: error.message };
    } else if (error instanceof ApiError && error.status === 403 && error.code !== NOT_CONFIRMED) {
      [this.isSwitchedOff, this.trouble] = [true, error.message];
    } else {
      this.refusal = error;
    }
  }
}
