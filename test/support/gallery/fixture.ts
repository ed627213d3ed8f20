// An engine that invents its answers, so that every state of the application can be looked at: the same `Connection` as a
// real one.
import type { Connection, ConnectionStatus } from '../../../renderer/channel/connection.ts';
import type { Api, Argument, CommandName, Result } from '../../../shared/contract.ts';
import { AppError } from '../../../shared/errors.ts';
import type { DatabaseState } from '../../../shared/databases.ts';
import type { DatabaseId, NamedPointId, OperationId } from '../../../shared/ids.ts';
import { knownApplication } from '../../../shared/known-applications.ts';
import type { AppState, Settings } from '../../../shared/model.ts';
import type { NamedPoint } from '../../../shared/named-points.ts';
import type { Operation, RestoreProposal } from '../../../shared/operations.ts';
import type { FolderInspection, PlaceState, TargetState } from '../../../shared/targets.ts';
import { defaultRetention } from '../../../shared/retention.ts';
import { detailsOf } from './databases.ts';
import type { FixtureHistory } from './history.ts';
import { previewOf, testOf } from './targets.ts';

export interface FixtureState {
  readonly state: AppState | undefined;
  readonly histories: ReadonlyMap<DatabaseId, FixtureHistory>;
  readonly status?: ConnectionStatus;
  readonly theme?: Settings['theme'];
  /** A database that is written to while one watches. */
  readonly live?: DatabaseId;
}

type Handlers = { readonly [N in CommandName]?: (argument: Argument<N>) => Result<N> };

/** Opens the invented engine. */
export function openFixture(fixture: FixtureState): Connection {
  let state = fixture.state;
  if (state !== undefined && fixture.theme !== undefined) state = { ...state, settings: { theme: fixture.theme } };
  if (fixture.theme !== undefined) document.documentElement.dataset['theme'] = fixture.theme;
  const listeners = new Set<(state: AppState) => void>();

  function push(change: (state: AppState) => Partial<AppState>): void {
    if (state === undefined) return;
    state = { ...state, ...change(state) };
    for (const listener of listeners) listener(state);
  }

  const handlers = handlersOf({ fixture, push, read: () => state });
  if (fixture.live !== undefined) writeLive(fixture, fixture.live, push);

  const api: Api = {
    async call(name, argument) {
      await new Promise((resolve) => setTimeout(resolve, 15));
      const handle = handlers[name] as ((argument: unknown) => Result<typeof name>) | undefined;
      if (handle === undefined) throw new AppError('not-available', { what: name });
      return handle(argument);
    },
    subscribe(listener) {
      listeners.add(listener);
      if (state !== undefined) listener(state);
      return () => listeners.delete(listener);
    },
  };
  return {
    api,
    watch(listener) {
      listener(fixture.status ?? { kind: 'open' });
      return () => undefined;
    },
    retry: () => undefined,
    pathForFile: () => undefined,
  };
}

interface Context {
  readonly fixture: FixtureState;
  readonly push: (change: (state: AppState) => Partial<AppState>) => void;
  readonly read: () => AppState | undefined;
}

