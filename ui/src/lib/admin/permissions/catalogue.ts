/** The permissions in words, in the order of the tree. The server decides which there are; this only says what they mean. */
import type { PermissionTree } from '$lib/api/permissions';

interface Entry {
  leaf: string;
  /** What somebody with it can do. */
  label: string;
  /** The environment variable behind `USER_PERMISSIONS_`. */
  variable: string;
  /** What to think of before giving it. */
  note?: string;
}

const BRANCHES: { id: string; name: string; lead: string; permissions: Entry[] }[] = [
  {
    id: 'workspace',
    name: 'Workspace',
    lead: 'What people can make for everybody to use.',
    permissions: [
      { leaf: 'models', label: 'Change the models’ names, visibility and grants, where a grant lets them write', variable: 'WORKSPACE_MODELS_ACCESS' },
      { leaf: 'knowledge', label: 'Make collections of knowledge', variable: 'WORKSPACE_KNOWLEDGE_ACCESS' },
      { leaf: 'prompts', label: 'Make prompts', variable: 'WORKSPACE_PROMPTS_ACCESS' },
      { leaf: 'tools', label: 'Make tools', variable: 'WORKSPACE_TOOLS_ACCESS', note: 'Tools run code, so this is as good as an account on the machine.' },
      { leaf: 'skills', label: 'Make skills', variable: 'WORKSPACE_SKILLS_ACCESS' },
      { leaf: 'models_import', label: 'Import models', variable: 'WORKSPACE_MODELS_IMPORT' },
      { leaf: 'models_export', label: 'Export models', variable: 'WORKSPACE_MODELS_EXPORT' },
      { leaf: 'models_hidden', label: 'See hidden models', variable: 'WORKSPACE_MODELS_HIDDEN' },
      { leaf: 'prompts_import', label: 'Import prompts', variable: 'WORKSPACE_PROMPTS_IMPORT' },
      { leaf: 'prompts_export', label: 'Export prompts', variable: 'WORKSPACE_PROMPTS_EXPORT' },
      { leaf: 'tools_import', label: 'Import tools', variable: 'WORKSPACE_TOOLS_IMPORT' },
      { leaf: 'tools_export', label: 'Export tools', variable: 'WORKSPACE_TOOLS_EXPORT' },
      { leaf: 'skills_import', label: 'Import skills', variable: 'WORKSPACE_SKILLS_IMPORT' },
      { leaf: 'skills_export', label: 'Export skills', variable: 'WORKSPACE_SKILLS_EXPORT' },
    ],
  },
  {
    id: 'sharing',
    name: 'Sharing',
    lead: 'With whom people can share what is theirs.',
    permissions: [
      { leaf: 'models', label: 'Share models with people and groups', variable: 'WORKSPACE_MODELS_ALLOW_SHARING' },
      { leaf: 'public_models', label: 'Share models with everybody', variable: 'WORKSPACE_MODELS_ALLOW_PUBLIC_SHARING' },
      { leaf: 'knowledge', label: 'Share knowledge with people and groups', variable: 'WORKSPACE_KNOWLEDGE_ALLOW_SHARING' },
      { leaf: 'public_knowledge', label: 'Share knowledge with everybody', variable: 'WORKSPACE_KNOWLEDGE_ALLOW_PUBLIC_SHARING' },
      { leaf: 'prompts', label: 'Share prompts with people and groups', variable: 'WORKSPACE_PROMPTS_ALLOW_SHARING' },
      { leaf: 'public_prompts', label: 'Share prompts with everybody', variable: 'WORKSPACE_PROMPTS_ALLOW_PUBLIC_SHARING' },
      { leaf: 'tools', label: 'Share tools with people and groups', variable: 'WORKSPACE_TOOLS_ALLOW_SHARING' },
      { leaf: 'public_tools', label: 'Share tools with everybody', variable: 'WORKSPACE_TOOLS_ALLOW_PUBLIC_SHARING' },
      { leaf: 'skills', label: 'Share skills with people and groups', variable: 'WORKSPACE_SKILLS_ALLOW_SHARING' },
      { leaf: 'public_skills', label: 'Share skills with everybody', variable: 'WORKSPACE_SKILLS_ALLOW_PUBLIC_SHARING' },
      { leaf: 'notes', label: 'Share notes with people and groups', variable: 'NOTES_ALLOW_SHARING' },
      { leaf: 'public_notes', label: 'Share notes with everybody', variable: 'NOTES_ALLOW_PUBLIC_SHARING' },
      { leaf: 'folders', label: 'Share folders', variable: 'FOLDERS_ALLOW_SHARING' },
      { leaf: 'public_chats', label: 'Share chats with everybody who is signed in, without a link', variable: 'CHAT_ALLOW_PUBLIC_SHARING' },
      { leaf: 'open_chats', label: 'Share chats with people who are not signed in', variable: 'CHAT_ALLOW_OPEN_SHARING' },
      { leaf: 'public_calendars', label: 'Share calendars with everybody', variable: 'CALENDAR_ALLOW_PUBLIC_SHARING' },
    ],
  },
  {
    id: 'access_grants',
    name: 'Naming people and groups',
    lead: 'Whom people can name when they share.',
    permissions: [
      { leaf: 'allow_users', label: 'Name single people in a grant', variable: 'ACCESS_GRANTS_ALLOW_USERS' },
      { leaf: 'allow_groups', label: 'Name groups in a grant', variable: 'ACCESS_GRANTS_ALLOW_GROUPS' },
    ],
  },
  {
    id: 'chat',
    name: 'Chat',
    lead: 'What people can do in their chats.',
    permissions: [
      { leaf: 'controls', label: 'Open the controls of a chat: system prompt, parameters, valves', variable: 'CHAT_CONTROLS' },
      { leaf: 'valves', label: 'Set the valves of tools', variable: 'CHAT_VALVES' },
      { leaf: 'system_prompt', label: 'Give a chat a system prompt', variable: 'CHAT_SYSTEM_PROMPT' },
      { leaf: 'params', label: 'Give a chat parameters such as the temperature', variable: 'CHAT_PARAMS' },
      { leaf: 'file_upload', label: 'Attach files', variable: 'CHAT_FILE_UPLOAD' },
      { leaf: 'web_upload', label: 'Attach web pages', variable: 'CHAT_WEB_UPLOAD' },
      { leaf: 'delete', label: 'Delete chats', variable: 'CHAT_DELETE' },
      { leaf: 'delete_message', label: 'Delete messages', variable: 'CHAT_DELETE_MESSAGE' },
      { leaf: 'continue_response', label: 'Let a model go on with its answer', variable: 'CHAT_CONTINUE_RESPONSE' },
      { leaf: 'regenerate_response', label: 'Ask for another answer to the same question', variable: 'CHAT_REGENERATE_RESPONSE' },
      { leaf: 'rate_response', label: 'Rate answers', variable: 'CHAT_RATE_RESPONSE' },
      { leaf: 'edit', label: 'Change messages after they were written', variable: 'CHAT_EDIT' },
      { leaf: 'share', label: 'Share chats by link', variable: 'CHAT_SHARE' },
      { leaf: 'export', label: 'Export chats', variable: 'CHAT_EXPORT' },
      { leaf: 'import', label: 'Import chats', variable: 'CHAT_IMPORT' },
      { leaf: 'stt', label: 'Dictate', variable: 'CHAT_STT' },
      { leaf: 'tts', label: 'Have answers read out', variable: 'CHAT_TTS' },
      { leaf: 'call', label: 'Talk to a model', variable: 'CHAT_CALL' },
      { leaf: 'multiple_models', label: 'Ask several models at once', variable: 'CHAT_MULTIPLE_MODELS' },
      { leaf: 'temporary', label: 'Begin chats that are not kept', variable: 'CHAT_TEMPORARY' },
      { leaf: 'temporary_enforced', label: 'Keep no chats at all', variable: 'CHAT_TEMPORARY_ENFORCED', note: 'A rule rather than a right: it does not hold for administrators.' },
    ],
  },
  {
    id: 'features',
    name: 'Features',
    lead: 'Which parts of the product people see and use.',
    permissions: [
      { leaf: 'api_keys', label: 'Make API keys of one’s own', variable: 'FEATURES_API_KEYS' },
      { leaf: 'notes', label: 'Use notes', variable: 'FEATURES_NOTES' },
      { leaf: 'folders', label: 'Use folders', variable: 'FEATURES_FOLDERS' },
      { leaf: 'channels', label: 'Use channels', variable: 'FEATURES_CHANNELS' },
      { leaf: 'encrypted_channels', label: 'Use encrypted channels', variable: 'FEATURES_ENCRYPTED_CHANNELS' },
      { leaf: 'direct_tool_servers', label: 'Connect tool servers of one’s own', variable: 'FEATURES_DIRECT_TOOL_SERVERS' },
      { leaf: 'web_search', label: 'Search the web', variable: 'FEATURES_WEB_SEARCH' },
      { leaf: 'image_generation', label: 'Make pictures', variable: 'FEATURES_IMAGE_GENERATION' },
      { leaf: 'code_interpreter', label: 'Run code', variable: 'FEATURES_CODE_INTERPRETER' },
      { leaf: 'memories', label: 'Have models remember things', variable: 'FEATURES_MEMORIES' },
      { leaf: 'automations', label: 'Make automations', variable: 'FEATURES_AUTOMATIONS' },
      { leaf: 'calendar', label: 'Use the calendar', variable: 'FEATURES_CALENDAR' },
      { leaf: 'webhooks', label: 'Have notices sent to a webhook', variable: 'FEATURES_USER_WEBHOOKS' },
    ],
  },
  {
    id: 'settings',
    name: 'Settings',
    lead: 'What people can set for themselves.',
    permissions: [
      { leaf: 'interface', label: 'Change the settings of the interface', variable: 'SETTINGS_INTERFACE' },
    ],
  },
];

