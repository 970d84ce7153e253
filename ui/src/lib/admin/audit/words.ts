/** The events of the audit log in words, and the rest of a record's vocabulary. The server decides which there are. */
import type { AuditItem, Outcome } from '$lib/api/audit';
import type { Shape } from '../StateMark.svelte';

/** By what they are about; the names on the wire are `subject.verb`. */
const EVENTS: Record<string, string[]> = {
  account: ['signed_up', 'made', 'changed', 'role_changed', 'deactivated', 'reactivated', 'deleted', 'imported'],
  session: ['started', 'refused', 'ended', 'ended_all', 'confirmed', 'confirm_refused'],
  password: ['changed', 'reset'],
  profile: ['changed'],
  factor: ['added', 'removed', 'refused'],
  recovery_codes: ['made'],
  passkey: ['added', 'changed', 'removed'],
  api_key: ['made', 'changed', 'revoked'],
  group: ['made', 'changed', 'deleted', 'members_changed'],
  permissions: ['changed'],
  grants: ['changed'],
  settings: ['changed'],
  connection: ['made', 'changed', 'deleted', 'ordered', 'tested', 'refreshed'],
  model: ['changed'],
  virtual_key: ['made', 'changed', 'blocked', 'unblocked', 'revoked'],
  chat: ['made', 'changed', 'deleted', 'deleted_all', 'shared', 'unshared', 'read_by_admin'],
  turn: ['started', 'stopped'],
  data: ['read', 'exported'],
  access: ['denied'],
  usage: ['recorded'],
  provider: ['passthrough'],
  audit: ['exported', 'checked'],
  server: ['started', 'stopped'],
  secrets: ['rotated'],
  migration: ['run'],
};

const SUBJECTS: Record<string, string> = {
  api_key: 'API key',
  factor: 'Second factor',
  turn: 'Answer',
  session: 'Sign-in',
  data: 'Personal data',
  migration: 'Database migration',
};

/** Where subject and verb alone would not say it. */
const WHOLE: Record<string, string> = {
  'account.signed_up': 'Signed up',
  'session.started': 'Signed in',
  'session.refused': 'Sign-in refused',
  'session.ended': 'Signed out',
  'session.ended_all': 'Signed out everywhere',
  'session.confirmed': 'Confirmed who they are',
  'session.confirm_refused': 'Confirmation refused',
  'chat.read_by_admin': 'Chat read by an administrator',
  'chat.deleted_all': 'All chats deleted',
  'group.members_changed': 'Members of a group changed',
  'account.role_changed': 'Role changed',
  'provider.passthrough': 'Request passed through to a provider',
  'migration.run': 'Database migrated',
};

export function eventName(event: string): string {
  const whole = WHOLE[event];
  if (whole) return whole;
  const [subject = '', verb = ''] = event.split('.');
  return `${subjectName(subject)} ${spaced(verb)}`;
}

function subjectName(subject: string): string {
  return SUBJECTS[subject] ?? capital(spaced(subject));
}

const spaced = (word: string) => word.replaceAll('_', ' ');
const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** Every event for a select, in words; the wire's own name stands behind, because exports and the file use it. Where
    there are several about one thing, they can be chosen together: the part up to the dot stands for all of them. */
export const EVENT_OPTIONS = Object.entries(EVENTS).flatMap(([subject, verbs]) => {
  const each = verbs.map((verb) => {
    const value = `${subject}.${verb}`;
    return { value, label: `${eventName(value)} (${value})` };
  });
  return verbs.length > 1 ? [{ value: `${subject}.`, label: `${subjectName(subject)}: anything (${subject}.…)` }, ...each] : each;
});

export const OUTCOMES: Record<Outcome, { shape: Shape; word: string }> = {
  done: { shape: 'disc', word: 'Done' },
  failed: { shape: 'square', word: 'Failed' },
  denied: { shape: 'diamond', word: 'Denied' },
};

const ACTORS: Record<string, string> = {
  person: 'A person',
  program: 'A program',
  master: 'The master key',
  operator: 'The operator',
  anonymous: 'Nobody signed in',
};

/** Who else than a person can have done something. */
export const OTHER_ACTORS = ['anonymous', 'operator', 'master'].map((kind) => ({ kind, name: ACTORS[kind] ?? kind }));

export function actorName(actor: AuditItem['actor']): string {
  return actor.name || actor.email || ACTORS[actor.kind] || actor.kind;
}

/** A fact of a record as one line. */
export function factOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return Array.isArray(value) ? value.map(factOf).join(', ') : JSON.stringify(value);
}

/** A sink of the log in words. */
export const SINKS: Record<string, string> = { database: 'Database', file: 'File', stdout: 'Standard output' };
