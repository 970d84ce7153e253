import { svelte } from '@sveltejs/vite-plugin-svelte';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

/**
 * KaTeX and the mono face also list woff and ttf files; every browser we support reads woff2, so the binary embeds a
 * third of the bytes.
 */
const woff2Only = {
  name: 'woff2-only',
  enforce: 'pre' as const,
  transform: {
    filter: { id: /(katex|fontsource).*\.css$/ },
    handler: (code: string) => code.replace(/,\s*url\([^)]*\.(?:woff|ttf)\) format\(["'](?:woff|truetype)["']\)/g, ''),
  },
};

/** `make dev` points this at a running server; the UI itself only ever uses paths of its own origin. */
const target = process.env.WARDROOM_SERVER ?? 'http://127.0.0.1:8080';

/** The page's own host goes along, because the server refuses changes that come from another origin. */
const server = { target, changeOrigin: false };

/** The framework, the way to the server, and the parts that even the sign-in page is made of. */
const EVERYWHERE = new RegExp(
  [
    'node_modules/(svelte|esm-env|clsx|openapi-fetch)/',
    'lucide/svelte/.*/(Icon|eye|eye-off|fingerprint-pattern|lock|lock-open|info|x|circle-alert|octagon-alert|triangle-alert)\\.',
    'src/lib/(router|session|other-tabs|theme|storage|shell/shell|webauthn\\.ts|api/(client|confirmation|direct))',
    'src/lib/ui/(Button|IconButton|Field|TextInput|PasswordField|RefusalNote|Note|Chip|Logo|Alone|Toasts|toasts|ErrorState|format)\\.',
  ].join('|'),
);

/** What every page after the sign-in has besides: its frame, dialogs, menus, and the chat's icons. */
const FRAME = new RegExp(
  [
    'lucide/svelte/.*/(arrow-.*|check|chevron-.*|circle-pause|copy|ellipsis|eye|flask-conical|keyboard|link|log-out|message-circle-off|monitor|moon|panel-left',
    '|pencil|pin|pin-off|plug|refresh-cw|search|settings-2|share-2|square|square-pen|sun|trash|trash-2|user-round|wrench)\\.',
    '|src/lib/ui/(Dialog|Menu|menu|Popup|CopyButton|clipboard|EmptyState|Skeleton|Avatar|Kbd|keys|Switch)\\.',
    '|src/lib/shell/(Frame|NavItem)\\.',
  ].join(''),
);

export default defineConfig({
  plugins: [woff2Only, svelte()],
  resolve: { alias: { $lib: fileURLToPath(new URL('./src/lib', import.meta.url)) } },
  server: { proxy: { '/api': server, '/v1': server, '/health': server, '/ready': server } },
  build: {
    target: 'es2022',
    // Browsers of spring 2024 and later: light-dark() and popovers stay as they are written.
    cssTarget: ['chrome123', 'firefox125', 'safari17.5'],
    cssCodeSplit: true,
    sourcemap: false,
    // The strict content security policy allows neither data: fonts nor an inline module-preload polyfill.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: 'manifest.json',
    rollupOptions: {
      output: {
        entryFileNames: 'a/[name]-[hash].js',
        chunkFileNames: 'a/[name]-[hash].js',
        assetFileNames: 'a/[name]-[hash][extname]',
        // Forty small files compress worse than a few and take more requests: what all pages need is one, what
        // all but the first need is another, and what several of the rest share a third.
        codeSplitting: {
          groups: [
            { name: 'base', test: EVERYWHERE },
            { name: 'frame', test: FRAME },
            { name: 'parts', test: /@lucide\/svelte|src\/lib\/(ui|admin)\//, minShareCount: 3 },
          ],
        },
      },
    },
  },
});
