/** Why somebody may or may not do something, in words. */
import type { Because } from '$lib/api/people';

/** "because of the defaults and the group Crew" without the first words. */
export function reasonsOf(because: Because[], groupName: (id: string) => string): string {
  return because.map((reason) => reasonOf(reason, groupName)).join(', ');
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
