// What goes wrong: damaged and missing objects, failing targets, full disks, cancelling, kill -9. Either the truth comes out
// or an error that names the trouble, and never is anything left behind.
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseKey } from '../../electron/engine/replica/keys.ts';
import { encodeWhole, encodeObject, openObject, readTrailer } from '../../electron/engine/replica/object.ts';
import { removeStaleRestoreFiles } from '../../electron/engine/restore/output.ts';
import { restoreReplica } from '../../electron/engine/restore/restore.ts';
import { createFolderTarget } from '../../electron/engine/targets/folder.ts';
import type { Target } from '../../electron/engine/targets/target.ts';
import type { Phase, RestorePhase } from '../../shared/operations.ts';
import { faultyTarget } from '../support/faulty-target.ts';
import { startScript } from '../support/processes.ts';
import { RealHistory } from '../support/replica-history.ts';
import { leftovers, newPlace, type Place, restore, writeHistory } from '../support/replica-place.ts';
import { calm, collect, failureOf, inPieces, noise, scratchFolder } from '../support/replica-scratch.ts';

/** One snapshot, two indices with two segments each: every object is needed for the newest point. */
async function writeShortHistory({ folder, target }: Place): Promise<RealHistory> {
  const history = new RealHistory({ folder, target });
  history.commit(3);
  await history.snapshot();
  await history.ship();
  history.commit(5);
  await history.ship();
  history.restart();
  history.commit((database) => database.exec('UPDATE t SET n = 7 WHERE id = 1'));
  await history.ship();
  history.commit(2);
  await history.ship();
  return history;
}

const keysOf = async (target: Target) => (await target.list('', { signal: calm })).map(({ key }) => key);

describe('a damaged object', () => {
  test('of any kind, changed anywhere, is refused and named; nothing is left', async () => {
    const place = await newPlace();
    using history = await writeShortHistory(place);
    expect(history.points).toHaveLength(4);
    const keys = await keysOf(place.target);
    expect(keys).toHaveLength(5);
    for (const key of keys) {
      const path = join(place.target.path, key);
      const object = await readFile(path);
      const trailerAt = object.lastIndexOf(Buffer.from([0x5d, 0x2a, 0x4d, 0x18]));
      const places = {
        magic: 1,
        header: 5,
        block: 200,
        checksum: trailerAt - 2,
        trailer: trailerAt + 40,
        end: object.length - 1,
      };
      for (const [where, at] of Object.entries(places)) {
        const changed = Buffer.from(object);
        changed[at] = (changed[at] ?? 0) ^ 0x10;
        await writeFile(path, changed);
        const error = await failureOf(restore(place, { kind: 'latest' }));
        expect(error, `${key}, ${where}`).toMatchObject({ code: 'object-damaged', details: { key } });
      }
      await writeFile(path, object);
    }
    expect(await leftovers(place)).toEqual([]);
  });

  test('is refused with the nearest good points', async () => {
    const place = await newPlace();
    using history = await writeHistory(place);
    const key = (await keysOf(place.target)).find((name) => name.includes('/wal/00000001_0000')) ?? '';
    const path = join(place.target.path, key);
    await writeFile(path, (await readFile(path)).subarray(0, -300));
    const error = await failureOf(restore(place, { kind: 'index', index: 1 }));
    expect(error).toMatchObject({
      code: 'object-damaged',
      details: {
        key,
        before: new Date(history.points[2]?.at ?? 0).toISOString(),
        after: new Date(history.points[6]?.at ?? 0).toISOString(),
      },
    });
  });

  test('that is the newest snapshot is gone round by an older one', async () => {
    const place = await newPlace();
    using history = await writeHistory(place);
    const key = (await keysOf(place.target)).find((name) => name.endsWith('00000002.snapshot.lz4')) ?? '';
    const target = faultyTarget(place.target, {
      fault: (verb, name) => (verb === 'get' && name === key ? { kind: 'flip', at: 100 } : undefined),
    });
    const result = await restore({ ...place, target }, { kind: 'latest' });
    expect(result.proof).toMatchObject({ kind: 'identical', stateHash: history.last.state });
    expect((await readFile(place.output)).equals(history.last.image)).toBe(true);
    expect(await leftovers(place)).toEqual(['out.db']);
  });

  test('is found by the WAL’s own chain where hash and length were forged', async () => {
    const place = await newPlace();
    using history = await writeShortHistory(place);
    expect(history.points).toHaveLength(4);
    const key =
      (await keysOf(place.target)).find(
        (name) => name.includes('/wal/00000000_0000') && !name.endsWith('_00000000.wal.lz4'),
      ) ?? '';
    const content = await collect(openObject(place.target, key, { storedBytes: 1 << 20, signal: calm }));
    content[5000] = (content[5000] ?? 0) ^ 1;
    await rewrite(place.target, key, content);
    expect(await failureOf(restore(place, { kind: 'latest' }))).toMatchObject({
      code: 'object-damaged',
      details: { key, reason: expect.stringContaining('checksum chain breaks') as string },
    });
  });

  test('is found by the proof where everything else was forged', async () => {
    const place = await newPlace();
    using history = await writeShortHistory(place);
    const snapshot = (await keysOf(place.target)).find((key) => key.includes('/snapshots/')) ?? '';
    const image = Buffer.from(history.points[0]?.image ?? []);
    // In the header of page 2, which no segment replaces: a byte that SQLite does not mind.
    const fragmented = 4096 + 7;
    image[fragmented] = (image[fragmented] ?? 0) ^ 1;
    await rewrite(place.target, snapshot, image);
    const error = await failureOf(
      restore(place, {
        kind: 'position',
        position: { generation: history.generation, index: 0, offset: history.points[0]?.offset ?? 0 },
      }),
    );
    expect(error).toMatchObject({ code: 'proof-failed' });
    expect(await leftovers(place)).toEqual([]);
  });
});

