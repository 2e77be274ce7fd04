import { defineConfig, type Plugin } from 'vitest/config';

/**
 * Vite plugin that emits the WebAssembly module of `zstddec` as a file. The package embeds the module as text and
 * fetches it from a `data:` URL, which the server's content security policy forbids.
 */
function zstdAsFile(): Plugin {
  const text = /const wasm = "([A-Za-z0-9+/=]+)"/;
  const address = '`data:application/wasm;base64,${wasm}`';
  return {
    name: 'zstd-as-file',
    apply: 'build',
    transform(code, id) {
      if (!id.endsWith('/zstddec/dist/zstddec.mjs')) {
        return null;
      }
      const base64 = text.exec(code)?.[1];
      if (base64 === undefined || !code.includes(address)) {
        this.error('zstddec has changed its shape: look at how it carries its WebAssembly');
      }
      const file = this.emitFile({ type: 'asset', name: 'zstd.wasm', source: Buffer.from(base64, 'base64') });
      return code.replace(text, 'const wasm = ""').replace(address, `import.meta.ROLLUP_FILE_URL_${file}`);
    },
  };
}

export default defineConfig({
  // A reverse proxy may serve the page below a path: URLs are relative, and the server adapts those of the page's file.
  base: './',
  build: {
    target: 'es2022',
    cssTarget: ['chrome123', 'firefox128', 'safari17.5'],
    // The server's content security policy allows only files of its own origin: no asset may be inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  worker: { format: 'es', plugins: () => [zstdAsFile()] },
  server: {
    // `npm run dev` beside a running `oriel serve`.
    proxy: { '/api': { target: 'http://127.0.0.1:8080', ws: true } },
  },
  test: { include: ['src/**/*.test.ts'] },
});
