// Litestream's YAML as Tidemark reads it: what it takes, and what it refuses by key and line.
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Config, parseConfig } from '../../electron/cli/config.ts';
import { showUrl } from '../../electron/cli/s3.ts';
import { AppError } from '../../shared/errors.ts';

const env = { DATA: '/srv/data', BACKUP: '/mnt/backup', EVERY: '5s', SECRET: 's&cret' };

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

  test('keeps everything for the time that retention names, and nothing of what is older', () => {
    const config = read(`
snapshot:
  interval: 24h
  retention: 240h
dbs:
  - path: /a.db
    replicas:
      - path: /b
        retention: 72h
        retention-check-interval: 1h
        validation-interval: 6h
      - path: /c
`);
    const hour = 3_600_000;
    expect(config.databases[0]?.replicas.map(({ retention }) => retention)).toEqual([
      { kind: 'thinned', windowMs: 72 * hour, dailyMs: 0, weeklyMs: 0 },
      { kind: 'thinned', windowMs: 240 * hour, dailyMs: 0, weeklyMs: 0 },
    ]);
    expect(config.notices).toEqual([
      '“retention-check-interval” has no effect: what is to go is looked for as snapshots are made.',
      '“validation-interval” has no effect: every restore is proven.',
    ]);
  });

  const off = { kind: 'keep-all' };
  test.each([
    ['no time at a replica', '', '', 'retention: 0', off],
    ['no time, with a unit', '', '', 'retention: 0h0m', off],
    ['no time in the global settings', 'snapshot:\n  retention: 0s\n', '', '', off],
    ['no time in a database’s own', '', 'snapshot: { retention: 0 }', '', off],
    ['the switch of a replica', '', '', 'retention: { enabled: false }', off],
    ['the switch of all, whatever a replica says', 'retention:\n  enabled: false\n', '', 'retention: 24h', off],
    ['the switch of all, as YAML 1.1 writes it', 'retention:\n  enabled: no\n', '', '', off],
    ['the switch that is on', 'retention:\n  enabled: true\n', '', '', undefined],
    [
      'a time of its own before the global one',
      'snapshot: { retention: 0 }\n',
      '',
      'retention: 1h',
      { windowMs: 3_600_000 },
    ],
  ])('takes retention as switched off, or not, by %s', (_name, top, database, replica, expected) => {
    const lines = [database, `replica:`, `  path: /b`, replica === '' ? '' : `  ${replica}`].filter(Boolean);
    const config = read(`${top}dbs:\n  - path: /a.db\n${lines.map((line) => `    ${line}\n`).join('')}`);
    const [found] = config.databases[0]?.replicas ?? [];
    if (expected === undefined) expect(found?.retention).toBeUndefined();
    else expect(found?.retention).toMatchObject(expected);
  });

  test('leaves the digits of a text as they stand', () => {
    const config = read(`
dbs:
  - path: 0123
    replicas:
      - type: s3
        bucket: 0e10
        path: 2026_11
        endpoint: https://127.0.0.1:9000
        access-key-id: 0031234567890120000000001
        secret-access-key: 0x1F
      - path: 1.10
        name: true
`);
    expect(config.databases).toMatchObject([
      {
        path: resolve('0123'),
        replicas: [
          {
            url: 's3://0e10/2026_11?endpoint=https%3A%2F%2F127.0.0.1%3A9000&accessKeyId=0031234567890120000000001&secretAccessKey=0x1F',
          },
          { name: 'true', url: resolve('1.10') },
        ],
      },
    ]);
  });

  test('merges in what other keys say: the own one counts, of several the first', () => {
    const config = read(`
x-place: &place
  type: s3
  bucket: backups
  region: eu-central-1
  retention: 0
templates:
  quick: &quick
    sync-interval: 5s
    region: us-east-1
dbs:
  - path: /a.db
    replicas:
      - <<: *place
        path: a
      - <<: [*place, *quick]
        path: b
        retention: 1h
  - &second
    path: /b.db
    replica: { path: /x }
  - <<: *second
    path: /c.db
`);
    const thinned = { kind: 'thinned', windowMs: 3_600_000, dailyMs: 0, weeklyMs: 0 };
    expect(config.databases).toEqual([
      {
        path: '/a.db',
        replicas: [
          { name: 's3', url: 's3://backups/a?region=eu-central-1', retention: off },
          { name: 's3', url: 's3://backups/b?region=eu-central-1', syncIntervalMs: 5000, retention: thinned },
        ],
      },
      { path: '/b.db', replicas: [{ name: 'file', url: '/x' }] },
      { path: '/c.db', replicas: [{ name: 'file', url: '/x' }] },
    ]);
  });

  test('reads what stands beside the databases as what holds for all', () => {
    const config = read(`
region: eu-central-1
endpoint: https://one.example
sync-interval: 3s
snapshot-interval: 2h
dbs:
  - path: /a.db
    snapshot:
      interval: 6h
    replicas:
      - url: s3://own/a?endpoint=https://two.example
      - path: /mnt/a
        sync-interval: 1s
`);
    expect(config.databases[0]?.replicas).toEqual([
      {
        name: 's3',
        url: 's3://own/a?endpoint=https://two.example&region=eu-central-1',
        syncIntervalMs: 3000,
        snapshotIntervalMs: 21_600_000,
      },
      { name: 'file', url: '/mnt/a', syncIntervalMs: 1000, snapshotIntervalMs: 21_600_000 },
    ]);
  });

  test('says of what it needs not that it has no effect', () => {
    const config = read(`
levels: [{ interval: 30s }]
l0-retention: 5m
socket: { enabled: true }
dbs:
  - path: /a.db
    busy-timeout: 1s
    meta-path: /var/lib/x
    replica: { path: /b, auto-recover: true, max-sync-ltx-files: 9 }
`);
    expect(config.notices.map((notice) => notice.split(' ')[0])).toEqual([
      '“levels”',
      '“l0-retention”',
      '“socket”',
      '“busy-timeout”',
      '“meta-path”',
      '“auto-recover”',
      '“max-sync-ltx-files”',
    ]);
  });

  test('reads buckets in Litestream’s form, with keys of their own, keys for all, and none', () => {
    const config = read(`
access-key-id: AKIAALL
secret-access-key: \${SECRET}
dbs:
  - path: /a.db
    replicas:
      - type: s3
        bucket: backups
        path: /apps/a b/
        region: eu-central-1
        endpoint: https://minio.local:9000
        force-path-style: true
        skip-verify: false
        access-key-id: AKIAOWN
        secret-access-key: own+/secret
        sync-interval: 10s
        retention: 24h
      - name: second
        url: s3://other/a?region=us-east-1
      - url: s3://third/a
        profile: backup
      - path: /mnt/disk/a
`);
    const all = 'accessKeyId=AKIAALL&secretAccessKey=s%26cret';
    expect(config.databases[0]?.replicas.map(({ name, url }) => [name, url])).toEqual([
      [
        's3',
        's3://backups/apps/a%20b?region=eu-central-1&endpoint=https%3A%2F%2Fminio.local%3A9000&forcePathStyle=true&skipVerify=false&accessKeyId=AKIAOWN&secretAccessKey=own%2B%2Fsecret',
      ],
      ['second', `s3://other/a?region=us-east-1&${all}`],
      ['s3', 's3://third/a?profile=backup'],
      ['file', '/mnt/disk/a'],
    ]);
    expect(config.databases[0]?.replicas.map(({ url }) => showUrl(url))).toEqual([
      's3://backups/apps/a%20b?region=eu-central-1&endpoint=https%3A%2F%2Fminio.local%3A9000&forcePathStyle=true&skipVerify=false',
      's3://other/a?region=us-east-1',
      's3://third/a?profile=backup',
      '/mnt/disk/a',
    ]);
  });

  test.each([
    [
      'an unknown key',
      'dbs:\n  - path: /a\n    replicas:\n      - path: /b\n        retension: 1h\n',
      'line 5: unknown key “retension” (did you mean “retention”?)',
    ],
    [
      'an unknown key of a replica',
      'dbs:\n  - path: /a\n    replicas:\n      - url: /b\n        buckets: x\n',
      'line 5: unknown key “buckets” (did you mean “bucket”?)',
    ],
    [
      'a bucket of a folder',
      'dbs:\n  - path: /a\n    replicas:\n      - url: /b\n        type: file\n        bucket: x\n        region: y\n',
      'line 6: “bucket” belongs to replicas of the type “s3”; line 7: “region” belongs to replicas of the type “s3”',
    ],
    [
      'a bucket without its name',
      'dbs:\n  - path: /a\n    replicas:\n      - type: s3\n        path: x\n',
      'line 4: the replica needs a “bucket” or a “url”',
    ],
    [
      'a bucket that is named twice',
      'dbs:\n  - path: /a\n    replicas:\n      - url: s3://b/c\n        bucket: b\n        path: c\n',
      'line 5: write either “url” or “bucket”; line 6: write either “url” or “path”',
    ],
    [
      'half a key',
      'dbs:\n  - path: /a\n    replicas:\n      - url: s3://b/c\n        access-key-id: A\n',
      'line 5: “access-key-id” and “secret-access-key” belong together',
    ],
    [
      'a secret that names a variable, without repeating it',
      'dbs:\n  - path: /a\n    replicas:\n      - url: s3://b/c\n        access-key-id: A\n        secret-access-key: $MARKER\n',
      'line 6: an environment variable that it names is not set',
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
      'a folder of databases',
      'dbs:\n  - dir: /data\n    replica: /b\n',
      'line 2: “dir”: whole folders of databases are not supported: list each one with its “path”; line 2: the database has no “path”',
    ],
    [
      'a switch that is none',
      'retention: { enabled: maybe }\ndbs:\n  - path: /a\n    replica: /b\n',
      'line 1: “maybe” is neither true nor false',
    ],
    [
      'a switch that is unknown',
      'retention: { on: no }\ndbs:\n  - path: /a\n    replica: /b\n',
      'line 1: unknown key “on”',
    ],
    [
      'an empty retention',
      'dbs:\n  - path: /a\n    replica: { path: /b, retention: ~ }\n',
      'line 3: a text is missing here',
    ],
    [
      'a merge of no keys',
      'dbs:\n  - <<: /a\n    path: /a\n    replica: /b\n',
      'line 2: “<<” must name keys with values',
    ],
    [
      'another kind of replica',
      'dbs:\n  - path: /a\n    replicas:\n      - type: abs\n        path: x\n',
      'line 4: replicas of the type “abs” are not supported yet; use “file” or “s3”',
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
