/** Colours for code: lowlight gives a tree, this turns it into spans with classes (no style attributes). */
import type { LanguageFn } from 'highlight.js';
import { createLowlight } from 'lowlight';

const lowlight = createLowlight();

const LANGUAGES: Record<string, () => Promise<{ default: LanguageFn }>> = {
  bash: () => import('highlight.js/lib/languages/bash'),
  c: () => import('highlight.js/lib/languages/c'),
  cpp: () => import('highlight.js/lib/languages/cpp'),
  csharp: () => import('highlight.js/lib/languages/csharp'),
  css: () => import('highlight.js/lib/languages/css'),
  diff: () => import('highlight.js/lib/languages/diff'),
  dockerfile: () => import('highlight.js/lib/languages/dockerfile'),
  go: () => import('highlight.js/lib/languages/go'),
  ini: () => import('highlight.js/lib/languages/ini'),
  java: () => import('highlight.js/lib/languages/java'),
  javascript: () => import('highlight.js/lib/languages/javascript'),
  json: () => import('highlight.js/lib/languages/json'),
  kotlin: () => import('highlight.js/lib/languages/kotlin'),
  markdown: () => import('highlight.js/lib/languages/markdown'),
  php: () => import('highlight.js/lib/languages/php'),
  python: () => import('highlight.js/lib/languages/python'),
  ruby: () => import('highlight.js/lib/languages/ruby'),
  rust: () => import('highlight.js/lib/languages/rust'),
  sql: () => import('highlight.js/lib/languages/sql'),
  swift: () => import('highlight.js/lib/languages/swift'),
  typescript: () => import('highlight.js/lib/languages/typescript'),
  xml: () => import('highlight.js/lib/languages/xml'),
  yaml: () => import('highlight.js/lib/languages/yaml'),
};

const ALIASES: Record<string, string> = {
  'c++': 'cpp',
  'c#': 'csharp',
  cs: 'csharp',
  golang: 'go',
  html: 'xml',
  js: 'javascript',
  jsx: 'javascript',
  kt: 'kotlin',
  md: 'markdown',
  py: 'python',
  rb: 'ruby',
  rs: 'rust',
  sh: 'bash',
  shell: 'bash',
  svelte: 'xml',
  svg: 'xml',
  toml: 'ini',
  ts: 'typescript',
  tsx: 'typescript',
  vue: 'xml',
  yml: 'yaml',
  zsh: 'bash',
};

/** The part of lowlight's tree that is used. */
interface Leaf {
  type: string;
  value?: string;
  properties?: { className?: unknown };
  children?: Leaf[];
}

/** Coloured nodes for `code`, or null for a language we do not know. */
export async function highlighted(code: string, language: string): Promise<DocumentFragment | null> {
  const wanted = language.toLowerCase();
  const name = ALIASES[wanted] ?? wanted;
  const load = Object.hasOwn(LANGUAGES, name) ? LANGUAGES[name] : undefined;
  if (!load) return null;
  if (!lowlight.registered(name)) lowlight.register(name, (await load()).default);
  const fragment = document.createDocumentFragment();
  append(lowlight.highlight(name, code).children as Leaf[], fragment);
  return fragment;
}

function append(leaves: Leaf[], parent: Node): void {
  for (const leaf of leaves) {
    if (leaf.type === 'text') {
      parent.appendChild(document.createTextNode(leaf.value ?? ''));
      continue;
    }
    const span = document.createElement('span');
    const names = leaf.properties?.className;
    if (Array.isArray(names)) span.className = names.join(' ');
    append(leaf.children ?? [], span);
    parent.appendChild(span);
  }
}
