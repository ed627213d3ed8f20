// The states of the gallery, by name.
import type { DatabaseState, DatabaseStatus } from '../../../shared/databases.ts';
import type { DatabaseId } from '../../../shared/ids.ts';
import type { AppState } from '../../../shared/model.ts';
import type { Operation } from '../../../shared/operations.ts';
import { AppError } from '../../../shared/errors.ts';
import {
  activityOf,
  databaseOf,
  day,
  daysOf,
  emptyState,
  hour,
  namesOf,
  officeRate,
  operationOf,
  problemOf,
} from './databases.ts';
import type { FixtureState } from './fixture.ts';
import { FixtureHistory } from './history.ts';
import { backupDisk, bucket, buckets, folders, networkShare, withTargets } from './targets.ts';

const now = Date.now();
const id = (text: string): DatabaseId => text as DatabaseId;

const sales = new FixtureHistory({
  databaseId: id('sales'),
  now,
  spanMs: 30 * day,
  rateAt: officeRate,
  generations: [
    { id: '1c0ffee15600d000', fromMsAgo: 30 * day, reason: 'first protection' },
    { id: '7f3ac91b04d2e6a8', fromMsAgo: 3.5 * hour, reason: 'the file was replaced' },
  ],
  gaps: [{ fromMsAgo: 15.1 * hour, toMsAgo: 9.8 * hour, text: 'Computer asleep, nothing written' }],
  events: [
    { kind: 'snapshot', at: now - 21.6 * hour, sizeBytes: 47_100_000 },
    { kind: 'snapshot', at: now - 15.8 * hour, sizeBytes: 47_400_000 },
    { kind: 'drill', at: now - 9.2 * hour, text: 'Restored on trial and proven identical' },
    { kind: 'snapshot', at: now - 8.6 * hour, sizeBytes: 47_600_000 },
    { kind: 'restore', at: now - 6 * hour, text: 'Restored 09:12:40 to Sales (restored).db' },
    { kind: 'snapshot', at: now - 3.48 * hour, sizeBytes: 48_000_000 },
  ],
  sizeBytes: 48_200_000,
  targetIds: [backupDisk, bucket],
  thinAfterMs: 7 * day,
  seed: 7,
});

function steady(name: string, spanMs: number, rate: number, seed: number, endMsAgo = 400): FixtureHistory {
  return new FixtureHistory({
    databaseId: id(name),
    now,
    spanMs,
    endMsAgo,
    rateAt: () => rate,
    generations: [{ id: 'a1b2c3d4e5f60718', fromMsAgo: spanMs, reason: 'first protection' }],
    gaps: [],
    events: [{ kind: 'snapshot', at: now - spanMs, sizeBytes: 1_000_000 }],
    sizeBytes: 12_000_000,
    targetIds: [backupDisk],
    seed,
  });
}

const patients = steady('patients', 26 * day, 0.002, 11);
const home = steady('home', 9 * day, 0.02, 13);
const ledger = steady('ledger', 30 * day, 0.0008, 17, 2.4 * hour);
const archive = steady('archive', 30 * day, 0.0002, 19, 6 * hour);
const shop = steady('shop', 75_000, 2.6, 23);

const histories = new Map<DatabaseId, FixtureHistory>([
  [id('sales'), sales],
  [id('patients'), patients],
  [id('home'), home],
  [id('ledger'), ledger],
  [id('archive'), archive],
  [id('shop'), shop],
]);

const gone = problemOf('target-missing', { path: '/mnt/office/tidemark' }, now - 2.4 * hour);

