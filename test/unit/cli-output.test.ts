// What the command line prints, from states and results as the engine gives them.
import { describe, expect, test } from 'vitest';
import { formatRows, listingRows } from '../../electron/cli/list.ts';
import {
  type Terminal,
  createRedrawer,
  formatDetails,
  formatError,
  formatExclusive,
  formatPhases,
  formatProgress,
  formatRestored,
  formatStopped,
  narrate,
  restoredJson,
} from '../../electron/cli/output.ts';
import { newCounters } from '../../electron/engine/capture/counters.ts';
import { createPhaseView, toWish } from '../../electron/cli/restore.ts';
import { UsageError } from '../../electron/cli/sources.ts';
import { AppError } from '../../shared/errors.ts';
import type { DeclaredDatabase } from '../../shared/contract.ts';
import type { DatabaseState } from '../../shared/databases.ts';
import type { ReplicaListing } from '../../shared/replica-listing.ts';
import type { DatabaseId, OperationId, TargetId } from '../../shared/ids.ts';
import type { EngineState } from '../../shared/model.ts';
import type { Operation, Phase, RestoreResult } from '../../shared/operations.ts';
import type { Generation } from '../../shared/position.ts';
import { formatTable } from '../../shared/table.ts';

const generation = '48a0df02ebc5a9b0' as Generation;
const at = Date.UTC(2026, 10, 22, 13, 31, 58);

describe('tables', () => {
  test('pads columns to their widest cell and trims the end', () => {
    expect(
      formatTable([
        ['a', 'long', 'c'],
        ['wide', 'x', ''],
      ]),
    ).toBe('a     long  c\nwide  x\n');
  });

  test('aligns figures at their end', () => {
    expect(
      formatTable(
        [
          ['what', 'ms'],
          ['restore', '1,204'],
          ['plan', '3'],
        ],
        { end: new Set([1]) },
      ),
    ).toBe('what        ms\nrestore  1,204\nplan         3\n');
  });

  const listing: ReplicaListing = {
    url: '/backup/app',
    record: {
      database: 'app.db',
      path: '/data/app.db',
      machine: 'desk',
      namedPoints: [{ name: 'one', position: { generation, index: 31, offset: 4152 }, at, namedAt: at }],
    },
    generations: [{ generation, startAt: at, endAt: at + 60_000, lagMs: 1_400 }],
    snapshots: [{ generation, index: 31, sizeBytes: 101_747, createdAt: at }],
    segments: [{ generation, index: 31, offset: 4152, sizeBytes: 119, createdAt: at }],
  };
  const source = { databasePath: undefined, replicaName: 'file', url: '/backup/app' };

  test.each([
    ['databases', 'path          replicas  url\n/data/app.db  file      /backup/app\n'],
    [
      'generations',
      'name  generation        lag   start                 end\nfile  48a0df02ebc5a9b0  1.4s  2026-11-22T13:31:58Z  2026-11-22T13:32:58Z\n',
    ],
    [
      'snapshots',
      'replica  generation        index     size    created\nfile     48a0df02ebc5a9b0  0000001f  101747  2026-11-22T13:31:58Z\n',
    ],
    [
      'wal',
      'replica  generation        index     offset  size  created\nfile     48a0df02ebc5a9b0  0000001f  4152    119   2026-11-22T13:31:58Z\n',
    ],
  ] as const)('lists %s with Litestream’s columns', (kind, expected) => {
    expect(formatRows(kind, listingRows(kind, source, listing))).toBe(expected);
  });

  test('says in JSON which points of a database have names', () => {
    expect(listingRows('databases', source, listing)).toMatchObject([
      { named: [{ name: 'one', generation, index: '0000001f', offset: 4152, at: '2026-11-22T13:31:58Z' }] },
    ]);
  });

  test('an empty listing still has its titles', () => {
    expect(formatRows('snapshots', [])).toBe('replica  generation  index  size  created\n');
  });
});

describe('errors', () => {
  test('say what happened, what is safe and what to do, a line each', () => {
    expect(formatError(new AppError('output-exists', { path: '/a.db' }))).toBe(
      'tidemark: /a.db exists already.\n  It was not touched.\n  Choose another name.\n',
    );
  });
});

