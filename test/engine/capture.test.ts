// Capture against writers in processes of their own: whatever they do, every page of the final database is what was captured.
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { CommitLog } from '../../electron/engine/spool/commits.ts';
import { Connections } from '../../electron/engine/source/connections.ts';
import { Watcher } from '../../electron/engine/source/watch.ts';
import { Spool } from '../../electron/engine/spool/spool.ts';
import { Visits } from '../../electron/engine/capture/visits.ts';
import { startScript } from '../support/processes.ts';
import { makeDatabase } from '../support/application.ts';
import { makeCapture } from '../support/capture.ts';
import { hashFile } from '../support/hash-file.ts';
import { tempFolder } from '../support/temp.ts';

const seed = Number(process.env['TIDEMARK_SEED'] ?? Math.floor(Math.random() * 1e9));

describe('Capture', () => {
  const scenarios: readonly (readonly [string, readonly (readonly string[])[]])[] = [
    ['one writer flat out', [['small']]],
    ['three writers', [['small'], ['bulk'], ['small', '--pause', '5']]],
    ['writers that truncate the WAL', [['truncate'], ['small', '--pause', '3']]],
    ['writers that restart the WAL', [['restart'], ['small', '--pause', '3']]],
    ['writers that come and go', [['reopen'], ['reopen']]],
    ['a writer that vacuums', [['vacuum'], ['small', '--pause', '5']]],
  ];
  test.for(scenarios)('captures every page under %s', async ([, writers]) => {
    using folder = tempFolder();
    const file = folder.at('a.db');
    makeDatabase(file, 'CREATE TABLE first(a); INSERT INTO first VALUES (1)');

    const before = hashFile(file, 4096);
    const connections = await Connections.open(file);
    const commits = new CommitLog();
    using spool = Spool.create(folder.at('spool'), 0);
    let failure: unknown;
    using watcher = new Watcher();
    // As between short visits, the pins stay: who empties the WAL in the first moments after a rest may be quicker.
    const visits = new Visits();
    const stay = setInterval(() => visits.note(performance.now(), 0), 50);
    for (let i = 0; i < 3; i++) visits.note(performance.now(), 0);
    const capture = makeCapture({
      visits,
      path: file,
      start: connections,
      watcher,
      spool,
      commits,
      onFailed: (error) => {
        failure ??= error;
      },
    });
    (await capture.startFromImage(4096, () => 0)).image[Symbol.dispose]();
    await capture.adoptHashes(before);
    capture.startWatching();
    let largestWal = 0;
    const measure = setInterval(
      () => (largestWal = Math.max(largestWal, fs.statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0)),
      5,
    );
    const running = writers.map(([mode = '', ...more], i) =>
      startScript('writer.ts', [
        '--database',
        file,
        '--table',
        `t${i}`,
        '--seed',
        String(seed + i),
        '--seconds',
        '1.5',
        '--mode',
        mode,
        ...more,
      ]),
    );
    await Promise.all(running.map(({ ended }) => ended));
    clearInterval(measure);
    clearInterval(stay);
    expect(failure).toBeUndefined();
    const captured = await capture.catchUp(() => ({ pages: capture.pages, state: capture.hashes?.state }));
    await capture[Symbol.asyncDispose]();
    await connections[Symbol.asyncDispose]();

    const close = new Database(file);
    close.pragma('wal_checkpoint(TRUNCATE)');
    close.close();
    const truth = hashFile(file, 4096);
    console.log(
      `seed ${seed}`,
      running.map((r) => r.output().split('\n')[1]),
      { largestWalMB: Math.round(largestWal / 1e5) / 10, indices: spool.index, commits: commits.last?.offset },
    );
    expect(failure).toBeUndefined();
    expect(captured).toEqual({ pages: truth.pages, state: truth.state });
  });
});
