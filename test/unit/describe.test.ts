// How a database shows itself while nothing protects it, and what happens to it as sentences.
import fs from 'node:fs';
import type Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { capturedWhen, describeDatabase } from '../../electron/engine/switchboard/describe.ts';
import { narrate } from '../../electron/engine/switchboard/narrate.ts';
import type { ProtectionEvent } from '../../electron/engine/protection/session.ts';
import { Catalogue } from '../../electron/engine/state/catalogue.ts';
import { openStateDatabase } from '../../electron/engine/state/state-database.ts';
import type { DatabaseRow, ReplicaRow } from '../../electron/engine/state/rows.ts';
import { Store } from '../../electron/engine/state/store.ts';
import { AppError } from '../../shared/errors.ts';
import type { DatabaseId, TargetId } from '../../shared/ids.ts';
import type { Generation } from '../../shared/position.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

const generation = '00000000000000aa' as Generation;
const near = 'near' as TargetId;
const far = 'far' as TargetId;
let folder: TempFolder;
let database: Database.Database;
beforeEach(() => {
  folder = tempFolder();
  database = openStateDatabase(folder.at('data'));
});
afterEach(() => {
  database.close();
  folder[Symbol.dispose]();
});

describe('a database that nothing protects', () => {
  const replica = (targetId: TargetId): ReplicaRow => ({
    databaseId: 'id' as DatabaseId,
    targetId,
    url: `/${targetId}/shop.db`,
    isEnabled: true,
    syncIntervalMs: 1000,
    snapshotIntervalMs: 0,
    retention: { kind: 'keep-all' },
    retainedAt: undefined,
    refusesDeletesAt: undefined,
  });

  function show(over: Partial<DatabaseRow> = {}) {
    const store = new Store(database);
    const path = folder.at('shop.db');
    const [known] = store.databases();
    const id = known?.id ?? store.addDatabase({ path, addedAt: 1000, isDemo: false, isDeclared: false });
    const row = store.databases().find((one) => one.id === id);
    if (row === undefined) throw new Error('it was just added');
    return describeDatabase({
      row: { ...row, ...over },
      replicas: [replica(near), replica(far)],
      namedPoints: [],
      protection: undefined,
      notice: undefined,
      catalogue: new Catalogue(database),
      now: 9000,
      days: [],
    });
  }

  test('is starting, or paused since an instant', () => {
    expect(show().status).toEqual({ kind: 'starting' });
    expect(show({ pausedAt: 5000 }).status).toEqual({ kind: 'paused', sinceAt: 5000 });
  });

  test('shows the sizes of its files, and none where they are gone', () => {
    expect(show()).toMatchObject({ sizeBytes: 0, walBytes: 0, name: 'shop.db' });
    fs.writeFileSync(folder.at('shop.db'), 'x'.repeat(100));
    fs.writeFileSync(folder.at('shop.db-wal'), 'x'.repeat(50));
    expect(show()).toMatchObject({ sizeBytes: 100, walBytes: 50 });
  });

  test('shows what is known of each of its destinations', () => {
    const { id, newest, oldestAt } = show();
    expect([newest, oldestAt]).toEqual([undefined, undefined]);
    const catalogue = new Catalogue(database);
    for (const [targetId, at] of [
      [near, 2000],
      [far, 3000],
    ] as const) {
      const image = { targetId, generation, index: 0, offset: 0, at, pages: 1, pageSize: 512 };
      catalogue.addSnapshot(id, image, { beginsPart: true });
    }
    catalogue.setShipped(id, { targetId: near, generation, last: { index: 1, offset: 568, at: 4000 } });
    const last = { position: { generation, index: 1, offset: 568 }, at: 4000 };
    const shown = show();
    expect(shown).toMatchObject({ newest: last, oldestAt: 2000, captured: undefined, lag: { bytes: 0 } });
    expect(shown.replicas.map(({ targetId, shipped }) => [targetId, shipped])).toEqual([
      [near, last],
      [far, { position: { generation, index: 0, offset: 0 }, at: 3000 }],
    ]);
  });
});

