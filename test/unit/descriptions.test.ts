// Descriptions that are kept: what is told of a database's days follows what is written, at once today and soon before.
import type Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Descriptions } from '../../electron/engine/switchboard/descriptions.ts';
import { Links } from '../../electron/engine/switchboard/links.ts';
import { Catalogue } from '../../electron/engine/state/catalogue.ts';
import { openStateDatabase } from '../../electron/engine/state/state-database.ts';
import { Store } from '../../electron/engine/state/store.ts';
import type { Generation } from '../../shared/position.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';
import { testClock } from '../support/test-clock.ts';

const noon = Date.UTC(2026, 5, 1, 12);
const dayMs = 86_400_000;
const generation = '00000000000000aa' as Generation;

let folder: TempFolder;
let database: Database.Database;

beforeEach(() => {
  folder = tempFolder();
  database = openStateDatabase(folder.path);
});
afterEach(() => {
  database.close();
  folder[Symbol.dispose]();
});

test('days are counted again: today after seconds, those before after a minute, all of them on the next day', () => {
  const store = new Store(database);
  const catalogue = new Catalogue(database);
  const descriptions = new Descriptions({ store, catalogue });
  const id = store.addDatabase({ path: folder.at('shop.db'), addedAt: 0, isDemo: false, isDeclared: false });
  store.setPaused(id, noon);
  let offset = 0;
  // Yesterday's are told late too: of an index before.
  const write = (at: number): void => {
    offset += 100;
    const index = at < noon ? 0 : 1;
    const commit = { index, offset, at, state: 0n, pages: 10, written: 1, transactions: 1 };
    catalogue.addRun(id, { generation, pageSize: 4096, commits: [commit] });
  };
  const links = new Links({
    rows: () => [],
    isProtected: () => false,
    clock: testClock(),
    onTurned: () => {},
    onChange: () => {},
  });
  /** Of the day before yesterday, yesterday and today. */
  const daysAt = (now: number): readonly number[] => {
    descriptions.forget(id);
    const [row] = store.databases();
    if (row === undefined) throw new Error('there is one');
    const state = descriptions.describe(row, {
      databases: { protectionOf: () => undefined, links, looks: { problemOf: () => undefined } },
      now,
    });
    return state.days.slice(-3).map(({ transactions }) => transactions);
  };
  write(noon - dayMs);
  write(noon);
  expect(daysAt(noon)).toEqual([0, 1, 1]);
  write(noon - dayMs);
  write(noon);
  expect(daysAt(noon + 4000)).toEqual([0, 1, 1]);
  expect(daysAt(noon + 6000)).toEqual([0, 1, 2]);
  expect(daysAt(noon + 61_000)).toEqual([0, 2, 2]);
  const evening = noon + dayMs / 2 - 10_000;
  expect(daysAt(evening)).toEqual([0, 2, 2]);
  write(evening + 11_000);
  expect(daysAt(evening + 12_000)).toEqual([2, 2, 1]);
});
