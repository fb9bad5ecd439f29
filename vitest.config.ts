import { defineConfig } from 'vitest/config';

// Tests import the built package by its own name, as a user would.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/vm/**'],
    setupFiles: ['test/properties.ts'],
    pool: 'forks',
    retry: 0,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    server: { deps: { external: [/\/dist\//] } },
  },
});
