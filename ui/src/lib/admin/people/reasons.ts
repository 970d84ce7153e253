/** Why somebody may or may not do something, in words. */
import type { Because } from '$lib/api/people';

/** "Everybody has it, group Crew" */
export function reasonsOf(because: Because[], groupName: (id: string) => string): string {
  const text = because.map((reason) => reasonOf(reason, groupName)).join(', ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function reasonOf(reason: Because, groupName: (id: string) => string): string {
  switch (reason.kind) {
    case 'admin':
      return 'administrator';
    case 'default':
      return 'everybody has it';
    case 'environment':
      return 'everybody has it, by the server’s environment';
    case 'group':
      return `group ${typeof reason.group === 'string' ? groupName(reason.group) : reason.group.name}`;
    default:
      return otherReasons[reason.kind] ?? reason.kind;
  }
}

const otherReasons: Record<string, string> = {
  everyone: 'open to everybody',
  everybody: 'open to everybody',
  person: 'granted to this person',
  user: 'granted to this person',
  grant: 'granted',
  owner: 'owner',
  bypass: 'access control is switched off',
  pending: 'waiting for approval',
  deactivated: 'the account is deactivated',
};
