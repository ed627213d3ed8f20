// The test projects. `unit`: pure code. `engine`: real databases and writers. `interop`: beside the real `litestream`.
// `e2e`: the application as its users meet it. `desktop`, `electron`: the desktop's part of that on the stand-in for Electron, and on
// a real one where get-electron.ts made one ready; on a computer that only runs tests, the stand-in has what only it can show. Left out
// of `npm test`: `long`, what takes gigabytes; `windows`, on a Windows. POSIX locks belong to a process, so every file gets a process of
// its own; few run at once, since each starts writers, engines or browsers beside itself.
import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';
import { LongFirst } from './support/long-first.ts';
import { type ReadyElectron, findReadyElectron, isRealWanted } from './support/real-electron/ready.ts';
import { isOnCi } from './support/real-electron/runtime.ts';

const root = resolve(import.meta.dirname, '..');

interface Limits {
  readonly timeoutMs: number;
  readonly workers: number;
  readonly order: number;
  readonly retry?: number;
  /** What is made ready before: a file beside this one. */
  readonly setup?: string;
}

function project(
  name: string,
  limits: Limits,
  {
    include = [`test/${name}/**/*.test.{ts,tsx}`],
    exclude = [],
    env = {},
  }: {
    readonly include?: readonly string[];
    readonly exclude?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
  } = {},
) {
  return {
    extends: true as const,
    test: {
      name,
      include: [...include],
      exclude: [...exclude],
      env,
      testTimeout: limits.timeoutMs,
      hookTimeout: limits.timeoutMs,
      maxWorkers: limits.workers,
      retry: limits.retry ?? 0,
      sequence: { groupOrder: limits.order },
      ...(limits.setup !== undefined && { globalSetup: resolve(import.meta.dirname, limits.setup) }),
    },
  };
}

const desktopTests = 'test/e2e/desktop-*.test.ts';
const standInOnly = 'test/e2e/desktop-stand-in.test.ts';
const realOnly = 'test/e2e/desktop-real*.test.ts';
const e2eLimits = { timeoutMs: 180_000, workers: 2 };

/** The desktop's tests on the stand-in; where a real Electron runs them on a computer that only tests, no more than it alone shows. */
function onStandIn(ready: ReadyElectron | undefined) {
  const include = ready !== undefined && isOnCi ? standInOnly : desktopTests;
  return project('desktop', { ...e2eLimits, order: 4 }, { include: [include], exclude: [realOnly] });
}

/** The same tests on a real Electron. */
function onReal({ executable, app }: ReadyElectron) {
  const env = { TIDEMARK_TEST_RUNTIME: executable, TIDEMARK_TEST_APP: app };
  return project('electron', { ...e2eLimits, order: 5 }, { include: [desktopTests], exclude: [standInOnly], env });
}

/** `electron`, the mode of `npm run test:electron`: nothing but the desktop's tests on a real one. */
function desktopProjects(mode: string) {
  const ready = mode === 'electron' || isRealWanted ? findReadyElectron() : undefined;
  const real = ready === undefined ? [] : [onReal(ready)];
  return mode === 'electron' ? real : [onStandIn(ready), ...real];
}

export default defineConfig(({ mode }) => ({
  root,
  test: {
    root,
    pool: 'forks',
    isolate: true,
    environment: 'node',
    restoreMocks: true,
    sequence: { sequencer: LongFirst },
    // Processes that tests start from sources: without it each strips and compiles all of them again.
    env: { NODE_COMPILE_CACHE: resolve(root, 'node_modules/.cache/node') },
    reporters: ['default', resolve(import.meta.dirname, 'support/summary-reporter.ts')],
    projects: [
      project('unit', { timeoutMs: 90_000, workers: 3, order: 0 }),
      // Several programs at once on two shared cores are sometimes not waited for long enough: what fails twice fails.
      project('engine', { timeoutMs: 180_000, workers: 4, order: 1, retry: 1 }),
      project('interop', { timeoutMs: 180_000, workers: 2, order: 2 }),
      project('e2e', { ...e2eLimits, order: 3 }, { exclude: [desktopTests] }),
      ...desktopProjects(mode),
      project('long', { timeoutMs: 300_000, workers: 1, order: 6 }),
      project('windows', { timeoutMs: 180_000, workers: 2, order: 7, setup: 'support/windows/stage.ts' }),
    ],
  },
}));