describe('toWish', () => {
  test.each([
    ['nothing', {}, { kind: 'latest' }],
    ['a generation', { generation }, { kind: 'latest', generation }],
    ['a time', { timestamp: at }, { kind: 'time', at }],
    ['an index', { index: 31, generation }, { kind: 'index', index: 31, generation }],
    ['the first index', { index: 0 }, { kind: 'index', index: 0 }],
    ['a name', { name: 'before the update' }, { kind: 'name', name: 'before the update' }],
  ])('reads %s', (_name, options, wish) => {
    expect(toWish(options)).toEqual(wish);
  });

  test('refuses a time together with an index, and a name with anything', () => {
    expect(() => toWish({ index: 0, timestamp: 0 })).toThrow(UsageError);
    for (const more of [{ index: 0 }, { timestamp: 0 }, { generation }])
      expect(() => toWish({ name: 'one', ...more })).toThrow(UsageError);
  });
});

describe('a restore', () => {
  const phases: readonly Phase[] = [
    { name: 'plan', state: 'done', text: 'Planned 1 snapshot and 3 segments', doneBytes: 0, totalBytes: 0, ms: 12 },
    { name: 'fetch', state: 'done', text: 'Fetched 18.6 MB', doneBytes: 0, totalBytes: 0, ms: 1_240 },
    { name: 'apply', state: 'running', text: 'Applying', doneBytes: 500, totalBytes: 2_000, ms: undefined },
    { name: 'prove', state: 'waiting', text: 'Proving', doneBytes: 0, totalBytes: 0, ms: undefined },
  ];
  const operation: Operation = {
    id: 'o1' as OperationId,
    kind: 'restore',
    title: 'Restore app.db',
    databaseId: undefined,
    startedAt: at,
    endedAt: undefined,
    state: 'running',
    phases,
    error: undefined,
    result: undefined,
  };
  const result: RestoreResult = {
    path: '/out.db',
    point: { position: { generation, index: 31, offset: 4152 }, at },
    sizeBytes: 118_784,
    proof: { kind: 'identical', stateHash: '00000000deadbeef', check: 'quick_check ok' },
  };

  test('shows the phases that began', () => {
    expect(formatPhases(operation)).toEqual([
      '✓ Planned 1 snapshot and 3 segments',
      '✓ Fetched 18.6 MB, 1.2 s',
      '… Applying (500 B of 2 kB, 25 %)',
    ]);
  });

  test('ends with the moment and the proof', () => {
    const text = formatRestored(result);
    expect(text).toContain('Restored /out.db (119 kB) as of ');
    expect(text).toMatch(/2026-11-22 13:31:58 UTC\)?, position 48a0df02ebc5a9b0\/0000001f:4152\.\n/);
    expect(text).toContain('Proven identical to what was captured, page for page: state hash 00000000deadbeef');
  });

  test('claims no identity for a history without hashes', () => {
    const text = formatRestored({ ...result, proof: { ...result.proof, kind: 'image' } });
    expect(text).not.toContain('identical');
    expect(text).toContain('quick_check ok');
  });

  test('is data with --json', () => {
    expect(restoredJson(result)).toEqual({
      path: '/out.db',
      sizeBytes: 118_784,
      at: '2026-11-22T13:31:58Z',
      position: '48a0df02ebc5a9b0/0000001f:4152',
      proof: result.proof,
    });
  });

  test('prints each phase once, when it is done, where nobody watches', () => {
    const { terminal, written } = record(false);
    const show = createPhaseView(terminal);
    show({ ...operation, phases: phases.slice(0, 1) });
    show(operation);
    show(operation);
    expect(written.join('')).toBe('✓ Planned 1 snapshot and 3 segments\n✓ Fetched 18.6 MB, 1.2 s\n');
  });

  test('draws over its own lines on a screen', () => {
    const written: string[] = [];
    const redraw = createRedrawer((text) => written.push(text));
    redraw(['a', 'b']);
    redraw(['c']);
    redraw([]);
    expect(written).toEqual(['a\nb\n', '\u001B[2A\u001B[Jc\n', '\u001B[1A\u001B[J']);
  });
});

