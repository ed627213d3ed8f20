// Which database a file belongs to, by real files with links of both kinds.
import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FileClaims, isItselfAt } from '../../electron/engine/protection/file-claims.ts';
import type { DatabaseRow } from '../../electron/engine/state/rows.ts';
import { AppError } from '../../shared/errors.ts';
import type { DatabaseId } from '../../shared/ids.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

let folder: TempFolder;
let rows: DatabaseRow[];
let claims: FileClaims;
const at = (name: string) => folder.at(...name.split('/'));

beforeEach(() => {
  folder = tempFolder();
  rows = [];
  claims = new FileClaims(() => rows);
});
afterEach(() => folder[Symbol.dispose]());

function keep(name: string): DatabaseRow {
  const row: DatabaseRow = {
    id: name as DatabaseId,
    path: at(name),
    givenPath: undefined,
    addedAt: rows.length,
    pausedAt: undefined,
    provenAt: undefined,
    proven: undefined,
    isDemo: false,
    isDeclared: false,
  };
  rows.push(row);
  return row;
}

function file(name: string): void {
  fs.writeFileSync(at(name), name);
}

/** Claimed, or why not. */
function outcome(row: DatabaseRow): unknown {
  try {
    claims.claim(row);
    return 'claimed';
  } catch (error) {
    if (error instanceof AppError) return { code: error.code, ...error.details };
    throw error;
  }
}

describe('a file', () => {
  test('belongs to the database that has it open, until that one lets go', () => {
    file('a.db');
    const [a, b] = [keep('a.db'), keep('b.db')];
    const claim = claims.claim(a);
    fs.linkSync(at('a.db'), at('b.db'));
    const refused = { code: 'database-same-file', path: at('b.db'), other: at('a.db'), isLinked: false };
    expect([outcome(b), claims.has(fs.statSync(at('b.db'), { bigint: true }))]).toEqual([refused, true]);
    claim[Symbol.dispose]();
    expect(claims.has(fs.statSync(at('b.db'), { bigint: true }))).toBe(false);
    // The older of two names comes first, open or not.
    expect(outcome(b)).toEqual(refused);
    rows.splice(0, 1);
    expect(outcome(b)).toBe('claimed');
  });

  test('stays with the younger of two names while that one has it open', () => {
    for (const name of ['a.db', 'b.db']) file(name);
    const [a, b] = [keep('a.db'), keep('b.db')];
    using _claim = claims.claim(b);
    fs.rmSync(at('a.db'));
    fs.linkSync(at('b.db'), at('a.db'));
    expect(outcome(a)).toMatchObject({ code: 'database-same-file', other: at('b.db') });
  });

  test('goes to the name that leads to it straight, whichever was added first', () => {
    fs.mkdirSync(at('new'));
    file('new/a.db');
    fs.symlinkSync(at('new'), at('old'));
    const [old, straight] = [keep('old/a.db'), keep('new/a.db')];
    expect(outcome(old)).toEqual({
      code: 'database-same-file',
      path: at('old/a.db'),
      other: at('new/a.db'),
      isLinked: true,
    });
    expect(outcome(straight)).toBe('claimed');
    rows.splice(1, 1);
    claims = new FileClaims(() => rows);
    expect(outcome(old)).toBe('claimed');
  });

  test('is claimed anew by the database that has it', () => {
    for (const name of ['a.db', 'b.db']) file(name);
    const [a, b] = [keep('a.db'), keep('b.db')];
    claims.claim(a);
    fs.renameSync(at('b.db'), at('a.db'));
    claims.claim(a);
    file('b.db');
    expect(outcome(b)).toBe('claimed');
  });
});

test('a link in the place of a database is not opened, whether its file is kept or not', () => {
  file('new.db');
  const row = keep('old.db');
  fs.symlinkSync('new.db', at('old.db'));
  expect(outcome(row)).toEqual({ code: 'database-is-link', path: at('old.db'), to: at('new.db') });
  keep('new.db');
  expect(outcome(row)).toMatchObject({ code: 'database-same-file', other: at('new.db') });
});

test('what cannot be looked at says why', () => {
  expect(outcome(keep('gone.db'))).toEqual({ code: 'database-missing', path: at('gone.db') });
});

test('a file lies at its own paths, and not at links to it', () => {
  file('a.db');
  fs.symlinkSync(at('a.db'), at('link.db'));
  const stat = fs.statSync(at('link.db'), { bigint: true });
  expect(['a.db', 'link.db', 'gone.db'].map((name) => isItselfAt(at(name), stat))).toEqual([true, false, false]);
});
