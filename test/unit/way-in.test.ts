// Keys that let a browser in, and what programs that we start inherit. Real files.
import { existsSync, readFileSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { plainSurroundings } from '../../electron/host/surroundings.ts';
import {
  addressWith,
  doorName,
  issueKey,
  keyLifeMs,
  noteDoor,
  readDoor,
  redeemKey,
  sweepKeys,
  writeRedirect,
} from '../../electron/host/way-in.ts';
import { type TempFolder, tempFolder } from '../support/temp.ts';

let folder: TempFolder;
beforeEach(() => {
  folder = tempFolder();
});
afterEach(() => folder[Symbol.dispose]());

const files = (): readonly string[] => readdirSync(folder.at('way-in'));

function age(ms: number): void {
  const at = (Date.now() - ms) / 1000;
  for (const name of files()) utimesSync(folder.at('way-in', name), at, at);
}

describe('a key', () => {
  test('opens once', () => {
    const key = issueKey(folder.path);
    const other = issueKey(folder.path);
    expect(Buffer.from(key, 'base64url')).toHaveLength(32);
    expect([redeemKey(folder.path, key), redeemKey(folder.path, key)]).toEqual([true, false]);
    expect(redeemKey(folder.path, other)).toBe(true);
  });

  test.each([
    ['a little before its end', keyLifeMs - 60_000, true],
    ['after its end', keyLifeMs + 1000, false],
    ['made in what is the future by now', -3_600_000, false],
  ])('%s', (_what, ms, opens) => {
    const key = issueKey(folder.path);
    age(ms);
    expect(redeemKey(folder.path, key)).toBe(opens);
    expect(redeemKey(folder.path, key)).toBe(false);
  });

  test.each(['', 'door.json', '../state.db', 'A'.repeat(43), `${'A'.repeat(42)}/`, 'A'.repeat(100_000)])(
    'that nobody made opens nothing: %s',
    (offered) => {
      noteDoor(folder.path, { origin: 'http://127.0.0.1:1', pid: 1, name: '01234567' });
      expect(redeemKey(folder.path, offered)).toBe(false);
      expect(files()).toEqual(['door.json']);
    },
  );

  test('stands in no file but the page that leads to it, which goes with it', () => {
    const key = issueKey(folder.path);
    const door = { origin: 'https://backup.example' };
    const page = writeRedirect(folder.path, key, door);
    expect(readFileSync(page, 'utf8')).toContain(`url=${addressWith(key, door)}"`);
    expect(statSync(page).mode & 0o777).toBe(0o600);
    expect(statSync(folder.at('way-in')).mode & 0o777).toBe(0o700);
    const others = files().filter((name) => !page.endsWith(name));
    for (const name of others) expect(name + readFileSync(folder.at('way-in', name), 'utf8')).not.toContain(key);
    expect(redeemKey(folder.path, key)).toBe(true);
    expect(existsSync(page)).toBe(false);
  });

  test('that expired is swept, and with the host all are', () => {
    writeRedirect(folder.path, issueKey(folder.path), { origin: 'http://127.0.0.1:1' });
    age(keyLifeMs + 1000);
    const young = issueKey(folder.path);
    expect(files()).toHaveLength(1);
    sweepKeys(folder.path, 'all');
    expect(files()).toEqual([]);
    expect(redeemKey(folder.path, young)).toBe(false);
  });
});

test('a door keeps its name, and one that is cut is none', () => {
  const name = doorName(folder.path);
  noteDoor(folder.path, { origin: 'http://127.0.0.1:1', pid: 7, name });
  expect([doorName(folder.path), readDoor(folder.path)]).toEqual([
    name,
    { origin: 'http://127.0.0.1:1', pid: 7, name },
  ]);
  writeFileSync(folder.at('way-in', 'door.json'), '{');
  expect(readDoor(folder.path)).toBeUndefined();
  expect(readDoor(folder.at('elsewhere'))).toBeUndefined();
});

test('a program that we start inherits what it needs, and no secrets whatever their names', () => {
  const needed = {
    PATH: '/bin',
    HOME: '/home/ada',
    DISPLAY: ':0',
    XDG_RUNTIME_DIR: '/run/user/1',
    Path: 'C:\\',
    LC_ALL: 'C',
  };
  const secret = {
    AWS_SECRET_ACCESS_KEY: 'x',
    LITESTREAM_ACCESS_KEY: 'x',
    BACKUP: 'x',
    TIDEMARK_DATA_DIR: 'x',
    NODE_OPTIONS: 'x',
  };
  expect(plainSurroundings({ ...needed, ...secret })).toEqual(needed);
});