function handlersOf({ fixture, push, read }: Context): Handlers {
  let asked = 0;
  const historyOf = (id: string): FixtureHistory => {
    const history = fixture.histories.get(id as DatabaseId);
    if (history === undefined) throw new AppError('database-not-found', { database: id });
    return history;
  };
  const setStatus = (id: string | undefined, status: DatabaseState['status']): void =>
    push(({ databases }) => ({
      databases: databases.map((one) => (id === undefined || one.id === id ? { ...one, status } : one)),
    }));
  const setNames = (id: string, change: (named: readonly NamedPoint[]) => readonly NamedPoint[]): void =>
    push(({ databases }) => ({
      databases: databases.map((one) => (one.id === id ? { ...one, namedPoints: change(one.namedPoints) } : one)),
    }));
  return {
    getTimeline: ({ databaseId, ...range }) =>
      historyOf(databaseId).timeline(
        {
          bins: range.bins,
          ...(range.fromAt === undefined ? {} : { fromAt: range.fromAt }),
          ...(range.toAt === undefined ? {} : { toAt: range.toAt }),
        },
        Date.now(),
      ),
    listPoints: ({ databaseId, olderThan, limit }) => historyOf(databaseId).list(olderThan?.position, limit),
    findPoint: (wish) =>
      wish.kind === 'step'
        ? historyOf(wish.databaseId).step(wish.position, wish.by)
        : historyOf(wish.databaseId).atOrBefore(wish.at),
    getPoint: ({ databaseId, position }) => historyOf(databaseId).at(position),
    getPointCost: () => ({ bytes: 18_600_000 }),
    namePoint: ({ databaseId, position, name }) => {
      const namedPointId = `named-${Date.now()}` as NamedPointId;
      const point = historyOf(databaseId).at(position);
      setNames(databaseId, (named) =>
        [...named, { id: namedPointId, name, position: point?.position, at: point?.at ?? 0, namedAt: Date.now() }]
          .filter((one): one is NamedPoint => one.position !== undefined)
          .sort((a, b) => a.at - b.at),
      );
      return { namedPointId };
    },
    renamePoint: ({ databaseId, namedPointId, name }) =>
      setNames(databaseId, (named) => named.map((one) => (one.id === namedPointId ? { ...one, name } : one))),
    removePointName: ({ databaseId, namedPointId }) =>
      setNames(databaseId, (named) => named.filter((one) => one.id !== namedPointId)),
    pause: ({ databaseId }) => setStatus(databaseId, { kind: 'paused', sinceAt: Date.now() }),
    resume: ({ databaseId }) => setStatus(databaseId, { kind: 'protected' }),
    getDetails: ({ databaseId }) => {
      const { databases = [], app } = read() ?? {};
      const database = databases.find(({ id }) => id === databaseId);
      if (database === undefined || app === undefined)
        throw new AppError('database-not-found', { database: databaseId });
      asked += 1;
      // How often it was asked shows as what grows.
      return detailsOf(database, { startedAt: app.startedAt, transactions: 11_693 + asked });
    },
    updateSettings: (change) =>
      push(({ settings }) => ({ settings: change.theme === undefined ? settings : { theme: change.theme } })),
    suggestPaths: ({ prefix }) =>
      ['/home/ada/Documents', '/home/ada/till', '/home/ada/till/Sales.db', '/home/ada/till/Sales-2025.db']
        .filter((path) => path.startsWith(prefix))
        .map((path) => ({ path, isFolder: !path.endsWith('.db') })),
    inspectDatabase: ({ path }) => inspectDatabase(path),
    inspectFolder: ({ path, databasePath }) => inspectFolder(path, databasePath),
    testTarget: ({ place, targetId }) =>
      testOf(
        placeStateOf(
          place,
          read()?.targets.find(({ id }) => id === targetId),
        ),
      ),
    addTarget: () => {
      throw new AppError('not-available', { what: 'Saving a destination' });
    },
    updateTarget: () => undefined,
    removeTarget: ({ targetId }) => push(({ targets }) => ({ targets: targets.filter(({ id }) => id !== targetId) })),
    updateReplica: ({ databaseId, targetId, isEnabled }) =>
      push(({ databases }) => ({
        databases: databases.map((one) =>
          one.id === databaseId
            ? {
                ...one,
                replicas: one.replicas.map((replica) =>
                  replica.targetId === targetId ? { ...replica, isEnabled: isEnabled ?? replica.isEnabled } : replica,
                ),
              }
            : one,
        ),
      })),
    previewRetention: ({ retention = defaultRetention, at = Date.now() }) =>
      previewOf(retention, { at, now: Date.now() }),
    addDatabase: ({ path }) => {
      throw new AppError('database-already-protected', { path });
    },
    proposeRestore: ({ databaseId, position }): RestoreProposal => {
      const point = historyOf(databaseId).points.find((one) => one.position.offset === position.offset);
      const at = point?.at ?? Date.now();
      return {
        point: { position, at },
        proposedPath: '/home/ada/till/Sales (restored 2026-11-22 14.31.58).db',
        snapshotAt: at - 9 * 3_600_000,
        segments: 312,
        fetchBytes: 18_600_000,
        resultBytes: point?.sizeBytes ?? 48_200_000,
        freeBytes: 212_000_000_000,
        fromName: 'Backup disk',
      };
    },
    startRestore: ({ databaseId, outputPath }) => {
      const operation: Operation = {
        id: 'fresh' as OperationId,
        kind: 'restore',
        title: 'Restoring',
        databaseId: databaseId as DatabaseId,
        startedAt: Date.now(),
        endedAt: undefined,
        state: 'running',
        phases: [
          {
            name: 'plan',
            state: 'running',
            text: `Planning ${outputPath}`,
            doneBytes: 0,
            totalBytes: 0,
            ms: undefined,
          },
        ],
        error: undefined,
        result: undefined,
      };
      push(({ operations }) => ({ operations: [operation, ...operations] }));
      return { operationId: operation.id };
    },
    cancelOperation: () => undefined,
    dismissOperation: ({ operationId }) =>
      push(({ operations }) => ({ operations: operations.filter((one) => one.id !== operationId) })),
    removeDatabase: ({ databaseId }) =>
      push(({ databases }) => ({ databases: databases.filter((one) => one.id !== databaseId) })),
    listActivity: ({ beforeId = 1, databaseId }) =>
      (read()?.activity ?? [])
        .filter((entry) => databaseId === undefined || entry.databaseId === databaseId)
        .map((entry, index) => ({ ...entry, id: beforeId - 1 - index, at: entry.at - 86_400_000 })),
    startDemo: () => {
      throw new AppError('not-available', { what: 'The demo' });
    },
    stopDemo: () => push(({ demo }) => ({ demo: { ...demo, isRunning: false } })),
    showInFolder: () => undefined,
  };
}

