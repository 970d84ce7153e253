/** The form of an account, new or existing. Knows nothing of dialogs or of the network. */
import type { AdminUser, NewUser, Role, UserChange } from '$lib/api/people';

export class PersonDraft {
  name = $state('');
  email = $state('');
  role = $state<Role>('user');
  /** For a new account only; changing one is a matter of its own. */
  password = $state('');
  /** Empty for none. */
  picture = $state('');
  readonly saved: AdminUser | null;

  constructor(saved: AdminUser | null) {
    this.saved = saved;
    if (!saved) return;
    this.name = saved.name;
    this.email = saved.email;
    this.role = saved.role;
    this.picture = saved.profile_image_url;
  }

  get nameProblem(): string | null {
    return this.name.trim() === '' ? 'Enter the name that others see.' : null;
  }

  /** The server decides what an address is; this only catches slips of the hand. */
  get emailProblem(): string | null {
    return /^\S+@\S+$/.test(this.email.trim()) ? null : 'Enter an e-mail address, such as ben@example.com.';
  }

  get passwordProblem(): string | null {
    return !this.saved && this.password === '' ? 'Choose a first password, or have one made.' : null;
  }

  get isFit(): boolean {
    return !this.nameProblem && !this.emailProblem && !this.passwordProblem;
  }

  creation(): NewUser {
    return { name: this.name.trim(), email: this.email.trim(), role: this.role, password: this.password };
  }

  /** Only what differs from the saved account. */
  changes(): UserChange {
    const saved = this.saved;
    const changes: UserChange = {};
    if (!saved) return changes;
    if (this.name.trim() !== saved.name) changes.name = this.name.trim();
    if (this.email.trim() !== saved.email) changes.email = this.email.trim();
    if (this.role !== saved.role) changes.role = this.role;
    if (this.picture !== saved.profile_image_url) changes.profile_image_url = this.picture;
    return changes;
  }
}

/** No characters that look like others, so that it can be read out or typed from paper. */
const LETTERS = 'abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';
const [PARTS, PART] = [5, 4];

/** A password of about 115 bits such as `k7Qm-x2Pd-…`, with a character of every kind that a rule may ask for. */
export function makePassword(): string {
  for (;;) {
    const parts = Array.from({ length: PARTS }, () => Array.from({ length: PART }, letter).join(''));
    const password = parts.join('-');
    if (/[a-z]/.test(password) && /[A-Z]/.test(password) && /\d/.test(password)) return password;
  }
}

/** Every letter is equally likely: bytes beyond the last whole multiple are thrown away. */
function letter(): string {
  const whole = 256 - (256 % LETTERS.length);
  for (;;) {
    const [byte = 0] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < whole) return LETTERS[byte % LETTERS.length] ?? '';
  }
}
