// Litestream's YAML as Tidemark reads it: what it takes, and what it refuses by key and line.
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Config, parseConfig } from '../../electron/cli-config.ts';
import { AppError } from '../../shared/errors.ts';

const env = { DATA: '/srv/data', BACKUP: '/mnt/backup', EVERY: '5s' };

function read(text: string): Config {
  return parseConfig(text, { path: '/etc/tidemark.yml', env });
}

function refusal(text: string): string {
  try {
    read(text);
  } catch (error) {
    if (error instanceof AppError && error.code === 'config-invalid') return String(error.details['reason']);
    throw error;
  }
  return 'accepted';
}

describe('parseConfig', () => {
  test('reads databases with several replicas', () => {
    const config = read(`
dbs:
  - path: /data/app.db
    replicas:
      - url: file:///backup/app
        sync-interval: 10s
        snapshot-interval: 24h
      - type: file
        name: second
        path: /mnt/other/app
  - path: /data/two.db
    replica:
      path: /backup/two
`);
    expect(config).toEqual({
      databases: [
        {
          path: '/data/app.db',
          replicas: [
            { name: 'file', url: 'file:///backup/app', syncIntervalMs: 10_000, snapshotIntervalMs: 86_400_000 },
            { name: 'second', url: '/mnt/other/app' },
          ],
        },
        { path: '/data/two.db', replicas: [{ name: 'file', url: '/backup/two' }] },
      ],
      notices: [],
    });
  });

  test('takes a bare address as a replica, and relative paths from the current folder', () => {
    expect(read('dbs:\n  - path: app.db\n    replicas: [backup/app]\n').databases).toEqual([
      { path: resolve('app.db'), replicas: [{ name: 'file', url: resolve('backup/app') }] },
    ]);
  });

  test('expands environment variables in values, not in comments', () => {
    const config = read(`
# costs $5 and $NOTHING
dbs:
  - path: $DATA/app.db
    replicas:
      - path: \${BACKUP}/app
        sync-interval: \${EVERY}
`);
    expect(config.databases).toEqual([
      { path: '/srv/data/app.db', replicas: [{ name: 'file', url: '/mnt/backup/app', syncIntervalMs: 5_000 }] },
    ]);
  });

  test('leaves dollars alone when expansion is off', () => {
    const config = parseConfig('dbs:\n  - path: /data/$APP.db\n    replica: /backup\n', { path: 'a', env: undefined });
    expect(config.databases[0]?.path).toBe('/data/$APP.db');
  });

  test('takes the global snapshot interval as the default', () => {
    const config = read(`
snapshot:
  interval: 1h
dbs:
  - path: /a.db
    replicas:
      - path: /b
      - path: /c
        snapshot-interval: 2h
`);
    expect(config.databases[0]?.replicas.map((replica) => replica.snapshotIntervalMs)).toEqual([3_600_000, 7_200_000]);
  });

  test('follows anchors', () => {
    const config = read(`
dbs:
  - path: /a.db
    replica: &place
      path: /b
  - path: /c.db
    replica: *place
`);
    expect(config.databases.map((database) => database.replicas[0]?.url)).toEqual(['/b', '/b']);
  });

  test('says once that retention is not applied', () => {
    const config = read(`
dbs:
  - path: /a.db
    replicas:
      - path: /b
        retention: 72h
      - path: /c
        retention: 24h
`);
    expect(config.notices).toEqual(['“retention” has no effect: nothing is deleted yet, the whole history is kept.']);
  });

  test.each([
    [
      'an unknown key',
      'dbs:\n  - path: /a\n    replica: /b\n    retension: 1h\n',
      'line 4: unknown key “retension” (did you mean “retention”?)',
    ],
    [
      'an unknown key of a replica',
      'dbs:\n  - path: /a\n    replicas:\n      - url: /b\n        bucket: x\n',
      'line 5: unknown key “bucket”',
    ],
    [
      'an unknown key at the top',
      'databases: []\ndbs:\n  - path: /a\n    replica: /b\n',
      'line 1: unknown key “databases”',
    ],
    [
      'encryption',
      'dbs:\n  - path: /a\n    replicas:\n      - path: /b\n        age:\n          recipients: [x]\n',
      'line 5: “age”: encryption is not supported yet',
    ],
    [
      'another kind of replica',
      'dbs:\n  - path: /a\n    replicas:\n      - type: s3\n        path: x\n',
      'line 4: replicas of the type “s3” are not supported yet; use “file”',
    ],
    [
      'a duration without unit',
      'dbs:\n  - path: /a\n    replicas:\n      - path: /b\n        sync-interval: 10\n',
      'line 5: “10” is no duration. Write a number with a unit, such as 10s, 5m, 24h or 1h30m',
    ],
    [
      'an unset variable',
      'dbs:\n  - path: $NOWHERE/a\n    replica: /b\n',
      'line 2: the environment variable NOWHERE is not set',
    ],
    ['a database without path', 'dbs:\n  - replica: /b\n', 'line 2: the database has no “path”'],
    ['a database without replicas', 'dbs:\n  - path: /a\n', 'line 2: the database has no replicas'],
    ['an empty list of replicas', 'dbs:\n  - path: /a\n    replicas: []\n', 'line 3: the database has no replicas'],
    [
      'a replica without address',
      'dbs:\n  - path: /a\n    replicas:\n      - name: x\n',
      'line 4: the replica needs a “url” or a “path”',
    ],
    [
      'two addresses',
      'dbs:\n  - path: /a\n    replicas:\n      - url: file:///b\n        path: /b\n',
      'line 5: write either “url” or “path”',
    ],
    [
      'both forms of replicas',
      'dbs:\n  - path: /a\n    replica: /b\n    replicas: [/c]\n',
      'line 3: write either “replica” or “replicas”',
    ],
    ['no databases', 'dbs: []\n', 'line 1: no databases: list them under “dbs”'],
    ['an empty file', '', 'line 1: no databases: list them under “dbs”'],
    ['a list at the top', '- path: /a\n', 'line 1: the configuration must be a list of keys with values'],
    ['a text as databases', 'dbs: /a.db\n', 'line 1: “dbs” must be a list'],
    ['an empty path', 'dbs:\n  - path:\n    replica: /b\n', 'line 2: a text is missing here'],
    [
      'the same database twice',
      'dbs:\n  - path: /a\n    replica: /b\n  - path: /a\n    replica: /c\n',
      'line 2: /a is listed twice',
    ],
    ['a key twice', 'dbs:\n  - path: /a\n    path: /b\n    replica: /c\n', 'line 3: Map keys must be unique'],
    ['broken YAML', 'dbs:\n  - path: "/a\n', 'line 3: Missing closing "quote'],
  ])('refuses %s', (_name, text, reason) => {
    expect(refusal(text)).toBe(reason);
  });

  test('reports every finding at once', () => {
    expect(refusal('foo: 1\ndbs:\n  - path: /a\n    replica: /b\n    bar: 2\n')).toBe(
      'line 1: unknown key “foo”; line 5: unknown key “bar”',
    );
  });
});
