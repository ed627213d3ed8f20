// The demo: a real writing process and a real database; only the engine is a substitute.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, test } from 'vitest';
import { startNodeProcess } from '../../electron/demo/process.ts';
import { type ShopContent, contentOf } from '../../electron/demo/shop.ts';
import { createDemo } from '../../electron/demo/demo.ts';
import type { DatabaseId } from '../../shared/ids.ts';
import type { DemoState } from '../../shared/model.ts';
import { createEngineSubstitute, describeDatabase, emptyEngineState } from '../support/engine-substitute.ts';
import { startProcess, startScript } from '../support/processes.ts';
import { tempFolder, until } from '../support/temp.ts';

const electron = resolve(import.meta.dirname, '../../electron');
const writer = resolve(electron, 'demo/writer.ts');
let folder = tempFolder();

afterEach(() => {
  folder[Symbol.dispose]();
  folder = tempFolder();
});

function setUp() {
  const engine = createEngineSubstitute(emptyEngineState);
  const started: string[][] = [];
  engine.answer = (_name, argument) => {
    const { path } = argument as { readonly path: string };
    engine.push({ ...emptyEngineState, databases: [describeDatabase(path)] });
    return { databaseId: `id-of-${path}` };
  };
  const demo = createDemo({
    dataDir: folder.path,
    hostUrl: pathToFileURL(resolve(electron, 'headless.ts')).href,
    engine,
    startProcess(file, args) {
      started.push([file, ...args]);
      return startNodeProcess(file, args);
    },
  });
  const states: DemoState[] = [];
  demo.subscribe((state) => states.push(state));
  return { engine, demo, started, states };
}

function transactions(path: string): number {
  const database = new Database(path, { readonly: true });
  try {
    return database.prepare<[], number>('SELECT max(n) FROM journal').pluck().get() ?? 0;
  } finally {
    database.close();
  }
}

describe('the demo', () => {
  test('creates a shop, has it protected to a folder of its own, and goes on writing', async () => {
    const { engine, demo, states } = setUp();
    await using _ = demo;
    const path = folder.at('demo', 'shop.db');
    expect(await demo.start()).toEqual({ databaseId: `id-of-${path}` });
    expect(engine.calls).toEqual([
      { name: 'addDatabase', argument: { path, folder: folder.at('demo', 'backup'), isDemo: true } },
    ]);
    expect(states.at(-1)).toEqual({ isRunning: true, databaseId: `id-of-${path}` });
    const before = transactions(path);
    await until('the writer wrote more', () => transactions(path) > before);
  });

  test('starts once, however often it is asked, and again after a stop with what exists', async () => {
    const { engine, demo, started, states } = setUp();
    await using _ = demo;
    const [first, second] = await Promise.all([demo.start(), demo.start()]);
    expect(await demo.start()).toEqual(first);
    expect(second).toEqual(first);
    expect(started).toHaveLength(1);
    await demo.stop();
    expect(states.at(-1)).toEqual({ isRunning: false, databaseId: first.databaseId });
    expect(await demo.start()).toEqual(first);
    expect([started.length, engine.calls.length]).toEqual([2, 1]);
  });

  test('knows its database from an earlier run before it is started', () => {
    const { engine, states } = setUp();
    engine.push({ ...emptyEngineState, databases: [describeDatabase(folder.at('demo', 'shop.db'))] });
    const databaseId = `id-of-${folder.at('demo', 'shop.db')}` as DatabaseId;
    expect(states.at(-1)).toEqual({ isRunning: false, databaseId });
  });

  test('stops writing when its database is no longer protected', async () => {
    const { engine, demo, states } = setUp();
    await using _ = demo;
    await demo.start();
    engine.push(emptyEngineState);
    await until('the writer ended', () => states.at(-1)?.isRunning === false);
    expect(states.at(-1)).toEqual({ isRunning: false, databaseId: undefined });
  });

  test('says why when its writer cannot start, and leaves nothing running', async () => {
    const { demo, states } = setUp();
    await using _ = demo;
    // A folder where the file should be.
    mkdirSync(folder.at('demo', 'shop.db'), { recursive: true });
    await expect(demo.start()).rejects.toMatchObject({
      code: 'internal',
      details: { reason: expect.stringMatching(/writer stopped: .*unable to open database file/) as string },
    });
    await until('the writer ended', () => states.at(-1)?.isRunning === false);
  });

  test('stops its writer when the engine refuses the database', async () => {
    const { engine, demo, states } = setUp();
    await using _ = demo;
    engine.answer = () => {
      throw new Error('refused');
    };
    await expect(demo.start()).rejects.toThrow('refused');
    await until('the writer ended', () => states.at(-1)?.isRunning === false);
  });
});

describe('the writer', () => {
  test('records the truth of every commit', async () => {
    const [database, truth] = [folder.at('shop.db'), folder.at('truth.jsonl')];
    await using started = startScript(writer, ['--database', database, '--truth', truth, '--rate', '200']);
    await started.printed('ready');
    await until('it wrote a hundred transactions', () => transactions(database) > 100);
    started.child.kill('SIGKILL');
    await started.ended;
    const lines = readFileSync(truth, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as ShopContent & { readonly at: number });
    using closing = new DisposableStack();
    const shop = new Database(database);
    closing.defer(() => shop.close());
    const content = contentOf(shop);
    expect(lines.map(({ n }) => n)).toEqual(lines.map((_line, index) => index + 1));
    expect(lines.at(content.n - 1)).toMatchObject(content);
    expect(shop.pragma('journal_mode', { simple: true })).toBe('wal');
    expect(shop.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(shop.pragma('foreign_key_check')).toEqual([]);
  });

  test('does not outlive a host that is killed', async () => {
    const database = folder.at('shop.db');
    const code = `import { startNodeProcess } from ${JSON.stringify(pathToFileURL(resolve(electron, 'demo/process.ts')).href)};
      const child = startNodeProcess(${JSON.stringify(writer)}, ['--database', ${JSON.stringify(database)}]);
      child.stdout.once('data', () => console.log('writer', child.pid));`;
    await using host = startProcess(process.execPath, ['--input-type=module', '--eval', code]);
    await host.printed('writer');
    const pid = Number(/writer (\d+)/.exec(host.output())?.[1]);
    expect(isAlive(pid)).toBe(true);
    host.child.kill('SIGKILL');
    await host.ended;
    await until('the writer ended', () => !isAlive(pid));
  });

  test.each([[[]], [['--database', 'x', '--rate', '0']], [['--database', 'x', '--rate', 'fast']]])(
    'explains itself when called with %j',
    async (args) => {
      await using started = startScript(writer, args);
      expect(await started.ended).toBe(2);
      expect(started.output()).toContain('usage:');
      expect(existsSync('x')).toBe(false);
    },
  );
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