describe('what SQLite says of the result', () => {
  test('that was damaged when it was captured, is told, and the file is given all the same', async () => {
    const place = await newPlace();
    using history = await writeShortHistory(place);
    corruptSchema(history, "UPDATE sqlite_schema SET rootpage = 9999 WHERE name = 't'");
    await history.ship();
    const { proof } = await restore(place, { kind: 'latest' });
    expect(proof).toEqual({
      kind: 'identical',
      stateHash: history.last.state,
      check: 'findings',
      findings: expect.any(Array) as string[],
    });
    expect(proof.findings?.length).toBeGreaterThan(0);
    expect((await readFile(place.output)).equals(history.last.image)).toBe(true);
  });

  test('that it cannot check without the application, does not stand in the way', async () => {
    const place = await newPlace();
    using history = await writeShortHistory(place);
    history.commit((database) => database.exec('CREATE TABLE named(name TEXT); CREATE INDEX by_name ON named(name)'));
    corruptSchema(
      history,
      "UPDATE sqlite_schema SET sql = 'CREATE INDEX by_name ON named(name COLLATE german)' WHERE name = 'by_name'",
    );
    await history.ship();
    expect((await restore(place, { kind: 'latest' })).proof).toEqual({
      kind: 'identical',
      stateHash: history.last.state,
      check: 'not possible',
    });
    expect((await readFile(place.output)).equals(history.last.image)).toBe(true);
  });
});

describe('a missing object', () => {
  test('in the middle is a gap with its range and the nearest good points', async () => {
    const place = await newPlace();
    using history = await writeHistory(place);
    const segments = (await keysOf(place.target)).filter((key) => parseKey(key)?.kind === 'segment');
    for (const key of segments.slice(0, 3)) {
      const object = await readFile(join(place.target.path, key));
      await place.target.delete([key], { signal: calm });
      const error = await failureOf(restore(place, { kind: 'time', at: history.points[5]?.at ?? 0 }));
      expect(error, key).toMatchObject({
        code: 'history-gap',
        details: { before: expect.any(String) as string, after: new Date(history.points[6]?.at ?? 0).toISOString() },
      });
      await place.target.put(key, object, { signal: calm });
    }
    expect(await leftovers(place)).toEqual([]);
  });

  test('at the end of an index is a gap too', async () => {
    const place = await newPlace();
    using history = await writeShortHistory(place);
    const key = (await keysOf(place.target)).findLast((name) => name.includes('/wal/00000000_')) ?? '';
    await place.target.delete([key], { signal: calm });
    const from = history.points[0]?.offset ?? 0;
    const to = history.points[1]?.offset ?? 0;
    const hex = (value: number) => value.toString(16).padStart(8, '0');
    expect(await failureOf(restore(place, { kind: 'latest' }))).toMatchObject({
      code: 'history-gap',
      details: {
        missing: `index 00000000, offset ${hex(from)} to ${hex(to)}`,
        before: new Date(history.points[0]?.at ?? 0).toISOString(),
      },
    });
  });

  test('in a foreign history is seen once the others are fetched', async () => {
    const place = await newPlace();
    using history = new RealHistory({ ...place, isForeign: true });
    history.commit(3);
    await history.snapshot();
    await history.ship();
    history.commit(3);
    const middle = await history.ship();
    history.commit(3);
    await history.ship();
    await place.target.delete([middle], { signal: calm });
    expect(await failureOf(restore(place, { kind: 'latest' }))).toMatchObject({
      code: 'history-gap',
      details: {
        missing: expect.stringMatching(/^index 00000000, offset /) as string,
        before: new Date(history.points[0]?.at ?? 0).toISOString(),
      },
    });
    expect(await leftovers(place)).toEqual([]);
  });

  test('that vanishes after it was listed is named', async () => {
    const place = await newPlace();
    using history = await writeShortHistory(place);
    expect(history.points).toHaveLength(4);
    const key = (await keysOf(place.target)).at(-1) ?? '';
    const onPhase = ({ name, state }: Phase) => {
      if (name === 'plan' && state === 'done') execFileSync('rm', [join(place.target.path, key)]);
    };
    const { target, output } = place;
    expect(
      await failureOf(restoreReplica({ target, wish: { kind: 'latest' }, outputPath: output, onPhase, signal: calm })),
    ).toMatchObject({ code: 'object-damaged', details: { key, reason: 'it was listed, but is not there' } });
  });
});