describe('a replication', () => {
  const database: DatabaseState = {
    id: 'd1' as DatabaseId,
    path: '/data/app.db',
    name: 'app.db',
    addedAt: at,
    status: { kind: 'protected' },
    sizeBytes: 118_784,
    walBytes: 0,
    pageSize: 4096,
    captured: undefined,
    newest: { position: { generation, index: 1, offset: 4152 }, at },
    oldestAt: at,
    lag: { bytes: 0, sinceAt: undefined },
    generation: undefined,
    replicas: [],
    provenAt: undefined,
    locked: { maxMs: 0, totalMs: 0 },
    namedPoints: [],
    days: [],
  };
  const starting: EngineState = {
    app: { version: '0.1.0', sqliteVersion: '3.54.1', dataDir: '/state', startedAt: at },
    settings: { theme: 'system' },
    databases: [{ ...database, status: { kind: 'starting' }, newest: undefined }],
    targets: [],
    operations: [],
    activity: [],
  };
  const running: EngineState = {
    ...starting,
    databases: [database],
    activity: [
      { id: 2, at, kind: 'snapshot', level: 'info', databaseId: database.id, text: 'app.db: second' },
      { id: 1, at, kind: 'generation-started', level: 'info', databaseId: database.id, text: 'app.db: first' },
    ],
  };

  test('begins with where things stand', () => {
    expect(narrate(undefined, starting)).toEqual(['/data/app.db: starting, 119 kB']);
  });

  test('tells news in order, then changes of status', () => {
    expect(narrate(starting, running)).toEqual([
      'app.db: first',
      'app.db: second',
      '/data/app.db: protected, shipped to 48a0df02ebc5a9b0/00000001:4152',
    ]);
  });

  const closed: EngineState = {
    ...running,
    databases: [{ ...database, status: { kind: 'protected', capturedWhen: { kind: 'closed', application: 'Anki' } } }],
  };

  test('says when a database is captured that its application keeps for itself, once', () => {
    const told =
      '/data/app.db: protected, captured each time Anki is closed, shipped to 48a0df02ebc5a9b0/00000001:4152';
    expect(narrate({ ...starting, activity: running.activity }, closed)).toEqual([told]);
    expect(narrate(running, closed)).toEqual([told]);
    expect([narrate(closed, closed), narrate(closed, running)]).toEqual([[], []]);
  });

  test('says it of what is declared, and nothing of all others', () => {
    const declared = { kind: 'protecting', path: '/data/app.db', databaseId: database.id } as const;
    expect(formatExclusive({ ...declared, application: { name: 'Anki', isExclusive: true } })).toBe(
      '/data/app.db: Anki keeps this database for itself while it is open. Tidemark captures it each time Anki is closed.\n',
    );
    const refused = { kind: 'refused', path: '/x', error: new AppError('database-missing', { path: '/x' }).toData() };
    const shared = { ...declared, application: { name: 'Home Assistant', isExclusive: false } };
    expect([declared, shared, refused as DeclaredDatabase].map(formatExclusive)).toEqual(['', '', '']);
  });

  test('says nothing twice', () => {
    expect(narrate(running, running)).toEqual([]);
  });

  test('leaves out news from before this start', () => {
    const old = running.activity.map((entry) => ({ ...entry, at: at - 1 }));
    expect(narrate(undefined, { ...starting, activity: old })).toEqual(['/data/app.db: starting, 119 kB']);
  });

  test('tells a problem in its own words', () => {
    const problem = { ...new AppError('target-full', { path: '/backup' }).toData(), sinceAt: at };
    const broken: EngineState = { ...running, databases: [{ ...database, status: { kind: 'problem', problem } }] };
    expect(narrate(running, broken)).toEqual([
      '/data/app.db: The disk of /backup is full. Your database is untouched, and captured changes wait on this computer. Free some space; Tidemark goes on by itself.',
    ]);
  });

  test('shows how far it got', () => {
    expect(formatProgress(running)).toEqual(['/data/app.db: shipped to 48a0df02ebc5a9b0/00000001:4152, nothing waits']);
  });

  test('says to who asks what a database costs and how it stands', () => {
    const targetId = 't1' as TargetId;
    const url = 'file:///backup/app';
    const retention = { kind: 'keep-all' } as const;
    const settings = { isEnabled: true, syncIntervalMs: 1000, snapshotIntervalMs: 0, retention };
    const replicas = [
      {
        ...settings,
        targetId,
        url,
        shipped: undefined,
        lagBytes: 8240,
        problem: undefined,
        isSeen: true,
        retainedAt: undefined,
        oldestAt: undefined,
      },
    ] as const;
    const detailsOf = (one: DatabaseState) =>
      formatDetails(one, {
        databaseId: database.id,
        captured: database.newest,
        generation: undefined,
        replicas: [{ targetId, lagBytes: 8240, lagSeconds: 2.5 }],
        wal: { bytes: 412_032, frames: 100, waitingFrames: 32, heldSinceAt: at },
        spoolBytes: 1_840_000,
        locked: { count: 41, maxMs: 4.2, totalMs: 312 },
        lastProblem: { ...new AppError('target-full', { path: '/backup' }).toData(), sinceAt: at },
        counters: { ...newCounters(), transactions: 1204, segments: 12, snapshots: 1, shippedBytes: 96_300_000 },
        loopDelayMaxMs: 3,
      });
    const [first] = closed.databases.map((one) => detailsOf(one).split('; ')[0]);
    expect(first).toBe('/data/app.db: protected, captured each time Anki is closed');
    expect(detailsOf({ ...database, replicas }).split('; ')).toEqual([
      '/data/app.db: protected',
      'captured to 48a0df02ebc5a9b0/00000001:4152',
      'file:///backup/app: 8.2 kB wait, 2.5 s',
      'spool 1.8 MB',
      'WAL 412 kB, 32 frames not in the database yet, held by a reader since 2026-11-22T13:31:58Z',
      'writers held 4 ms at most, 0.3 s in 41 seals',
      'since the start 1,204 transactions, 12 segments and 1 snapshot (96.3 MB) shipped, 0 errors of destinations',
      'last problem 2026-11-22T13:31:58Z: The disk of /backup is full.',
    ]);
  });

  test('ends with the truth about what is not yet shipped', () => {
    const problem = { ...new AppError('target-missing', { path: '/backup' }).toData(), sinceAt: at };
    const replica = { isEnabled: true, shipped: database.newest, isSeen: true, lagBytes: 0, problem: undefined };
    const ended = (over: object, status: DatabaseState['status'] = database.status): string => {
      const replicas = [{ ...replica, ...over }] as unknown as DatabaseState['replicas'];
      return formatStopped({ ...running, databases: [{ ...database, status, replicas }] });
    };
    expect(ended({})).toBe('Stopped. Everything that was captured is at its destination.\n');
    expect(ended({ lagBytes: 4_152 })).toBe(
      'Stopped. Not yet at its destination, kept in the data folder for the next start: /data/app.db: 4.2 kB.\n',
    );
    expect(ended({ shipped: undefined, problem })).toBe(
      'Stopped. Nothing of /data/app.db is at its destination yet. The folder /backup is gone.\n',
    );
    expect(ended({ problem })).toBe(
      'Stopped. /data/app.db: whether everything is still at its destination could not be seen. The folder /backup is gone.\n',
    );
    expect(ended({}, { kind: 'problem', problem })).toBe(
      'Stopped. /data/app.db is not being captured. The folder /backup is gone.\n',
    );
    expect(formatStopped({ ...running, databases: [] })).toBe('Stopped. Nothing was protected.\n');
  });
});

function record(isInteractive: boolean): { readonly terminal: Terminal; readonly written: string[] } {
  const written: string[] = [];
  const write = (text: string): void => void written.push(text);
  return { terminal: { out: write, note: write, draw: write, isInteractive }, written };
}
