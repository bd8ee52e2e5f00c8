import { defineConfig } from "vitest/config";

export default defineConfig({
  build: {
    outDir: "../couler_plugins/studio/bundle",
    emptyOutDir: true,
    // The page's security policy allows no inline script, and no data: script.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1000,
  },
  test: { environment: "jsdom" },
});