describe('a failing target', () => {
  test.each([
    ['list', 'generations/', { kind: 'before' }, 'target-failed'],
    ['get', 'segment', { kind: 'before' }, 'target-failed'],
    ['get', 'segment', { kind: 'mid-body', bytes: 100 }, 'target-failed'],
    ['get', 'snapshot', { kind: 'mid-body', bytes: 100, code: 'target-missing' }, 'target-missing'],
    ['get', 'snapshot', { kind: 'short-read', bytes: 100 }, 'object-damaged'],
  ] as const)('(%s %s: %o) ends the restore with %s and leaves nothing', async (verb, kind, fault, code) => {
    const place = await newPlace();
    using history = await writeShortHistory(place);
    expect(history.points).toHaveLength(4);
    const target = faultyTarget(place.target, {
      fault: (called, key) => (called === verb && (parseKey(key)?.kind ?? key) === kind ? fault : undefined),
    });
    expect(await failureOf(restore({ ...place, target }, { kind: 'latest' }))).toMatchObject({ code });
    expect(await leftovers(place)).toEqual([]);
  });

  test('that is slow and reads in small pieces makes no difference', async () => {
    const place = await newPlace();
    using history = await writeShortHistory(place);
    const target = faultyTarget(place.target, { latencyMs: 1, pieceBytes: 4097 });
    await restore({ ...place, target }, { kind: 'latest' });
    expect((await readFile(place.output)).equals(history.last.image)).toBe(true);
  });
});

describe('cancelling', () => {
  test.each(['plan', 'fetch', 'apply', 'prove', 'check', 'publish'] satisfies RestorePhase[])(
    'in phase %s ends with its reason and leaves nothing',
    async (phase) => {
      const place = await newPlace();
      using history = await writeShortHistory(place);
      expect(history.points).toHaveLength(4);
      const control = new AbortController();
      const { target, output } = place;
      const error = await failureOf(
        restoreReplica({
          target,
          wish: { kind: 'latest' },
          outputPath: output,
          onPhase: ({ name, state }) => {
            if (name === phase && state === 'running') control.abort('enough');
          },
          signal: control.signal,
        }),
      );
      expect(error).toBe('enough');
      expect(await leftovers(place)).toEqual([]);
    },
  );
});

describe('a killed restore', () => {
  test.each(['fetch', 'apply', 'prove', 'publish'] satisfies RestorePhase[])(
    'leaves nothing under the final name in phase %s, and its remains are removed by the next',
    async (phase) => {
      const place = await newPlace();
      using history = await writeShortHistory(place);
      await using process = startScript('replica-restore-process.ts', [place.target.path, place.output, phase]);
      await process.printed(`stopped at ${phase}\n`);
      process.child.kill('SIGKILL');
      await process.ended;
      const remains = await leftovers(place);
      expect(remains.length).toBeGreaterThan(0);
      expect(remains.every((name) => name.startsWith('.out.db.tidemark-'))).toBe(true);

      await restore(place, { kind: 'latest' });
      expect((await readFile(place.output)).equals(history.last.image)).toBe(true);
      expect(await leftovers(place)).toEqual(['out.db']);
    },
  );

  test('is told from a living one, from another machine’s, and from what only looks alike', async () => {
    const place = await newPlace();
    using history = await writeShortHistory(place);
    expect(history.points).toHaveLength(4);
    const folder = dirname(place.output);
    await using alive = startScript('replica-restore-process.ts', [place.target.path, place.output, 'fetch']);
    await alive.printed('stopped at fetch\n');
    const living = (await leftovers(place)).find((name) => name.startsWith('.out.db.tidemark-')) ?? '';
    const dead = living.replace(/-\d+-/, '-4194305-');
    const foreign = dead.replace(/tidemark-[0-9a-f]{6}/, 'tidemark-000000');
    const strange = ['.tidemark', 'out.db.tidemark-1', '.out.db.tidemark-old'];
    for (const name of [`${dead}.db`, `${dead}.db-wal`, `${foreign}.db`, ...strange])
      await writeFile(join(folder, name), '');
    await mkdir(join(folder, dead));
    await writeFile(join(folder, dead, 'restored.db'), '');
    await removeStaleRestoreFiles(folder);
    const left = await readdir(folder);
    expect(left).toEqual(expect.arrayContaining([living, `${foreign}.db`, ...strange]));
    expect(left.filter((name) => name.startsWith(dead))).toEqual([]);
  });
});

