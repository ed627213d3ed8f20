// Restores from real histories to real files, compared byte for byte with the image after every commit.
import { chmod, lstat, mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Access } from '../../electron/engine/basics/access.ts';
import { describePlan, restoreReplica } from '../../electron/engine/restore/restore.ts';
import type { RestoreWish } from '../../shared/contract.ts';
import type { Phase } from '../../shared/operations.ts';
import { faultyTarget } from '../support/faulty-target.ts';
import { RealHistory, type RecordedPoint } from '../support/replica-history.ts';
import { leftovers, newPlace, positionOf, restore, writeHistory } from '../support/replica-place.ts';
import { calm, failureOf } from '../support/replica-scratch.ts';

describe('a restore', () => {
  test('gives every recorded commit back, byte for byte and proven', async () => {
    const place = await newPlace();
    using history = await writeHistory(place);
    for (const point of history.points) {
      const { target } = place;
      const output = join(place.folder, `restored/${point.at}.db`);
      const position = positionOf(history, point);
      const result = await restore({ ...place, target, output }, { kind: 'position', position });
      expect((await readFile(output)).equals(point.image), `commit at ${point.at}`).toBe(true);
      expect(result).toEqual({
        path: output,
        point: { position, at: point.at },
        sizeBytes: point.image.length,
        proof: { kind: 'identical', stateHash: point.state, check: 'quick_check ok' },
      });
    }
    expect(await leftovers(place)).toEqual(history.points.map(({ at }) => `${at}.db`));
  });

  test.each([
    ['exactly at a commit', 0, 0],
    ['between two commits', 0, 999],
    ['just before the next', 5, 999],
    ['within a segment of several commits', 1, 0],
    ['long after the last', 8, 1e9],
  ])('finds the point at or before a time: %s', async (_name, at, later) => {
    const place = await newPlace();
    using history = await writeHistory(place);
    const point = history.points[at] as RecordedPoint;
    const result = await restore(place, { kind: 'time', at: point.at + later });
    expect(result.point).toEqual({ position: positionOf(history, point), at: point.at });
    expect((await readFile(place.output)).equals(point.image)).toBe(true);
  });

  test('restores a foreign history to the end of each segment, and does not claim to have proven it', async () => {
    const place = await newPlace();
    using history = await writeHistory(place, { isForeign: true });
    const result = await restore(place, { kind: 'latest' });
    expect(result.proof).toEqual({ kind: 'image', stateHash: history.last.state, check: 'quick_check ok' });
    expect(result.point.position).toEqual(positionOf(history, history.last));
    expect((await readFile(place.output)).equals(history.last.image)).toBe(true);

    const ends = [0, 2, 3, 5, 6, 8].map((i) => history.points[i] as RecordedPoint);
    for (const point of ends) {
      const output = join(place.folder, `restored/${point.at}.db`);
      await restore({ ...place, output }, { kind: 'time', at: point.at + 500 });
      expect((await readFile(output)).equals(point.image), `segment ending at ${point.at}`).toBe(true);
    }
  });

  test.each([512, 1024, 16_384, 65_536])('works for pages of %i bytes', async (pageSize) => {
    const place = await newPlace();
    using history = new RealHistory({ ...place, pageSize });
    history.commit(3);
    await history.snapshot();
    await history.ship();
    history.commit(20);
    await history.ship();
    const result = await restore(place, { kind: 'latest' });
    expect(result.proof.kind).toBe('identical');
    expect((await readFile(place.output)).equals(history.last.image)).toBe(true);
  });

  test('tells its phases in order, with figures', async () => {
    const place = await newPlace();
    using history = await writeHistory(place);
    const phases: Phase[] = [];
    const { target, output } = place;
    const wish: RestoreWish = { kind: 'time', at: history.last.at + 1e6 };
    await restoreReplica({
      target,
      wish,
      outputPath: output,
      fullCheck: true,
      onPhase: (phase) => phases.push(phase),
      signal: calm,
    });
    const done = phases.filter(({ state }) => state === 'done');
    expect(done.map(({ name }) => name)).toEqual(['plan', 'fetch', 'apply', 'prove', 'check', 'publish']);
    const text = Object.fromEntries(done.map((phase) => [phase.name, phase.text]));
    expect(text['plan']).toBe(
      'The newest restore point is 2026-01-02T10:00:08.000Z, before the time asked for: the snapshot of 2026-01-02T10:00:06.000Z and 2 segments',
    );
    expect(text['fetch']).toMatch(/^Fetched 2 segments, .* kB$/);
    expect(text['prove']).toBe(`Identical to what was captured, page for page (${history.last.state})`);
    expect(text['check']).toBe('SQLite says: integrity_check ok');
    expect(done.find(({ name }) => name === 'apply')?.doneBytes).toBe(history.last.image.length);
    expect(
      phases.every(
        ({ doneBytes, totalBytes, state }) => state === 'done' || totalBytes === 0 || doneBytes <= totalBytes,
      ),
    ).toBe(true);
  });

  test('says beforehand what it would do', async () => {
    const place = await newPlace();
    using history = await writeHistory(place);
    const point = history.points[4] as RecordedPoint;
    const wish: RestoreWish = { kind: 'position', position: positionOf(history, point) };
    expect(await describePlan({ target: place.target, wish, signal: calm })).toEqual({
      point: { position: positionOf(history, point), at: point.at },
      snapshotAt: history.points[0]?.at,
      segments: 4,
      fetchBytes: expect.any(Number) as number,
      resultBytes: point.image.length,
      isNewest: false,
      order: [history.generation],
    });
  });

  test('gives the file the permissions of the original, or its owner alone any', async () => {
    const place = await newPlace();
    using history = await writeHistory(place);
    expect(history.points).toHaveLength(9);
    const { target, output } = place;
    const given = async (access: Access): Promise<number> => {
      await restoreReplica({ target, wish: { kind: 'latest' }, outputPath: output, access, signal: calm });
      const { mode } = await stat(output);
      await rm(output);
      return mode & 0o777;
    };
    const { gid } = await stat(place.folder);
    expect(await given({ mode: 0o100640, gid })).toBe(0o640);
    expect(await given({ mode: 0o755, gid })).toBe(0o644);
    // What a group was allowed is for no group of which that is not known.
    expect(await given({ mode: 0o640 })).toBe(0o600);
    const other = join(place.folder, 'restored/other.db');
    await restore({ ...place, output: other }, { kind: 'latest' });
    expect((await stat(other)).mode & 0o777).toBe(0o600);
  });
});

