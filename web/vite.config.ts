import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const api = process.env.TRUNKLINE_URL ?? 'http://127.0.0.1:8080';

/** The small entry asks for data at once; the rest of the code should not wait for the entry either. */
function preloadPages(): Plugin {
  return {
    name: 'preload-pages',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler: (_html, { bundle }) =>
        Object.values(bundle ?? {}).flatMap((file) =>
          file.type === 'chunk' && !file.isEntry ? [{ tag: 'link', attrs: { rel: 'modulepreload', crossorigin: true, href: `/${file.fileName}` }, injectTo: 'head' as const }] : [],
        ),
    },
  };
}

export default defineConfig({
  plugins: [react(), preloadPages()],
  build: {
    outDir: 'dist',
    // The served policy allows files of our own origin only, so nothing may turn into a data: URL.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
  },
  server: { proxy: { '/api': { target: api, changeOrigin: true } } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
