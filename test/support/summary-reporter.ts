// Closes a test run with one line that scripts can read: `N passed, N failed`. Skipped tests get a line of their own.
import type { Reporter, TestModule, Vitest } from 'vitest/node';

export default class SummaryReporter implements Reporter {
  #vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string): number => tests.filter((test) => test.result().state === state).length;
    const brokenFiles = modules.filter((module) => module.errors().length > 0).length;
    const skipped = count('skipped');
    const failed = count('failed') + brokenFiles + unhandledErrors.length;
    if (skipped > 0) this.#vitest?.logger.log(`${String(skipped)} skipped`);
    this.#vitest?.logger.log(`${String(count('passed'))} passed, ${String(failed)} failed`);
  }
}
