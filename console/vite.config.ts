import { defineConfig } from 'vite';

export default defineConfig({
  // The page is wherever the gateway is, also behind a path prefix.
  base: './',
  build: {
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: false,
  },
});
