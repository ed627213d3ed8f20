// A shop's database on a Windows, Tidemark beside it, and whether a restore gives what was committed.
import Database from 'better-sqlite3';
import fs from 'node:fs';
import { expect } from 'vitest';
import type { ScriptedApp, Step } from '../scripted.ts';
import { until } from '../temp.ts';
import { runTidemark, startTidemark, startWindowsApp, windowsFolder, type WindowsFolder } from './programs.ts';
import type { Started } from '../processes.ts';

/** The application opens its database, and makes it where it is not there. */
export function opening(file: string): readonly Step[] {
  return [
    ['open', file, 5000],
    ['run', 'PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS sale (id INTEGER PRIMARY KEY, what TEXT)'],
  ];
}

export function selling(what: string): Step {
  return ['run', `INSERT INTO sale (what) VALUES ('${what}')`];
}

/** A shop whose database is open in its application and protected; `first` is sold. */
export interface Shop extends AsyncDisposable {
  readonly folder: WindowsFolder;
  readonly file: string;
  readonly app: ScriptedApp;
  readonly tidemark: Started;
}

export async function openShop(): Promise<Shop> {
  await using owned = new AsyncDisposableStack();
  const folder = owned.use(windowsFolder());
  const file = folder.at('shop.db');
  const app = owned.use(await startWindowsApp());
  await app.does(...opening(file), selling('first'));
  const tidemark = owned.use(await protect(folder, file));
  const all = owned.move();
  return { folder, file, app, tidemark, [Symbol.asyncDispose]: async () => await all.disposeAsync() };
}

/** Tidemark beside it; resolves once the database is protected. */
export async function protect(folder: WindowsFolder, file: string): Promise<Started> {
  const started = startTidemark('replicate', file, folder.at('backup'), '--data-dir', folder.at('data'));
  await started.printed('protected');
  return started;
}

/** Nothing was said of what did not happen. */
export function expectCalm(tidemark: Started): void {
  expect(tidemark.output()).not.toMatch(/lost|damaged|replaced|overwritten|unexpected/i);
}

/** What is sold, by a restore of the newest point. */
export async function restored(folder: WindowsFolder, ...how: readonly string[]): Promise<string[]> {
  const name = `out-${process.hrtime.bigint()}.db`;
  const { code, output } = await runTidemark('restore', ...how, '-o', folder.at(name), folder.at('backup'));
  expect(output).toMatch(/proven|identical/i);
  expect(code).toBe(0);
  const database = new Database(folder.here(name), { readonly: true });
  try {
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
    return database.prepare('SELECT what FROM sale ORDER BY id').pluck().all() as string[];
  } finally {
    database.close();
    fs.rmSync(folder.here(name));
  }
}

/** Waits until a restore gives exactly this. */
export async function untilRestored(folder: WindowsFolder, sold: readonly string[]): Promise<void> {
  let last: readonly string[] = [];
  await until('everything is there', async () => {
    last = await restored(folder);
    return last.length >= sold.length;
  }).catch((error: unknown) => {
    throw new Error(`restored ${last.length} of ${sold.length}`, { cause: error });
  });
  expect(last).toEqual(sold);
}

/** How the database lies there: it and what belongs to it. */
export async function lyingThere(app: ScriptedApp, folder: WindowsFolder, file = 'shop.db'): Promise<string[]> {
  const names = (await app.asks(['list', folder.path])) as string[];
  return names.filter((name) => name.startsWith(file));
}