export interface Permission {
  /** `chat.delete` */
  path: string;
  label: string;
  /** `USER_PERMISSIONS_CHAT_DELETE`; null when nothing is known about it. */
  variable: string | null;
  note: string;
}

export interface Branch {
  id: string;
  name: string;
  lead: string;
  permissions: Permission[];
}

/** Where `path` stands in a tree: the branch and the leaf. */
function partsOf(path: string): [string, string] {
  const dot = path.indexOf('.');
  return [path.slice(0, dot), path.slice(dot + 1)];
}

export function pathsOf(tree: PermissionTree): string[] {
  return Object.entries(tree).flatMap(([branch, leaves]) => Object.keys(leaves).map((leaf) => `${branch}.${leaf}`));
}

export function valueIn(tree: PermissionTree | null, path: string): boolean {
  const [branch, leaf] = partsOf(path);
  return tree?.[branch]?.[leaf] ?? false;
}

/** The tree with one more answer. */
export function withValue(tree: PermissionTree, path: string, value: boolean): PermissionTree {
  const [branch, leaf] = partsOf(path);
  return { ...tree, [branch]: { ...tree[branch], [leaf]: value } };
}

/** The permissions that the server knows, with our words; one without words stands at the end under its own path. */
export function branchesOf(paths: string[]): Branch[] {
  const known = BRANCHES.map(({ permissions, ...branch }) => ({
    ...branch,
    permissions: permissions
      .map(({ leaf, label, variable, note = '' }) => ({ path: `${branch.id}.${leaf}`, label, variable: `USER_PERMISSIONS_${variable}`, note }))
      .filter(({ path }) => paths.includes(path)),
  }));
  const named = new Set(known.flatMap(({ permissions }) => permissions.map(({ path }) => path)));
  const rest = paths.filter((path) => !named.has(path)).map((path) => ({ path, label: path, variable: null, note: '' }));
  return [...known, { id: 'other', name: 'Others', lead: 'Newer than this page.', permissions: rest }].filter(({ permissions }) => permissions.length > 0);
}

/** What is left of the branches when one looks for `text`; several words must all be found. */
export function searched(branches: Branch[], text: string): Branch[] {
  const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const fits = (branch: Branch, permission: Permission) => {
    const haystack = `${branch.name} ${permission.label} ${permission.path} ${permission.variable ?? ''}`.toLocaleLowerCase();
    return words.every((word) => haystack.includes(word));
  };
  return branches
    .map((branch) => ({ ...branch, permissions: branch.permissions.filter((permission) => fits(branch, permission)) }))
    .filter(({ permissions }) => permissions.length > 0);
}