const five: AppState = withTargets({
  ...emptyState(now),
  targets: [...folders, ...buckets].map((target) =>
    target.id === networkShare ? { ...target, problem: gone } : target,
  ),
  databases: [
    databaseOf(
      {
        id: 'sales',
        path: '/home/ada/till/Sales.db',
        status: { kind: 'protected' },
        sizeBytes: 48_200_000,
        history: sales,
        targets: [backupDisk, bucket],
        days: daysOf('468572059685740578496025796851'),
        namedPoints: namesOf(sales, [
          ['Inventory count', 12 * day],
          ['Before the price update', 20.4 * hour],
        ]),
        provenAt: now - 10.2 * hour,
      },
      now,
    ),
    databaseOf(
      {
        id: 'patients',
        path: '/srv/practice/Patients.sqlite',
        status: { kind: 'protected' },
        sizeBytes: 1_210_000_000,
        history: patients,
        targets: [backupDisk, bucket],
        days: daysOf('....35545!4465543554653456544'.padEnd(30, '4')),
      },
      now,
    ),
    databaseOf(
      {
        id: 'home',
        path: '/config/home-assistant_v2.db',
        status: { kind: 'catching-up' },
        sizeBytes: 740_000_000,
        history: home,
        targets: [backupDisk],
        lagBytes: 1_840_000,
        lagSinceAt: now - 14_000,
        days: daysOf('.....................788987899'),
      },
      now,
    ),
    databaseOf(
      {
        id: 'ledger',
        path: '/home/ada/Books and accounts/Ledger 2026.db',
        status: { kind: 'attention', problem: gone },
        sizeBytes: 12_400_000,
        history: ledger,
        targets: [networkShare],
        lagBytes: 214_000,
        lagSinceAt: now - 2.4 * hour,
        problem: gone,
        days: daysOf('22331002213310022133100221331!'),
      },
      now,
    ),
    databaseOf(
      {
        id: 'archive',
        path: '/mnt/old/Archive.db',
        status: { kind: 'paused', sinceAt: now - 6 * hour },
        sizeBytes: 3_100_000_000,
        history: archive,
        targets: [backupDisk],
        days: daysOf('200000220000022000002200000220'),
      },
      now,
    ),
  ],
  activity: activityOf(now),
});

const [salesState, patientsState, homeState] = five.databases;

const allGood: AppState = {
  ...five,
  databases: [salesState, patientsState, homeState].flatMap((database) =>
    database === undefined
      ? []
      : [{ ...database, status: { kind: 'protected' as const }, lag: { bytes: 0, sinceAt: undefined } }],
  ),
};

const young: AppState = {
  ...emptyState(now),
  databases: [
    databaseOf(
      {
        id: 'shop',
        path: '/home/ada/.local/share/tidemark/demo/Shop.db',
        status: { kind: 'protected' },
        isDemo: true,
        sizeBytes: 1_240_000,
        history: shop,
        targets: [backupDisk],
        days: daysOf('.............................3'),
      },
      now,
    ),
  ],
  activity: [
    {
      id: 2,
      at: now - 74_000,
      kind: 'snapshot',
      level: 'info',
      databaseId: id('shop'),
      text: 'A snapshot of 1.1 MB lies at Backup disk.',
    },
    {
      id: 1,
      at: now - 75_000,
      kind: 'database-added',
      level: 'info',
      databaseId: id('shop'),
      text: 'Shop.db is protected from now on.',
    },
  ],
  demo: { isRunning: true, databaseId: id('shop') },
};

const firstSnapshot: AppState = {
  ...five,
  databases: five.databases.slice(1, 2).map((database) => ({
    ...database,
    status: { kind: 'snapshotting', doneBytes: 412_000_000, totalBytes: 1_210_000_000 },
    newest: undefined,
    oldestAt: undefined,
    captured: undefined,
    replicas: database.replicas.map((replica) => ({ ...replica, shipped: undefined })),
    days: daysOf(''.padEnd(30, '.')),
  })),
};

const otherMachine = problemOf(
  'target-owned-by-other',
  { path: 's3://tidemark-eu/till/Sales.db', database: 'Sales.db', machine: 'till-2' },
  now - 0.4 * hour,
);

/** Three destinations of one database: one works, one belongs to another computer, one is turned off. */
const replicas: AppState = withTargets({
  ...five,
  databases: five.databases.slice(0, 1).map((database) => ({
    ...database,
    status: { kind: 'attention', problem: otherMachine },
    lag: { bytes: 1_840_000, sinceAt: now - 0.4 * hour },
    replicas: [backupDisk, bucket, networkShare].flatMap((targetId) =>
      database.replicas.slice(0, 1).map((replica) => ({
        ...replica,
        targetId,
        url: five.targets.find(({ id: one }) => one === targetId)?.url ?? '',
        ...(targetId === bucket ? { problem: otherMachine, lagBytes: 1_840_000 } : {}),
        ...(targetId === networkShare ? { isEnabled: false, lagBytes: 96_400_000 } : {}),
      })),
    ),
  })),
});

