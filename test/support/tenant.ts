// A database that an engine of this process protects beside applications in processes of their own, and what can be asked of it
// from outside: whether it is still whole, what its newest restore point holds, what was told. Nothing here opens the live file:
// that would drop the engine's locks on it.
import fs from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import { must } from '../../shared/assert.ts';
import type { DatabaseState } from '../../shared/databases.ts';
import type { RestorePoint } from '../../shared/history.ts';
import type { DatabaseId } from '../../shared/ids.ts';
import type { EngineState } from '../../shared/model.ts';
import { openTestEngine, type TestEngine } from './engine.ts';
import { makeRows, readRows, type Rows } from './rows.ts';
import { type AppKind, type ScriptedApp, type Step, startScripted } from './scripted.ts';
import { tempFolder, type TempFolder, until } from './temp.ts';

export class Tenant implements AsyncDisposable {
  readonly folder: TempFolder = tempFolder();
  readonly file = this.folder.at('shop.db');
  readonly #apps: ScriptedApp[] = [];
  readonly #problems = new Set<string>();
  #engine: TestEngine | undefined;
  #id: DatabaseId | undefined;
  #restores = 0;
  #newest: { readonly key: string; readonly rows: Rows } | undefined;

  constructor(rows = 2000) {
    makeRows(this.file, 'live', rows);
  }

  get engine(): TestEngine {
    return must(this.#engine, 'the engine runs');
  }

  get id(): DatabaseId {
    return must(this.#id, 'the database is protected');
  }

  get state(): DatabaseState {
    return this.engine.database(this.id);
  }

  /** Opens the engine where it does not run, and waits until the database is protected. */
  async protect(): Promise<void> {
    const onState = ({ databases }: EngineState) => {
      for (const { status } of databases) if ('problem' in status) this.#problems.add(status.problem.code);
    };
    this.#engine ??= openTestEngine(this.folder.at('data'), { onState });
    const add = { path: this.file, folder: this.folder.at('backup') };
    this.#id ??= (await this.engine.call('addDatabase', add)).databaseId;
    await this.shipped();
  }

  /** Ends the engine. */
  async stop(): Promise<void> {
    const engine = this.#engine;
    this.#engine = undefined;
    await engine?.[Symbol.asyncDispose]();
  }

  /** Starts an application, which ends with the test at the latest. */
  app(kind: AppKind = 'node'): ScriptedApp {
    const app = startScripted(kind);
    this.#apps.push(app);
    return app;
  }

  /** Opens the database as applications do. */
  opening(waitMs = 5000): readonly Step[] {
    return [
      ['open', this.file, waitMs],
      ['ask', 'PRAGMA journal_mode = WAL'],
    ];
  }

  /** The codes of all problems that the state ever showed. */
  get problems(): readonly string[] {
    return [...this.#problems];
  }

  async shipped(): Promise<void> {
    const isShipped = ({ status, lag }: DatabaseState) => status.kind === 'protected' && lag.bytes === 0;
    await this.engine.waitFor(this.id, 'it is protected', isShipped);
  }

  sidecars(): readonly string[] {
    return ['-wal', '-shm'].filter((end) => fs.existsSync(`${this.file}${end}`));
  }

  /** Waits until nothing lies beside the database any more: nobody has it open. */
  async isLeftAlone(): Promise<void> {
    await until(`nothing lies beside it (${this.sidecars().join()})`, () => this.sidecars().length === 0);
  }

  /** Waits until the WAL is empty or gone. */
  async isWalEmpty(): Promise<void> {
    const size = () => fs.statSync(`${this.file}-wal`, { throwIfNoEntry: false })?.size ?? 0;
    await until('its WAL is empty', () => size() === 0);
  }

  async newestPoint(): Promise<RestorePoint> {
    const [point] = await this.engine.call('listPoints', { databaseId: this.id, limit: 1 });
    return must(point, 'it was shipped');
  }

  /** Restores a point, which proves it, to a file of its own. */
  async restored(point: RestorePoint): Promise<string> {
    const output = this.folder.at(`restored-${this.#restores++}.db`);
    const { result } = await this.engine.restore(this.id, point, output);
    expect(result?.proof).toMatchObject({ kind: 'identical', check: 'quick_check ok' });
    return output;
  }

  /** What a point restores to. */
  async restoredRows(point: RestorePoint): Promise<Rows> {
    const output = await this.restored(point);
    try {
      return readRows(output);
    } finally {
      fs.rmSync(output);
    }
  }

  /** What the newest point restores to now. */
  async newestRows(): Promise<Rows> {
    const point = await this.newestPoint();
    const key = JSON.stringify(point.position);
    if (this.#newest?.key !== key) this.#newest = { key, rows: await this.restoredRows(point) };
    return this.#newest.rows;
  }

  /** Waits until the newest point restores to exactly these rows. */
  async newestIs(what: string, expected: Rows): Promise<void> {
    let seen: unknown;
    const look = async () => {
      seen = await this.newestRows().catch(String);
      return isDeepStrictEqual(seen, expected);
    };
    await until(what, look).catch(() => expect(seen, `${what}: ${this.#words()}`).toEqual(expected));
  }

  /** Waits until the newest point restores to these rows, or the state says that something is wrong, or that it is captured later. */
  async isHonest(expected: Rows): Promise<'captured' | 'told'> {
    let seen: unknown;
    return await until('it is captured or told', async () => {
      const { status } = this.state;
      if (status.kind === 'problem' || status.kind === 'attention') return 'told';
      if (status.kind === 'protected' && status.capturedWhen !== undefined) return 'told';
      seen = await this.newestRows().catch(String);
      return isDeepStrictEqual(seen, expected) ? 'captured' : undefined;
    }).catch(() => {
      throw new Error(`neither captured nor told: ${JSON.stringify(seen)} for ${JSON.stringify(expected)}`);
    });
  }

  /** What the activity says of this database beside our own restores, oldest first; only what needs a look where asked. */
  async told({ isOnlyTrouble = false } = {}): Promise<readonly string[]> {
    const entries = await this.engine.call('listActivity', { databaseId: this.id, limit: 500 });
    return entries
      .filter(({ kind }) => (isOnlyTrouble ? kind === 'problem' : kind !== 'restored'))
      .map(({ text }) => text)
      .reverse();
  }

  /** How often the activity says that another file or program took the database's place. */
  async replacementsTold(): Promise<number> {
    return (await this.told()).filter((text) => /shop\.db was (replaced|overwritten) by another/.test(text)).length;
  }

  /** What the history says about its own breaks. */
  async breaks(): Promise<{ readonly generations: number; readonly gaps: readonly string[] }> {
    const { generations, events } = await this.engine.call('getTimeline', { databaseId: this.id, bins: 10 });
    const gaps = events.flatMap((event) => (event.kind === 'gap' ? [event.text] : []));
    return { generations: generations.length, gaps };
  }

  #words(): string {
    const { status, lag } = this.state;
    return JSON.stringify({ status, lag, beside: this.sidecars() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const app of this.#apps) await app[Symbol.asyncDispose]();
    await this.stop();
    this.folder[Symbol.dispose]();
  }
}
