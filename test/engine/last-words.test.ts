// What a run says at its end, against what lies at its destinations: never that everything is there where it was not seen.
import fs from 'node:fs';
import { beforeEach, expect, test } from 'vitest';
import { formatStopped } from '../../electron/cli/output.ts';
import type { Limits } from '../../electron/engine/switchboard/databases.ts';
import type { DatabaseId } from '../../shared/ids.ts';
import type { EngineState } from '../../shared/model.ts';
import { openApplication } from '../support/application.ts';
import type { AppConnection } from '../support/beside.ts';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { faultyTarget } from '../support/faulty-target.ts';
import type { TempFolder } from '../support/temp.ts';

let folder: TempFolder;
let file: string;
let app: AppConnection;

beforeEach(() => {
  const application = openApplication('CREATE TABLE t(a)');
  ({ folder, file, app } = application);
  return application[Symbol.dispose];
});

/** Protects the database for as long as `work` goes on; answers the last words. */
async function lastWords(limits: Limits, work: (engine: TestEngine, id: DatabaseId) => Promise<void>): Promise<string> {
  let last: EngineState | undefined;
  {
    await using engine = openTestEngine(folder.at('data'), { limits, onState: (state) => (last = state) });
    const { targetId } = await engine.call('addTarget', { place: { kind: 'folder', path: folder.at('backup') } });
    const { databaseId } = await engine.call('addDatabase', { path: file, targetId });
    await work(engine, databaseId);
  }
  return formatStopped(last);
}

async function isProtected(engine: TestEngine, id: DatabaseId): Promise<void> {
  await engine.waitFor(id, 'all is there', ({ status, lag }) => status.kind === 'protected' && lag.bytes === 0);
}

test('everything is there: what was committed last, too', async () => {
  const words = await lastWords({}, async (engine, id) => {
    await isProtected(engine, id);
    app.exec('INSERT INTO t VALUES (1)');
  });
  expect(words).toBe('Stopped. Everything that was captured is at its destination.\n');
});

test('nothing ever arrived', async () => {
  const refuse = { kind: 'before', code: 'target-full' } as const;
  const limits: Limits = {
    wrapTarget: (target) => faultyTarget(target, { fault: (verb) => (verb === 'put' ? refuse : undefined) }),
  };
  const words = await lastWords(limits, async (engine, id) => {
    await engine.waitFor(id, 'it is told', ({ status }) => status.kind === 'problem');
  });
  expect(words).toContain(`Nothing of ${file} is at its destination yet. The disk of`);
});

test('what came last did not arrive', async () => {
  const words = await lastWords({}, async (engine, id) => {
    await isProtected(engine, id);
    fs.renameSync(folder.at('backup'), folder.at('elsewhere'));
    app.exec('INSERT INTO t VALUES (1)');
    await engine.waitFor(id, 'it is told', ({ status, lag }) => status.kind === 'problem' && lag.bytes > 0);
  });
  expect(words).toMatch(/^Stopped\. Not yet at its destination, .* \/.*\/shop\.db: \d/);
});

test('all arrived, at a destination that is gone now', async () => {
  const looks = { folderEveryMs: 100, bucketEveryMs: 100, stillMs: 30_000 };
  const words = await lastWords({ looks }, async (engine, id) => {
    await isProtected(engine, id);
    fs.renameSync(folder.at('backup'), folder.at('elsewhere'));
    await engine.waitFor(id, 'it is told', ({ status }) => status.kind === 'problem');
  });
  expect(words).toMatch(/whether everything is still at its destination could not be seen\. The folder .* is gone\./);
});

test('the database is gone', async () => {
  const words = await lastWords({}, async (engine, id) => {
    await isProtected(engine, id);
    app.close();
    for (const end of ['', '-wal', '-shm']) fs.rmSync(`${file}${end}`, { force: true });
    await engine.waitFor(id, 'it is told', ({ status }) => status.kind === 'problem');
  });
  expect(words).toContain(`${file} is not being captured.`);
});

test('a destination that was not looked at before the end', async () => {
  await lastWords({}, isProtected);
  fs.renameSync(folder.at('backup'), folder.at('elsewhere'));
  let last: EngineState | undefined;
  {
    await using _engine = openTestEngine(folder.at('data'), { onState: (state) => (last = state) });
  }
  expect(formatStopped(last)).toContain('whether everything is still at its destination could not be seen.');
});

test.each([
  ['is gone', (backup: string) => fs.renameSync(backup, `${backup}-elsewhere`), 'could not be seen. The folder'],
  [
    'is empty',
    (backup: string) => fs.rmSync(`${backup}/shop.db/generations`, { recursive: true }),
    `is at its destination yet. The history of shop.db is not at`,
  ],
])('a destination that %s since it was last looked at, with nothing to ship', async (_what, harm, expected) => {
  const words = await lastWords({}, async (engine, id) => {
    await isProtected(engine, id);
    harm(folder.at('backup'));
  });
  expect(words).toContain(expected);
});