const cards = steady('cards', 30 * day, 0.0004, 29, 9 * hour);
histories.set(id('cards'), cards);

/** Beside a database that is captured all the time, two that their applications keep for themselves. */
const closed: AppState = {
  ...allGood,
  databases: [
    ...allGood.databases.slice(0, 1),
    databaseOf(
      {
        id: 'cards',
        path: '/home/ada/.local/share/Anki2/Ada/collection.anki2',
        status: { kind: 'protected', capturedWhen: { kind: 'closed', application: 'Anki' } },
        sizeBytes: 31_400_000,
        history: cards,
        targets: [backupDisk],
        days: daysOf('210121021012101221012010121011'),
      },
      now,
    ),
    ...allGood.databases.slice(1, 2).map((database) => ({
      ...database,
      status: { kind: 'protected' as const, capturedWhen: { kind: 'closed' as const, application: undefined } },
    })),
  ],
};

const cardsPath = '/home/ada/.local/share/Anki2/Ada/collection.anki2';
/** What links, other names and applications do to a protection. */
const links: AppState = {
  ...five,
  databases: five.databases.slice(0, 4).map((database, i): DatabaseState => {
    const { path } = database;
    const statuses: readonly DatabaseStatus[] = [
      {
        kind: 'attention',
        problem: problemOf(
          'database-link-turned',
          { path, link: '/home/ada/till/current.db', to: '/home/ada/till/Sales-2027.db' },
          now - 2 * hour,
        ),
      },
      {
        kind: 'problem',
        problem: problemOf(
          'database-same-file',
          { path, other: '/data/Patients.sqlite', isLinked: 'true' },
          now - hour,
        ),
      },
      {
        kind: 'problem',
        problem: problemOf('database-held', { path: cardsPath, application: 'Anki' }, now - 12 * 60_000),
      },
      {
        kind: 'attention',
        problem: problemOf('database-unwatched', { path, folder: '/home/ada/Books and accounts' }, now - day),
      },
    ];
    const status = statuses[i] ?? database.status;
    return { ...database, status, lag: { bytes: 0, sinceAt: undefined }, ...(i === 2 ? { ...named(cardsPath) } : {}) };
  }),
};

function named(path: string): Pick<DatabaseState, 'path' | 'name'> {
  return { path, name: path.slice(path.lastIndexOf('/') + 1) };
}

const broken: AppState = {
  ...five,
  databases: five.databases.map((database, index) =>
    index === 0
      ? {
          ...database,
          status: { kind: 'problem', problem: problemOf('target-full', { path: '/media/backup' }, now - 40 * 60_000) },
          lag: { bytes: 48_300_000, sinceAt: now - 40 * 60_000 },
        }
      : database,
  ),
};

const diskGone = problemOf('target-missing', { path: '/media/backup' }, now - 70_000);

/** The disk of thirty databases that nobody writes is gone; two of them are at a bucket, too. */
const away: AppState = withTargets({
  ...five,
  targets: [...folders, ...buckets].map((target) =>
    target.id === backupDisk ? { ...target, problem: diskGone } : target,
  ),
  databases: Array.from({ length: 30 }, (_, i): DatabaseState => {
    const hasBucket = i < 2;
    const database = databaseOf(
      {
        id: `app${i}`,
        path: `/home/ada/apps/App ${i + 1}.db`,
        status: { kind: hasBucket ? 'attention' : 'problem', problem: diskGone },
        sizeBytes: 1_200_000 + 90_000 * i,
        history: archive,
        targets: hasBucket ? [backupDisk, bucket] : [backupDisk],
        days: daysOf('000000000000000000000000000000'),
      },
      now,
    );
    const problemOn = (targetId: string) => (targetId === backupDisk ? diskGone : undefined);
    return { ...database, replicas: database.replicas.map((one) => ({ ...one, problem: problemOn(one.targetId) })) };
  }),
});

for (let i = 0; i < 30; i++) histories.set(id(`app${i}`), archive);

