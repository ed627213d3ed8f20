// The folder of one database cannot be looked at any more: no rights, links in a circle, a mount that went away; at the start and
// later. That database says so, everything else goes on, and so does it once it can.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../shared/errors.ts';
import { makeDatabase } from '../support/application.ts';
import { type Started, startScript } from '../support/processes.ts';
import { canMount } from '../support/small-disk.ts';
import { type TempFolder, tempFolder, until } from '../support/temp.ts';

/** Root may look everywhere: who shall have no rights is somebody else. */
const user = { uid: 54_321, gid: 54_321 };

interface Harm {
  readonly what: string;
  readonly code: ErrorCode;
  readonly canBe: boolean;
  readonly harm: () => void;
  readonly heal: () => void;
}

let folder: TempFolder;

beforeEach(() => {
  folder = tempFolder();
  for (const name of ['own', 'others', 'behind']) fs.mkdirSync(folder.at(name));
});

afterEach(() => folder[Symbol.dispose]());

const own = (): string => folder.at('own');

const harms: readonly Harm[] = [
  {
    what: 'may not be entered',
    code: 'database-no-permission',
    canBe: true,
    harm: () => fs.chmodSync(own(), 0),
    heal: () => fs.chmodSync(own(), 0o755),
  },
  {
    what: 'is a link that leads in a circle',
    code: 'database-unreachable',
    canBe: true,
    harm: () => {
      fs.renameSync(own(), folder.at('aside'));
      fs.symlinkSync(own(), own());
    },
    heal: () => {
      fs.unlinkSync(own());
      fs.renameSync(folder.at('aside'), own());
    },
  },
  {
    what: 'lies on a mount that went away',
    code: 'database-missing',
    canBe: canMount,
    harm: () => void execFileSync('umount', ['-l', own()]),
    heal: () => void execFileSync('mount', ['--bind', folder.at('behind'), own()]),
  },
];

describe.skipIf(process.platform === 'win32' || process.getuid?.() !== 0).each(harms)(
  'a folder that $what',
  ({ canBe, code, harm, heal, what }) => {
    const isMounted = what.includes('mount');

    test.skipIf(!canBe)('concerns its database alone, at the start and later', async () => {
      if (isMounted) heal();
      using _mount = { [Symbol.dispose]: () => void (isMounted && unmountAll()) };
      makeDatabase(path.join(own(), 'shop.db'), 'CREATE TABLE t(id INTEGER PRIMARY KEY)');
      makeDatabase(folder.at('others', 'other.db'), 'CREATE TABLE t(id INTEGER PRIMARY KEY)');
      execFileSync('chown', ['-R', '54321:54321', folder.path]);
      let before: string;
      {
        await using engine = start(['--add', path.join(own(), 'shop.db'), '--add', folder.at('others', 'other.db')]);
        await until('both are protected', () => both(engine, /^protected \d+:\d+, protected \d+:\d+$/));
        harm();
        await until('it is told', () => both(engine, new RegExp(`^problem ${code} \\d+:\\d+, protected`)));
        await othersGoOn(engine);
        heal();
        insert(path.join(own(), 'shop.db'));
        await until('it is captured again', () => both(engine, /^protected \d+:\d+, protected/));
        before = both(engine, /.*/)?.[0] ?? '';
        harm();
        await until('it is told again', () => both(engine, new RegExp(`^problem ${code}`)));
        engine.child.kill('SIGTERM');
        expect(await engine.ended).toBe(0);
      }
      {
        await using engine = start([]);
        await until('it is told at the start', () => both(engine, new RegExp(`^problem ${code} \\d+:\\d+, protected`)));
        await othersGoOn(engine);
        heal();
        await until('it goes on', () => both(engine, /^protected \d+:\d+, protected/));
        insert(path.join(own(), 'shop.db'));
        await until('it is captured', () => {
          const now = both(engine, /^protected (\d+:\d+)/);
          return now !== undefined && !before.startsWith(now[0]);
        });
        engine.child.kill('SIGTERM');
        expect(await engine.ended).toBe(0);
      }
    });
  },
);

function start(more: readonly string[]): Started {
  const folders = ['--data', folder.at('data'), '--folder', folder.at('backup')];
  const { HOME: _home, ...env } = process.env;
  return startScript('engine-process.ts', [...folders, ...more], { user, env });
}

/** How both databases stand, where the last line that tells so matches. */
function both(engine: Started, pattern: RegExp): RegExpMatchArray | undefined {
  const isLine = (line: string): boolean =>
    /^(problem|protected|attention|starting|snapshotting|catching-up).*, /.test(line);
  const last = engine.output().split('\n').findLast(isLine);
  if (engine.child.exitCode !== null) throw new Error(`the engine ended:\n${engine.output()}`);
  return pattern.exec(last ?? '') ?? undefined;
}

/** What is written to the other one is captured and shipped. */
async function othersGoOn(engine: Started): Promise<void> {
  const where = /, protected (\d+:\d+)$/;
  const before = both(engine, where)?.[1];
  insert(folder.at('others', 'other.db'));
  await until('the other one goes on', () => {
    const now = both(engine, where)?.[1];
    return now !== undefined && now !== before;
  });
}

/** As the user whose database it is. */
function insert(file: string): void {
  const app = new Database(file);
  app.exec('INSERT INTO t DEFAULT VALUES');
  app.close();
}

function unmountAll(): void {
  try {
    for (;;) execFileSync('umount', ['-l', own()], { stdio: 'ignore' });
  } catch {
    // @NOTE Nothing is mounted there any more.
  }
}
