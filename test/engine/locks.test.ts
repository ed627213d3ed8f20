// Locks of a process on a file all vanish when it closes any descriptor of that file: then writers and checkpoints would go
// through under a pin that is believed to be held. Watched from outside while Tidemark does all that it does with a database
// that it cannot leave; and once it can, nothing of it is locked.
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { openTestEngine } from '../support/engine.ts';
import { startScript, type Started } from '../support/processes.ts';
import { startScripted } from '../support/scripted.ts';
import { makeDatabase } from '../support/application.ts';
import { tempFolder, until } from '../support/temp.ts';

async function watchLocks(file: string): Promise<Started> {
  const watch = startScript('lock-watch.ts', [String(process.pid), file]);
  await watch.printed('watching');
  return watch;
}

describe.skipIf(process.platform !== 'linux')('the locks of a protected database', () => {
  test('of a pin stay in place whatever is done with the file, and go with it', async () => {
    using folder = tempFolder();
    const file = folder.at('shop.db');
    makeDatabase(file, 'CREATE TABLE first(v); INSERT INTO first SELECT zeroblob(8000000)');
    fs.symlinkSync(file, folder.at('link.db'));

    await using engine = openTestEngine(folder.at('data'), { isDeclaredOnly: true });
    const replica = folder.at('backup');
    const [declared] = await engine.call('protectDeclared', {
      databases: [
        { path: file, enableWal: false, replicas: [{ url: replica, syncIntervalMs: 0, snapshotIntervalMs: 100 }] },
      ],
    });
    if (declared?.kind !== 'protecting') throw new Error(JSON.stringify(declared));
    const id = declared.databaseId;
    await engine.waitFor(id, 'it is protected', ({ status }) => status.kind === 'protected');
    // Images are taken while others write.
    const writers = ['small', 'vacuum', 'reopen'].map((mode, i) =>
      startScript(
        'writer.ts',
        `--table t${i} --mode ${mode} --seconds 5 --pause 2 --seed ${i} --database`.split(' ').concat(file),
      ),
    );
    const snapshots = (): number =>
      fs.readdirSync(replica, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.snapshot.lz4'))
        .length;
    await until('another image was taken', () => snapshots() > 1);
    // Who reads what was there before keeps the WAL from being emptied, and Tidemark from leaving.
    await using reader = startScripted('node');
    await using other = startScripted('node');
    await other.does(['open', file, 5000], ['run', 'INSERT INTO first VALUES (1)']);
    await reader.does(['open', file, 0], ['run', 'BEGIN'], ['ask', 'SELECT count(*) FROM first']);
    await other.does(['run', 'INSERT INTO first VALUES (2)']);
    await using watch = await watchLocks(file);

    // Looking at it, by its own name and by another one; adding it again, which is refused.
    for (const path of [file, folder.at('link.db')]) {
      expect(await engine.call('inspectDatabase', { path })).toBeDefined();
      expect(await engine.call('inspectFolder', { path: folder.at('other'), databasePath: path })).toBeDefined();
      await engine.call('addDatabase', { path, folder: folder.at('other') }).catch(() => {});
    }
    await engine.call('suggestPaths', { prefix: folder.path, withFiles: true });
    await engine.call('getTimeline', { databaseId: id, bins: 20 });

    // Earlier moments are restored, one of them over the database itself, which is refused.
    const [point] = await engine.points(id);
    if (point === undefined) throw new Error('no restore point');
    await engine.call('proposeRestore', { databaseId: id, position: point.position });
    await engine.restore(id, point, folder.at('restored.db'));
    await engine.restore(id, point, file).catch(() => {});
    await engine.restore(id, point, folder.at('link.db')).catch(() => {});
    const { operationId } = await engine.call('startReplicaRestore', {
      url: replica,
      wish: { kind: 'latest' },
      outputPath: folder.at('again.db'),
    });
    expect(await engine.ended(operationId)).toMatchObject({ state: 'done' });
    for (const writer of writers) expect(await writer.ended, writer.output()).toBe(0);
    await engine.waitFor(id, 'everything is shipped', ({ lag }) => lag.bytes === 0);

    watch.child.kill('SIGTERM');
    await watch.ended;
    expect(watch.output()).not.toContain('missing a read mark');
    expect(watch.output()).toMatch(/looked \d{3,} times/);

    const inodes = [file, `${file}-shm`].map((name) => fs.statSync(name).ino);
    await reader.does(['close']);
    await other.does(['close']);
    const isOurs = (line: string) =>
      line.includes(` ${process.pid} `) && inodes.some((inode) => line.includes(`:${inode} `));
    await until('nothing is locked', () => !fs.readFileSync('/proc/locks', 'utf8').split('\n').some(isOurs));
    expect([fs.existsSync(`${file}-wal`), fs.existsSync(`${file}-shm`)]).toEqual([false, false]);
  });

  test('would be seen to vanish', async () => {
    using folder = tempFolder();
    const file = folder.at('shop.db');
    const database = new Database(file);
    database.pragma('journal_mode = wal');
    database.exec('CREATE TABLE first(v)');
    database.exec('BEGIN; SELECT * FROM first');
    await using watch = await watchLocks(file);
    fs.closeSync(fs.openSync(`${file}-shm`, 'r'));
    await watch.printed('missing a read mark, the shared memory');
    fs.closeSync(fs.openSync(file, 'r'));
    await watch.printed('missing a read mark, the shared memory, the database');
    expect(database.inTransaction).toBe(true);
    database.close();
  });
});