/** Something emptied a destination; new images are on their way. */
const emptied: AppState = {
  ...away,
  targets: withTargets({ ...five, targets: [...folders, ...buckets] }).targets,
  databases: away.databases.map((database): DatabaseState => {
    const { name } = database;
    const problem = problemOf('replica-gone', { database: name, name: 'Backup disk' }, now - 9000);
    const status = { kind: database.status.kind as 'problem', problem };
    return {
      ...database,
      status,
      replicas: database.replicas.map((one) => (one.targetId === backupDisk ? { ...one, problem } : one)),
    };
  }),
};

/** Everything works, but what was captured last is on this computer only. */
const waiting: AppState = {
  ...allGood,
  databases: allGood.databases.map((database, i) =>
    i === 0 ? { ...database, lag: { bytes: 412_000, sinceAt: now - 40_000 } } : database,
  ),
};

const result: Operation['result'] = {
  path: '/home/ada/till/Sales (restored 2026-11-22 14.31.58).db',
  point: { position: { generation: '7f3ac91b04d2e6a8' as never, index: 28, offset: 118_472 }, at: now - 2.1 * hour },
  sizeBytes: 47_900_000,
  proof: { kind: 'identical', stateHash: '9e107d9d372bb682', check: 'quick_check ok' },
};
const ended = { endedAt: now - 2_000 };
const failure = new AppError('history-gap', {
  missing: 'segment 0000001c/118472',
  generation: '7f3ac91b04d2e6a8',
  before: 'today 14:02:11',
  after: 'today 14:40:00',
}).toData();

function withOperation(operation: Operation): FixtureState {
  return { state: { ...five, operations: [operation] }, histories };
}

/** What nothing of ours would ever say: instants that are none, sizes below zero, names that turn lines around. */
const hostileText = '\u202Egnp.bd\u0000\u001B[2J'.repeat(40);
const hostile: AppState = {
  ...five,
  databases: five.databases.map((database, i) =>
    i === 0
      ? {
          ...database,
          path: `/home/ada/${hostileText}`,
          sizeBytes: -1,
          newest: database.newest && { ...database.newest, at: 9e15 },
          lag: { bytes: Number.NaN, sinceAt: -9e15 },
          provenAt: Number.NaN,
          namedPoints: database.namedPoints.map((point) => ({ ...point, name: hostileText, at: 9e15 })),
        }
      : database,
  ),
  activity: five.activity.map((entry, i) => (i === 0 ? { ...entry, at: 9e15, text: hostileText } : entry)),
};

export const states: Readonly<Record<string, FixtureState>> = {
  loading: { state: undefined, histories, status: { kind: 'connecting' } },
  unreachable: {
    state: undefined,
    histories,
    status: { kind: 'lost', sinceAt: now, attempts: 5, retryAt: now + 8_000 },
  },
  empty: { state: emptyState(now), histories },
  headless: {
    state: {
      ...emptyState(now),
      host: { ...emptyState(now).host, kind: 'headless', hasDialogs: false, canShowInFolder: false },
    },
    histories,
  },
  young: { state: young, histories, live: id('shop') },
  first: { state: firstSnapshot, histories: new Map([[id('patients'), steady('patients', 0, 0, 1)]]) },
  five: { state: five, histories },
  hostile: { state: hostile, histories },
  good: { state: allGood, histories },
  broken: { state: broken, histories },
  away: { state: away, histories },
  emptied: { state: emptied, histories },
  waiting: { state: waiting, histories },
  closed: { state: closed, histories },
  links: { state: links, histories },
  replicas: { state: replicas, histories },
  'no-targets': { state: { ...emptyState(now), targets: [] }, histories },
  lost: {
    state: allGood,
    histories,
    status: { kind: 'lost', sinceAt: now - 12_000, attempts: 2, retryAt: now + 4_000 },
  },
  fetching: withOperation(operationOf('fetch', { share: 0.31 }, now)),
  applying: withOperation(operationOf('apply', {}, now)),
  restored: withOperation(operationOf(undefined, { state: 'done', result, ...ended }, now)),
  failed: withOperation(operationOf('apply', { state: 'failed', error: failure, ...ended }, now)),
};
