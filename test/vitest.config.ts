// The test projects. `unit`: pure code. `engine`: real databases and writers. `interop`: beside the real `litestream`.
// `e2e`: the application as its users meet it. Left out of `npm test`: `long`, what takes gigabytes; `windows`, on a Windows. POSIX locks belong to
// a process, so every file gets a process of its own; few run at once, since each starts writers, engines or browsers
// beside itself.
import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';

const root = resolve(import.meta.dirname, '..');

function project(
  name: string,
  limits: {
    readonly timeoutMs: number;
    readonly workers: number;
    readonly order: number;
    readonly retry?: number;
    readonly setup?: string;
  },
) {
  return {
    extends: true as const,
    test: {
      name,
      include: [`test/${name}/**/*.test.{ts,tsx}`],
      testTimeout: limits.timeoutMs,
      hookTimeout: limits.timeoutMs,
      maxWorkers: limits.workers,
      retry: limits.retry ?? 0,
      sequence: { groupOrder: limits.order },
      ...(limits.setup !== undefined && { globalSetup: resolve(import.meta.dirname, limits.setup) }),
    },
  };
}

export default defineConfig({
  root,
  test: {
    root,
    pool: 'forks',
    isolate: true,
    environment: 'node',
    restoreMocks: true,
    // Processes that tests start from sources: without it each strips and compiles all of them again.
    env: { NODE_COMPILE_CACHE: resolve(root, 'node_modules/.cache/node') },
    reporters: ['default', resolve(import.meta.dirname, 'support/summary-reporter.ts')],
    projects: [
      project('unit', { timeoutMs: 20_000, workers: 3, order: 0 }),
      // Several programs at once on two shared cores are sometimes not waited for long enough: what fails twice fails.
      project('engine', { timeoutMs: 120_000, workers: 3, order: 1, retry: 1 }),
      project('interop', { timeoutMs: 120_000, workers: 2, order: 2 }),
      project('e2e', { timeoutMs: 180_000, workers: 2, order: 3 }),
      project('long', { timeoutMs: 300_000, workers: 1, order: 4 }),
      project('windows', { timeoutMs: 180_000, workers: 2, order: 5, setup: 'support/windows/stage.ts' }),
    ],
  },
});