describe('a protected database', () => {
  const anki = { path: '/home/ada/.local/share/Anki2/Ada/collection.anki2' };

  test('says nothing more where it is captured all the time', () => {
    expect(capturedWhen(anki, { isHeldExclusively: false })).toBeUndefined();
  });

  test.each([
    [anki.path, 'Anki'],
    ['/data/own.db', undefined],
  ])('%s, that its application keeps for itself, is captured when that one closes it', (path, application) => {
    expect(capturedWhen({ path }, { isHeldExclusively: true })).toEqual({ kind: 'closed', application });
  });
});

describe('narrate', () => {
  const replica: ReplicaRow = {
    databaseId: 'id' as DatabaseId,
    targetId: near,
    url: '/backup/shop.db',
    isEnabled: true,
    syncIntervalMs: 1000,
    snapshotIntervalMs: 0,
    retention: { kind: 'keep-all' },
    retainedAt: undefined,
    refusesDeletesAt: undefined,
  };
  const problem = { ...new AppError('target-missing', { path: '/backup' }).toData(), sinceAt: 5 };
  const sentence =
    'shop.db: The folder /backup is gone. Your database is untouched, and captured changes wait on this computer. Connect the disk again; Tidemark goes on by itself.';

  test.each<[ProtectionEvent, string, string]>([
    [{ kind: 'generation-started', reason: 'It was added', isFirst: true }, 'info', 'The history of shop.db begins.'],
    [
      { kind: 'generation-started', reason: 'Its notes were damaged', isFirst: false },
      'warning',
      'A new history of shop.db begins: Its notes were damaged. Earlier restore points stay.',
    ],
    [{ kind: 'snapshot', replica, bytes: 18_600_000 }, 'good', 'An image of shop.db (18.6 MB) lies on Backup disk.'],
    [
      { kind: 'gap', fromAt: 1, toAt: 2, pages: 1 },
      'info',
      'shop.db was changed while it was not watched; 1 changed page caught up.',
    ],
    [
      { kind: 'gap', fromAt: 1, toAt: 2, pages: 12 },
      'info',
      'shop.db was changed while it was not watched; 12 changed pages caught up.',
    ],
    [{ kind: 'problem', problem, replica }, 'warning', sentence],
    [{ kind: 'problem', problem, replica: undefined }, 'problem', sentence],
    [{ kind: 'recovered', replica }, 'good', 'shop.db: Backup disk is reachable again.'],
    [
      { kind: 'recovered', replica: { ...replica, targetId: far } },
      'good',
      'shop.db: the destination is reachable again.',
    ],
    [{ kind: 'recovered', replica: undefined }, 'good', 'shop.db is being captured again.'],
  ])('$kind', (event, level, text) => {
    const targets = [{ id: near, name: 'Backup disk' }];
    const { kind, ...said } = narrate(event, { name: 'shop.db', targets });
    expect([kind, said]).toEqual([event.kind === 'gap' ? 'generation-started' : event.kind, { level, text }]);
  });

  test.each<[string, boolean[], string]>([
    ['nothing', [], 'Every restore point can still be restored; a new image takes the place of what is gone.'],
    ['what another destination has', [true, true], 'They are whole on another destination of this database.'],
    ['something', [true, false], 'They are not offered any more. Everything else can be restored; '],
  ])('damage on a destination, by which %s is lost', (_what, kept, text) => {
    const losses = kept.map((isElsewhere, i) => ({ fromAt: i, toAt: i + 1, isElsewhere }));
    const told = narrate({ kind: 'damaged', replica, losses }, { name: 'shop.db', targets: [] });
    expect(told).toMatchObject({ kind: 'problem', level: 'warning' });
    expect(told.text).toContain('the destination was changed or removed there, not by Tidemark');
    expect(told.text).toContain(text);
  });
});
