/** Why somebody may or may not do something, in words. */
import type { Because } from '$lib/api/people';

/** "Everybody has it, group Research" */
export function whyPermission(isAllowed: boolean, because: Because[]): string {
  return sentence(because.map((reason) => permissionReason(isAllowed, reason)));
}

/** "Open to everybody" */
export function whyModel(isAllowed: boolean, because: Because[]): string {
  if (!isAllowed && because.length === 0) return 'Nothing opens it';
  return sentence(because.map(modelReason));
}

function sentence(parts: string[]): string {
  const text = parts.join(', ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function permissionReason(isAllowed: boolean, because: Because): string {
  switch (because.kind) {
    case 'default':
      return isAllowed ? 'everybody has it' : 'nobody has it by default';
    case 'environment':
      return isAllowed ? 'everybody has it, by the server’s environment' : 'the server’s environment gives it to nobody';
    case 'group':
      return isAllowed ? commonReason(because) : `would come from ${commonReason(because)}`;
    default:
      return commonReason(because);
  }
}

function modelReason(because: Because): string {
  switch (because.kind) {
    case 'default':
    case 'environment':
      return 'open to everybody, as nothing was decided about it';
    default:
      return commonReason(because);
  }
}

function commonReason(because: Because): string {
  switch (because.kind) {
    case 'admin':
      return 'administrator';
    case 'group':
      return `group ${because.group?.name ?? ''}`.trim();
    case 'grant':
      return 'granted to this person';
    case 'everybody':
      return 'granted to everybody';
    case 'bypass':
      return 'access control is switched off';
    default:
      return because.kind;
  }
}
