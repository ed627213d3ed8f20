// The folder target: the contract of all targets, and what only file systems do.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rename, rm, rmdir, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createFolderTarget, openFolderTarget } from '../../electron/engine/targets/folder.ts';
import { faultyTarget } from '../support/faulty-target.ts';
import { calm, collect, failureOf, inPieces, noise, scratchFolder } from '../support/replica-scratch.ts';
import { describeTargetContract } from '../support/target-contract.ts';

const openNew = async () => createFolderTarget({ path: join(await scratchFolder(), 'replica') });

describeTargetContract('a folder', openNew);
describeTargetContract('a folder behind latency and short reads', async () =>
  faultyTarget(await openNew(), { latencyMs: 1, pieceBytes: 30_000 }),
);

describe('a folder target', () => {
  test('dates an object as told, to the millisecond', async () => {
    const target = await openNew();
    const instants = [1_700_000_000_123, 1_700_000_000_001, 1_700_000_000_999, 1_700_000_001_000];
    for (const at of instants) await target.put(`at/${at}`, noise(1), { modifiedAt: at, signal: calm });
    const listed = await target.list('at/', { signal: calm });
    expect(listed.map(({ modifiedAt }) => modifiedAt)).toEqual([...instants].sort((a, b) => a - b));
  });

  test('never dates an object after the instant that it is told, not by a nanosecond', async () => {
    const target = await openNew();
    const instants = Array.from({ length: 64 }, (_, i) => 1_796_000_000_000 + i * 17 + 1);
    for (const at of instants) await target.put(`at/${at}`, noise(1), { modifiedAt: at, signal: calm });
    for (const at of instants) {
      const { mtimeNs } = await stat(join(target.path, `at/${at}`), { bigint: true });
      const earlyNs = BigInt(at) * 1_000_000n - mtimeNs;
      expect(earlyNs >= 0n && earlyNs < 2000n, `${at} is ${earlyNs} ns early`).toBe(true);
    }
  });

  test.skipIf(process.getuid?.() !== 0)('passes over folders that are not its own and may not be read', async () => {
    const target = await openNew();
    const access = { mode: 0o644 };
    await target.put('tidemark.json', noise(1), { access, signal: calm });
    await target.put('generations/0123456789abcdef/wal/1', noise(1), { access, signal: calm });
    for (const name of ['lost+found', '.Trash-0', 'generations/.Spotlight-V100']) {
      await mkdir(join(target.path, name), { mode: 0o700 });
    }
    await writeFile(join(target.path, 'generations/.DS_Store'), 'foreign');
    const list = () => {
      const url = new URL('../../electron/engine/targets/folder.ts', import.meta.url).href;
      const script = `
        const { openFolderTarget } = await import('${url}');
        const target = openFolderTarget({ path: '${target.path}' });
        const { signal } = new AbortController();
        const keys = (await Promise.all(['', 'tidemark.json', 'generations/'].map((at) => target.list(at, { signal }))))
          .map((found) => found.map(({ key }) => key));
        console.log(JSON.stringify(keys));`;
      const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], { uid: 65_534, encoding: 'utf8' });
      return run.status === 0 ? (JSON.parse(run.stdout) as string[][]) : run.stderr;
    };
    for (const folder of ['..', '.', 'generations', 'generations/0123456789abcdef', 'generations/0123456789abcdef/wal'])
      await chmod(join(target.path, folder), 0o755);
    const own = ['generations/.DS_Store', 'generations/0123456789abcdef/wal/1'];
    expect(list()).toEqual([[...own, 'tidemark.json'], ['tidemark.json'], own]);
    // What is its own is history: not to see it must not look like having none.
    await chmod(join(target.path, 'generations/0123456789abcdef/wal'), 0o700);
    expect(list()).toContain('target-no-permission');
  });

  test('is a plain folder of plain files, with nothing left over', async () => {
    const target = await openNew();
    await target.put('generations/x/wal/1', inPieces(noise(10), [3]), { signal: calm });
    await target.put('generations/x/wal/1', noise(11), { signal: calm });
    expect(await readdir(target.path, { recursive: true })).toEqual([
      'generations',
      'generations/x',
      'generations/x/wal',
      'generations/x/wal/1',
    ]);
    await target.delete(['generations/x/wal/1'], { signal: calm });
    expect(await readdir(target.path)).toEqual([]);
  });

  test('keeps a stream of any length, in chunks of any size', async () => {
    const target = await openNew();
    const kibi = 1024;
    const lengths = [0, 1, 32 * kibi, 544 * kibi, 1056 * kibi].flatMap((bytes) => [bytes, bytes + 1, bytes + 4095]);
    for (const length of lengths) {
      for (const chunks of [[7000], [32 * kibi], [600 * kibi, 1, 0, 40_000]]) {
        const bytes = noise(length);
        expect(await target.put('x', inPieces(bytes, chunks), { signal: calm })).toMatchObject({ bytes: length });
        expect((await collect(target.get('x', { signal: calm }))).equals(bytes)).toBe(true);
      }
    }
  });

  test('writes, deletes and reads nothing where a link leads, and waits for no pipe', async () => {
    const target = await openNew();
    const elsewhere = await scratchFolder();
    await mkdir(join(elsewhere, 'wal'));
    await writeFile(join(elsewhere, 'wal/precious'), 'precious');
    await writeFile(join(elsewhere, 'wal/2.0123456789ab.tmp'), 'precious');
    await target.put('generations/x/wal/1', noise(1), { signal: calm });
    await rm(join(target.path, 'generations/x/wal/1'));
    await rmdir(join(target.path, 'generations/x/wal'));
    await symlink(join(elsewhere, 'wal'), join(target.path, 'generations/x/wal'));
    await symlink(join(elsewhere, 'wal/precious'), join(target.path, 'tidemark.json'));
    execFileSync('mkfifo', [join(target.path, 'pipe')]);
    const before = await readdir(elsewhere, { recursive: true });

    expect(await failureOf(target.put('generations/x/wal/2', noise(1), { signal: calm }))).toMatchObject({
      code: 'target-failed',
      details: { reason: expect.stringContaining('is a link, which leads elsewhere') as string },
    });
    expect(await failureOf(target.delete(['generations/x/wal/precious'], { signal: calm }))).toMatchObject({
      code: 'target-failed',
    });
    await target.removeLeftovers({ now: 0, signal: calm });
    for (const key of ['generations/x/wal/precious', 'tidemark.json'])
      expect(await failureOf(collect(target.get(key, { signal: calm })))).toMatchObject({ code: 'target-failed' });
    expect(await failureOf(collect(target.get('pipe', { signal: calm })))).toMatchObject({ code: 'object-missing' });
    expect(await target.list('', { signal: calm })).toEqual([]);
    expect(await failureOf(target.list('generations/x/wal/', { signal: calm }))).toMatchObject({
      code: 'target-failed',
    });
    // What replaces a link replaces the link.
    await target.put('tidemark.json', noise(3), { signal: calm });
    expect(await readFile(join(elsewhere, 'wal/precious'), 'utf8')).toBe('precious');
    expect(await readdir(elsewhere, { recursive: true })).toEqual(before);
  });

  test('never lists a temporary file, and removes only its own stale ones', async () => {
    const target = await openNew();
    await target.put('wal/1', noise(1), { signal: calm });
    await writeFile(join(target.path, 'wal/2.0123456789ab.tmp'), 'half');
    await writeFile(join(target.path, 'wal/3.tmp'), 'somebody else’s');
    const isDone: Promise<unknown>[] = [];
    async function* body() {
      yield noise(10);
      await target.removeLeftovers?.({ now: Date.now(), signal: calm });
      yield noise(10);
    }
    isDone.push(target.put('wal/4', body(), { signal: calm }));
    await Promise.all(isDone);
    expect(await target.list('', { signal: calm })).toMatchObject([{ key: 'wal/1' }, { key: 'wal/4', bytes: 20 }]);
    expect((await readdir(join(target.path, 'wal'))).sort()).toEqual(['1', '3.tmp', '4']);
  });

  test('puts on condition: where nothing is in one step, where something is by its tag', async () => {
    const target = await openNew();
    const absent = { condition: { kind: 'absent' }, signal: calm } as const;
    const same = (tag = '') => ({ condition: { kind: 'same', tag }, signal: calm }) as const;
    const tries = await Promise.allSettled([1, 2, 3].map((size) => target.put('key', noise(size), absent)));
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await failureOf(target.put('key', noise(4), absent))).toMatchObject({ code: 'object-changed' });
    const [listed] = await target.list('key', { signal: calm });
    expect(await target.put('key', noise(50), same(listed?.tag))).toEqual({ bytes: 50, isChecked: false });
    expect(await failureOf(target.put('key', noise(6), same(listed?.tag)))).toMatchObject({ code: 'object-changed' });
    expect(await failureOf(target.put('gone', noise(6), same(listed?.tag)))).toMatchObject({ code: 'object-changed' });
    expect(await readdir(target.path)).toEqual(['key']);
    expect(await target.list('', { signal: calm })).toMatchObject([{ key: 'key', bytes: 50 }]);
  });

  test('reports a root that is gone, and never makes it again by itself', async () => {
    const target = await openNew();
    await target.put('wal/1', noise(1), { signal: calm });
    await rename(target.path, `${target.path}-unmounted`);
    const missing = { code: 'target-missing', details: { path: target.path } };
    expect(await failureOf(target.put('wal/2', noise(1), { signal: calm }))).toMatchObject(missing);
    expect(await failureOf(target.list('', { signal: calm }))).toMatchObject(missing);
    expect(await failureOf(collect(target.get('wal/1', { signal: calm })))).toMatchObject(missing);
    expect(await failureOf(target.delete(['wal/1'], { signal: calm }))).toMatchObject(missing);
    expect(await failureOf(stat(target.path))).toMatchObject({ code: 'ENOENT' });
    // It comes back, and everything goes on.
    await rename(`${target.path}-unmounted`, target.path);
    await target.put('wal/2', noise(1), { signal: calm });
    expect(await target.list('', { signal: calm })).toHaveLength(2);
  });

  test('names the file that stands where a folder should be', async () => {
    const folder = await scratchFolder();
    const file = join(folder, 'file');
    await writeFile(file, 'x');
    expect(await failureOf(createFolderTarget({ path: file }))).toMatchObject({
      code: 'target-inside-file',
      details: { path: file, file },
    });
    const path = join(file, 'deeper/still');
    expect(await failureOf(createFolderTarget({ path }))).toMatchObject({
      code: 'target-inside-file',
      details: { path, file },
    });
    expect(await failureOf(openFolderTarget({ path }).list('', { signal: calm }))).toMatchObject({
      code: 'target-inside-file',
    });
    const target = openFolderTarget({ path: folder });
    expect(await failureOf(target.put('file/key', noise(1), { signal: calm }))).toMatchObject({
      code: 'target-inside-file',
      details: { file },
    });
  });

  test.skipIf(process.getuid?.() === 0)('says that it may not write', async () => {
    const target = await openNew();
    await chmod(target.path, 0o500);
    expect(await failureOf(target.put('key', noise(1), { signal: calm }))).toMatchObject({
      code: 'target-read-only',
      details: { path: target.path },
    });
  });

  test('makes its folders again when they vanish between two puts', async () => {
    const target = await openNew();
    await target.put('a/b/1', noise(1), { signal: calm });
    await rm(join(target.path, 'a'), { recursive: true });
    await target.put('a/b/2', noise(1), { signal: calm });
    expect(await target.list('', { signal: calm })).toMatchObject([{ key: 'a/b/2' }]);
  });

  test.each(['', '/a', 'a//b', '../a', 'a/../../b', 'a/.', 'a\\b', 'a\0b', 'c:d'])(
    'refuses the key %j, which could lead elsewhere',
    async (key) => {
      const target = await openNew();
      expect(await failureOf(target.put(key, noise(1), { signal: calm }))).toMatchObject({
        message: expect.stringContaining('not a key') as string,
      });
    },
  );

  test('lists what others put there, passing over folders and dead links', async () => {
    const target = await openNew();
    await mkdir(join(target.path, 'generations/ffff/wal'), { recursive: true });
    await writeFile(join(target.path, 'generations/ffff/wal/1'), 'foreign');
    await utimes(join(target.path, 'generations/ffff/wal/1'), 1000, 1000.5);
    expect(await target.list('generations/', { signal: calm })).toMatchObject([
      { key: 'generations/ffff/wal/1', bytes: 7, modifiedAt: 1_000_500 },
    ]);
  });
});

