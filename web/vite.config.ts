import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const api = process.env.TRUNKLINE_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: 'dist',
    // The served policy allows files of our own origin only, so nothing may turn into a data: URL.
    assetsInlineLimit: 0,
    target: 'es2022',
  },
  server: { proxy: { '/api': { target: api, changeOrigin: true } } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