describe.skipIf(process.getuid?.() !== 0 || process.platform !== 'linux')('a full disk', () => {
  test('is seen before anything is fetched, where sizes are known', async () => {
    const place = await newPlace();
    using history = await writeShortHistory(place);
    expect(history.points).toHaveLength(4);
    const folder = await smallDisk('size=48k');
    const target = faultyTarget(place.target, {});
    const error = await failureOf(restore({ target, output: join(folder, 'out.db') }, { kind: 'latest' }));
    expect(error).toMatchObject({ code: 'output-full', details: { path: folder, freeBytes: 49_152 } });
    expect(target.calls.filter((call) => call.includes('snapshot')).length).toBe(1);
    expect(await readdir(folder)).toEqual([]);
  });

  test('in the middle of a restore is a clear error, and the unfinished file is gone', async () => {
    const place = await newPlace();
    using history = await writeHistory(place, { isForeign: true });
    expect(history.points).toHaveLength(9);
    const folder = await smallDisk('size=100k');
    const error = await failureOf(restore({ ...place, output: join(folder, 'out.db') }, { kind: 'index', index: 1 }));
    expect(error).toMatchObject({ code: 'output-full', details: { path: folder } });
    expect(await readdir(folder)).toEqual([]);
  });

  test('at the destination is told apart, and leaves no half object', async () => {
    const folder = await smallDisk('size=100k');
    const target = await createFolderTarget({ path: join(folder, 'replica') });
    await target.put('small', noise(1000), { signal: calm });
    const full = { code: 'target-full', details: { path: target.path } };
    expect(await failureOf(target.put('large', noise(200_000), { signal: calm }))).toMatchObject(full);
    expect(await failureOf(target.put('stream', inPieces(noise(200_000), [1000]), { signal: calm }))).toMatchObject(
      full,
    );
    expect(await target.list('', { signal: calm })).toMatchObject([{ key: 'small' }]);
    await rm(join(target.path, 'small'));
    await target.put('fits', noise(80_000), { signal: calm });
    expect(await keysOf(target)).toEqual(['fits']);
  });

  test('that is read-only is told apart', async () => {
    const folder = await smallDisk('size=100k');
    const target = await createFolderTarget({ path: join(folder, 'replica') });
    const place = await newPlace();
    using history = await writeShortHistory(place);
    expect(history.points).toHaveLength(4);
    execFileSync('mount', ['-o', 'remount,ro', folder]);
    expect(await failureOf(target.put('key', noise(1), { signal: calm }))).toMatchObject({ code: 'target-read-only' });
    expect(await failureOf(restore({ ...place, output: join(folder, 'out.db') }, { kind: 'latest' }))).toMatchObject({
      code: 'output-no-permission',
      details: { path: folder },
    });
  });
});

/** One commit that edits the schema as text, as only a bug or another SQLite could. */
function corruptSchema(history: RealHistory, statement: string): void {
  history.database.unsafeMode(true);
  history.database.pragma('writable_schema = ON');
  history.commit((database) => database.exec(statement));
  history.database.pragma('writable_schema = OFF');
}

/** Puts other content under a key, with a trailer that fits it but tells the old story. */
async function rewrite(target: Target, key: string, content: Uint8Array): Promise<void> {
  const [object] = await target.list(key, { signal: calm });
  if (object === undefined) throw new Error(`no ${key}`);
  const trailer = await readTrailer(target, object, { signal: calm });
  if (trailer === undefined) throw new Error(`${key} has no trailer`);
  const { v: _v, size: _size, hash: _hash, ...fields } = trailer;
  const body = key.includes('/wal/')
    ? await encodeWhole(content, fields)
    : encodeObject(inPieces(content), () => fields);
  await target.put(key, body, { signal: calm });
}

/** A file system of its own that is soon full. */
async function smallDisk(options: string): Promise<string> {
  const folder = await scratchFolder();
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]);
  onTestFinished(() => void execFileSync('umount', [folder]));
  return folder;
}
