// Builds the window's content into dist/renderer: relative addresses only, nothing inlined, so that it runs from any
// scheme and under a policy without inline scripts or styles.
import { join } from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [react()],
  build: {
    outDir: '../dist/renderer',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'chrome130',
    rolldownOptions: {
      input: ['index.html', 'enter.html'].map((name) => join(import.meta.dirname, name)),
      output: {
        // Served before anybody came in, so by names that are known.
        entryFileNames: ({ name }) => (name === 'enter' ? 'enter.js' : 'assets/[name]-[hash].js'),
        chunkFileNames: ({ name }) => (name === 'session' ? 'session.js' : 'assets/[name]-[hash].js'),
      },
    },
  },
});
