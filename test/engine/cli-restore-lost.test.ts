// The command line's restore where the engine's thread ends at whatever moment: it fails and says so, and never waits for ever.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Interrupts } from '../../electron/cli/signals.ts';
import { restoreFrom } from '../../electron/cli/restore.ts';
import { type EngineHost, startEngine } from '../../electron/host/engine-host.ts';
import { makeDatabase } from '../support/application.ts';
import { openTestEngine } from '../support/engine.ts';
import { type TempFolder, tempFolder, until } from '../support/temp.ts';

let folder: TempFolder;
beforeEach(async () => {
  folder = tempFolder();
  makeDatabase(folder.at('shop.db'), 'CREATE TABLE t(a); INSERT INTO t VALUES (1)');
  await using engine = openTestEngine(folder.at('data'));
  const added = { path: folder.at('shop.db'), folder: folder.at('backup') };
  const { databaseId } = await engine.call('addDatabase', added);
  await engine.waitFor(databaseId, 'it is protected', ({ status }) => status.kind === 'protected');
});
afterEach(() => folder[Symbol.dispose]());

const interrupts: Interrupts = {
  first: new Promise(() => {}),
  onFirst: () => {},
  onSecond: () => {},
  onAsked: () => {},
  isRepeated: () => false,
  exitCode: () => 130,
  [Symbol.dispose]: () => {},
};

/** A toolbox whose thread ends, and is started again, where `at` says; nobody hears of an operation before. */
async function openDying(at: 'before' | 'after'): Promise<EngineHost> {
  const dataDir = folder.at('toolbox');
  fs.mkdirSync(dataDir);
  const workerUrl = new URL('../support/mortal-worker.ts', import.meta.url);
  const host = await startEngine({ dataDir, workerUrl });
  const channel = new BroadcastChannel(`kill ${dataDir}`);
  let hasDied = false;
  const die = async (): Promise<void> => {
    const lost = host.lost();
    channel.postMessage('throw');
    await lost;
    hasDied = true;
    channel.close();
  };
  return {
    ...host,
    call: async (name, argument) => {
      if (name !== 'startReplicaRestore') return await host.call(name, argument);
      if (at === 'before') await die();
      const result = await host.call(name, argument);
      if (at === 'after') void die();
      return result;
    },
    subscribe: (listener) => host.subscribe((state) => listener(hasDied ? state : { ...state, operations: [] })),
    get hangs() {
      return host.hangs;
    },
  };
}

test.each(['before', 'after'] as const)('a thread that ends just %s the restore begins', async (at) => {
  const said: string[] = [];
  const note = (text: string): void => void said.push(text);
  const url = pathToFileURL(path.join(folder.at('backup'), 'shop.db')).href;
  const restored = restoreFrom([{ databasePath: '', replicaName: 'x', url }], {
    options: { expandEnv: false, integrityCheck: 'quick' },
    terminal: { out: note, note, draw: note, isInteractive: false },
    interrupts,
    openEngine: async () => await openDying(at),
    outputPath: folder.at('restored.db'),
    wish: { kind: 'latest' },
  });
  if (at === 'before') expect(await restored).toBe(0);
  else await expect(restored).rejects.toMatchObject({ code: 'engine-stopped' });
  expect(fs.existsSync(folder.at('restored.db'))).toBe(at === 'before');
});

test('a second interrupt leaves nothing of what was being restored, and touches nothing else', async () => {
  const [ours, others, another] = [
    `.restored.db.tidemark-0123ab-${process.pid}-abc-01234567`,
    `.restored.db.tidemark-0123ab-${process.pid + 1}-abc-01234567`,
    `.kept.db.tidemark-0123ab-${process.pid}-abc-01234567`,
  ];
  for (const name of [ours, others, another]) {
    fs.mkdirSync(folder.at('out', name), { recursive: true });
    fs.writeFileSync(folder.at('out', name, 'restored.db'), 'half');
  }
  await interruptTwice(folder.at('out', 'restored.db'), false);
  expect(fs.readdirSync(folder.at('out')).toSorted()).toEqual([another, others].toSorted());
});

test('a second interrupt ends at once where the thread hangs, or the folder is not there', async () => {
  const left = folder.at('out', `.restored.db.tidemark-0123ab-${process.pid}-abc-01234567`);
  fs.mkdirSync(left, { recursive: true });
  expect(await interruptTwice(folder.at('out', 'restored.db'), true)).toMatchObject({ hangs: true });
  expect(fs.existsSync(left)).toBe(true);
  expect(await interruptTwice(folder.at('nowhere', 'restored.db'), false)).toMatchObject({ hangs: false });
});

/** A restore that waits for an answer for ever, is interrupted twice, and whose thread then ends, or hangs. */
async function interruptTwice(outputPath: string, hangs: boolean): Promise<unknown> {
  let second: (() => Promise<unknown>) | undefined;
  const host = await startEngine({
    dataDir: folder.at('toolbox'),
    workerUrl: new URL('../../electron/engine/worker.ts', import.meta.url),
  });
  const never = new Promise<never>(() => {});
  void restoreFrom([{ databasePath: '', replicaName: 'x', url: pathToFileURL(folder.at('backup')).href }], {
    options: { expandEnv: false, integrityCheck: 'quick' },
    terminal: { out: () => {}, note: () => {}, draw: () => {}, isInteractive: false },
    interrupts: { ...interrupts, onSecond: (act) => void (second = act) },
    openEngine: async () => await Promise.resolve({ ...host, call: async () => await never, hangs }),
    outputPath,
    wish: { kind: 'latest' },
  });
  await until('it is known what a second interrupt does', () => second);
  return await second?.();
}