describe('the place of a restored file', () => {
  test.each(['file', 'dead link', 'folder'])('is refused when a %s is there, which stays as it is', async (kind) => {
    const place = await newPlace();
    using history = await writeHistory(place);
    expect(history.points).toHaveLength(9);
    if (kind === 'file') await writeFile(place.output, 'precious');
    if (kind === 'dead link') await symlink('/nowhere/at/all', place.output);
    if (kind === 'folder') await mkdir(place.output);
    const before = await lstat(place.output);
    expect(await failureOf(restore(place, { kind: 'latest' }))).toMatchObject({
      code: 'output-exists',
      details: { path: place.output },
    });
    expect((await lstat(place.output)).mtimeMs).toBe(before.mtimeMs);
    expect(await leftovers(place)).toEqual(['out.db']);
  });

  test.each(['-wal', '-shm', '-journal'])('is refused when a stale %s lies beside it', async (suffix) => {
    const place = await newPlace();
    using history = await writeHistory(place);
    expect(history.points).toHaveLength(9);
    await writeFile(`${place.output}${suffix}`, 'stale');
    expect(await failureOf(restore(place, { kind: 'latest' }))).toMatchObject({
      code: 'output-sidecar',
      details: { sidecar: `${place.output}${suffix}` },
    });
    expect(await leftovers(place)).toEqual([`out.db${suffix}`]);
  });

  test('is refused when its folder is missing or a file', async () => {
    const place = await newPlace();
    using history = await writeHistory(place);
    expect(history.points).toHaveLength(9);
    const missing = join(place.folder, 'no/such');
    expect(await failureOf(restore({ ...place, output: join(missing, 'out.db') }, { kind: 'latest' }))).toMatchObject({
      code: 'output-folder-missing',
      details: { path: missing },
    });
    const file = join(place.folder, 'file');
    await writeFile(file, '');
    expect(await failureOf(restore({ ...place, output: join(file, 'out.db') }, { kind: 'latest' }))).toMatchObject({
      code: 'output-folder-missing',
    });
  });

  test.skipIf(process.getuid?.() === 0)('is refused when nothing may be written there', async () => {
    const place = await newPlace();
    await chmod(join(place.folder, 'restored'), 0o500);
    expect(await failureOf(restore(place, { kind: 'latest' }))).toMatchObject({ code: 'output-no-permission' });
  });

  test('is never taken from a file that appears during the restore', async () => {
    const place = await newPlace();
    using history = await writeHistory(place);
    expect(history.points).toHaveLength(9);
    const { target, output } = place;
    let work = Promise.resolve();
    const onPhase = ({ name, state }: Phase) => {
      if (name === 'check' && state === 'done') work = writeFile(output, 'precious');
    };
    const slow = faultyTarget(target, { latencyMs: 1 });
    const error = await failureOf(
      restoreReplica({ target: slow, wish: { kind: 'latest' }, outputPath: output, onPhase, signal: calm }),
    );
    await work;
    expect(error).toMatchObject({ code: 'output-exists' });
    expect(await readFile(output, 'utf8')).toBe('precious');
    expect(await leftovers(place)).toEqual(['out.db']);
  });
});
