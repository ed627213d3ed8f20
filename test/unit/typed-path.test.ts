// Paths as people type and paste them.
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readTypedPath } from '../../electron/engine/basics/typed-path.ts';
import { AppError } from '../../shared/errors.ts';

describe.skipIf(process.platform === 'win32')('readTypedPath', () => {
  test.each([
    ['/srv/till & co.db', '/srv/till & co.db'],
    ['/srv/../srv/a.db', '/srv/a.db'],
    ['/srv/ends with a space ', '/srv/ends with a space '],
    ['  /srv/a.db ', '/srv/a.db'],
    ['"/srv/a b.db"', '/srv/a b.db'],
    ["'/srv/a b.db'", '/srv/a b.db'],
    ['file:///srv/a%20b.db', '/srv/a b.db'],
    ['~/a.db', path.join(os.homedir(), 'a.db')],
    ['~', os.homedir()],
  ])('%j is %s', (text, meant) => {
    expect(readTypedPath(text)).toBe(meant);
  });

  test.each(['a.db', './a.db', '  ', '~other/a.db', 's3://bucket/shop', 'file://elsewhere/a.db', '/srv/\0.db', '"'])(
    '%j is refused',
    (text) => {
      let refused: unknown;
      try {
        readTypedPath(text);
      } catch (error) {
        refused = error;
      }
      expect(refused).toBeInstanceOf(AppError);
      expect(refused).toMatchObject({ code: 'path-unclear' });
    },
  );
});
