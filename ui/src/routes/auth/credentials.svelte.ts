/**
 * What was typed on the way in, and what is wrong with it. Nothing typed is ever cleared by a refusal. Knows no pages.
 */
import { ApiError, messageOf } from '$lib/api/client';

type FieldName = 'name' | 'email' | 'password';

export class Credentials {
  name = $state('');
  email = $state('');
  password = $state('');
  busy = $state(false);
  /** What is wrong as a whole, e.g. "wrong e-mail or password". */
  trouble = $state('');
  /** The same as it was thrown, for what else it says: how long to wait. */
  refusal = $state.raw<unknown>(null);
  problems = $state.raw<Partial<Record<FieldName, string>>>({});

  /** Looks at what was typed before the server is asked. A sign-in does not judge an old password's shape. */
  check(purpose: 'sign-in' | 'sign-up'): boolean {
    const problems: Partial<Record<FieldName, string>> = {};
    if (purpose === 'sign-up' && this.name.trim() === '') problems.name = 'Enter the name that others will see.';
    if (!/^\S+@\S+$/.test(this.email.trim())) problems.email = 'Enter an e-mail address, for example ada@example.org.';
    if (this.password === '') problems.password = purpose === 'sign-up' ? 'Choose a password.' : 'Enter your password.';
    this.problems = problems;
    [this.trouble, this.refusal] = ['', null];
    return Object.keys(problems).length === 0;
  }

  /** The first field with a problem, to put the cursor in. */
  get firstProblem(): FieldName | null {
    const order: FieldName[] = ['name', 'email', 'password'];
    return order.find((field) => this.problems[field] !== undefined) ?? null;
  }

  /** Runs `enter` once; a refusal that names a field is shown at that field. Returns whether it worked. */
  async send(enter: () => Promise<void>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    try {
      await enter();
      return true;
    } catch (error) {
      const field = error instanceof ApiError ? error.field : null;
      if (field === 'name' || field === 'email' || field === 'password') this.problems = { [field]: messageOf(error) };
      else [this.trouble, this.refusal] = [messageOf(error), error];
      return false;
    } finally {
      this.busy = false;
    }
  }
}