describe('a faulty target', () => {
  test('stores nothing when it fails before or in the middle, everything when only the answer was lost', async () => {
    const inner = await openNew();
    const fail = (kind: 'before' | 'after') => faultyTarget(inner, { fault: () => ({ kind }) });
    const failed = { code: 'target-failed' };
    const midBody = faultyTarget(inner, { fault: () => ({ kind: 'mid-body', bytes: 70_000 }) });
    expect(await failureOf(fail('before').put('1', noise(100_000), { signal: calm }))).toMatchObject(failed);
    expect(await failureOf(midBody.put('2', noise(100_000), { signal: calm }))).toMatchObject(failed);
    expect(await failureOf(fail('after').put('3', noise(100_000), { signal: calm }))).toMatchObject(failed);
    expect(await inner.list('', { signal: calm })).toMatchObject([{ key: '3', bytes: 100_000 }]);
  });
});

test.runIf(process.platform === 'linux')('a folder that cannot be made is refused at once', async () => {
  expect(await failureOf(createFolderTarget({ path: '/proc/nonexistent/x/y' }))).toMatchObject({
    code: 'target-unmakeable',
    details: { path: '/proc/nonexistent/x/y' },
  });
});

test('folders are made by several at once, with whatever leads to them', async () => {
  const root = await scratchFolder();
  const path = join(root, 'a', 'b', 'c');
  await Promise.all(Array.from({ length: 8 }, async () => await createFolderTarget({ path })));
  expect(await readdir(root, { recursive: true })).toEqual(['a', 'a/b', 'a/b/c']);
});
