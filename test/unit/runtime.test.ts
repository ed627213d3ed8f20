// What everything else stands on: better-sqlite3 crashes on Node 20, and SQLite before 3.51.3 can corrupt databases
// that two connections checkpoint at once.
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

function openMemory(): Disposable & { readonly handle: Database.Database } {
  const handle = new Database(':memory:');
  return { handle, [Symbol.dispose]: () => handle.close() };
}

function isAtLeast(version: string, wanted: readonly number[]): boolean {
  const parts = version.split('.').map(Number);
  const first = wanted.findIndex((part, i) => part !== parts[i]);
  return first === -1 || (parts[first] ?? 0) > (wanted[first] ?? 0);
}
