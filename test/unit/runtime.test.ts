// What everything else stands on: better-sqlite3 crashes on Node 20, and SQLite before 3.51.3 can corrupt databases
// that two connections checkpoint at once.
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';

test('runs on Node 22.14 or newer', () => {
  expect(isAtLeast(process.versions.node, [22, 14, 0])).toBe(true);
});

test('carries SQLite 3.51.3 or newer', () => {
  using database = openMemory();
  const version = database.handle.prepare('SELECT sqlite_version()').pluck().get();
  expect(isAtLeast(String(version), [3, 51, 3])).toBe(true);
});

test('what speaks S3 is not loaded by an engine that only starts', () => {
  const program = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ resolve: (name, context, next) => (loaded.push(name), next(name, context)) });
    await import('./electron/engine/engine.ts');
    console.log(JSON.stringify(loaded.filter((name) => /^(@aws-sdk|@smithy|better-sqlite3)/.test(name))));
  `;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--no-warnings', '-e', program], {
    cwd: resolve(import.meta.dirname, '../..'),
    encoding: 'utf8',
  });
  expect([...new Set(JSON.parse(stdout) as string[])]).toEqual(['better-sqlite3']);
});

function openMemory(): Disposable & { readonly handle: Database.Database } {
  const handle = new Database(':memory:');
  return { handle, [Symbol.dispose]: () => handle.close() };
}

function isAtLeast(version: string, wanted: readonly number[]): boolean {
  const parts = version.split('.').map(Number);
  const first = wanted.findIndex((part, i) => part !== parts[i]);
  return first === -1 || (parts[first] ?? 0) > (wanted[first] ?? 0);
}