/** A place as the state shows it: without what is secret. */
function placeStateOf(place: Argument<'testTarget'>['place'], target: TargetState | undefined): PlaceState {
  if (target !== undefined) return target.place;
  if (place.kind === 'folder') return place;
  const { region, endpoint, isPathStyle, storageClass } = place;
  return {
    ...place,
    region,
    endpoint,
    isPathStyle,
    storageClass,
    encryption: undefined,
    credentials:
      place.credentials.kind === 'keys'
        ? { kind: 'keys', accessKeyId: place.credentials.accessKeyId }
        : { kind: 'chain', profile: place.credentials.profile },
  };
}

function inspectDatabase(path: string): Result<'inspectDatabase'> {
  if (path.endsWith('.txt')) return { kind: 'refused', error: new AppError('database-not-sqlite', { path }).toData() };
  if (!/\.(db|anki2)$/.test(path))
    return { kind: 'refused', error: new AppError('database-missing', { path }).toData() };
  const isWal = !path.includes('2025');
  const application = knownApplication(path);
  const inCloud = new AppError('database-in-cloud-folder', { service: 'Dropbox' }).toData();
  return {
    kind: 'database',
    path,
    name: path.slice(path.lastIndexOf('/') + 1),
    sizeBytes: 48_200_000,
    pageSize: 4096,
    isWal,
    journalMode: isWal ? 'wal' : 'delete',
    ...(path.includes('/Dropbox/') ? { warning: inCloud } : {}),
    ...(application === undefined ? {} : { application }),
  };
}

function inspectFolder(path: string, databasePath: string): FolderInspection {
  if (path.startsWith('/proc')) return { kind: 'refused', error: new AppError('target-read-only', { path }).toData() };
  const database = databasePath.slice(databasePath.lastIndexOf('/') + 1);
  const replicaPath = `${path}/${database}`;
  if (path.startsWith('/mnt/office')) {
    const owner = {
      database,
      databasePath: `C:\\Till\\${database}`,
      machine: 'TILL-PC',
      since: '2026-03-02 08:14:09 UTC',
    };
    return { kind: 'refused', error: new AppError('target-owned-by-other', { path: replicaPath, ...owner }).toData() };
  }
  return {
    kind: 'usable',
    path,
    replicaPath,
    freeBytes: 812_000_000_000,
    contents: 'new',
    isSameDisk: path.startsWith('/home'),
  };
}

function writeLive(fixture: FixtureState, id: DatabaseId, push: Context['push']): void {
  const history = fixture.histories.get(id);
  if (history === undefined) return;
  setInterval(() => {
    const point = history.write(Date.now());
    push(({ databases }) => ({
      databases: databases.map((one) =>
        one.id === id ? { ...one, captured: point, newest: point, sizeBytes: point.sizeBytes } : one,
      ),
    }));
  }, 350);
}
