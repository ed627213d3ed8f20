// One application and the database file that it believes to be its own: opens and closes it, writes, looks whether it holds
// what it should, and leaves. What nobody does to it without Tidemark is a complaint: then what lies there is kept as evidence
// and the process ends.
import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { type Application, type Executor, openExecutor, SqlError } from './executors.ts';
import { beginSql, type Change, emptyState, type Inventor, readState, stateOf } from './incarnations.ts';
import { Model } from './model.ts';

/** Who is alone with a database meets no lock; beside a short one it gets on within this time. */
const patienceMs = 2000;
/** After a close nothing is left behind for longer than this. */
const leftForMs = 5000;
/** What happens to nobody who is alone with an intact file. */
const harm = /malformed|corrupt|not a database|readonly|disk i\/o|no such table|ended/i;

export interface TenantOptions {
  readonly file: string;
  readonly log: string;
  readonly application: Application;
  readonly inventor: Inventor;
  /** Bytes of content, about. */
  readonly limit: number;
  /** Extra patience where the engine is killed or suspended in the middle of something. */
  readonly extraPatienceMs: number;
}

export class Tenant {
  readonly file: string;
  /** What the file holds. */
  model = new Model();
  readonly #options: TenantOptions;
  readonly #log: number;
  #executor: Executor | undefined;
  #isCreated = false;
  /** Marks commits; only grows. */
  #serial = 0;
  #closedAt = performance.now();

  constructor(options: TenantOptions) {
    this.#options = options;
    this.file = options.file;
    this.#log = fs.openSync(options.log, 'a');
  }

  write(line: string): void {
    fs.writeSync(this.#log, `${Date.now()} ${line}\n`);
  }

  get isOpen(): boolean {
    return this.#executor !== undefined;
  }

  get state(): string {
    return this.#isCreated ? stateOf({ n: this.model.n, digest: this.model.digest() }) : emptyState;
  }

  nextSerial(): number {
    return ++this.#serial;
  }

  /** From now on the file under the name is another one. Noted before it is put there. */
  willHold(model: Model | undefined): void {
    this.model = model ?? new Model();
    this.#isCreated = model !== undefined;
    this.write(`state ${this.state}`);
  }

  /** Looks whether the file holds what it should, and opens it as the application does. */
  async open(pragmas: readonly string[] = []): Promise<void> {
    if (this.#isCreated) await this.verify();
    this.#executor = openExecutor(this.#options.application, this.file);
    const { inventor } = this.#options;
    for (const pragma of [
      `busy_timeout = ${inventor.one(2000, 5000)}`,
      ...pragmas,
      `synchronous = ${inventor.one('OFF', 'NORMAL')}`,
      `wal_autocheckpoint = ${inventor.one(0, 1, 100, 1000)}`,
      'journal_mode = WAL',
    ]) {
      await this.exec(`PRAGMA ${pragma}`);
    }
  }

  /** Opens it where it is closed. */
  async beOpen(): Promise<void> {
    if (!this.isOpen) await this.open();
  }

  async close(): Promise<void> {
    if (this.#executor === undefined) return;
    await this.#executor[Symbol.asyncDispose]();
    this.#executor = undefined;
    this.#closedAt = performance.now();
  }

  /** One statement, again and again while somebody holds a lock. */
  async exec(sql: string): Promise<void> {
    const executor = this.#executor;
    if (executor === undefined) throw new Error(`not open: ${sql}`);
    const startedAt = performance.now();
    for (;;) {
      try {
        await executor.exec(sql);
        return;
      } catch (error) {
        if (!(error instanceof SqlError)) throw error;
        const ms = Math.round(performance.now() - startedAt);
        const what = `${sql.slice(0, 60).replaceAll('\n', ' ')}: ${error.message.replaceAll('\n', ' ')}`;
        if (!error.isBusy || harm.test(error.message)) this.complain(what);
        this.write(`refused ${ms} ${what}`);
        if (ms > patienceMs + this.#options.extraPatienceMs) this.complain(`refused for ${ms} ms: ${what}`);
        await delay(10);
      }
    }
  }

  /** One transaction. The state behind it is noted before it commits. */
  async commit(steps?: readonly Change[]): Promise<void> {
    const { inventor, limit } = this.#options;
    const isNew = !this.#isCreated;
    await this.exec('BEGIN IMMEDIATE');
    if (isNew) for (const sql of beginSql) await this.exec(sql);
    const changes = steps ?? inventor.changes(this.model, limit);
    for (const { sql } of changes) await this.exec(sql);
    const n = this.nextSerial();
    await this.exec(`UPDATE model SET n = ${n}`);
    for (const { apply } of changes) apply();
    this.#isCreated = true;
    this.model.n = n;
    this.write(`state ${this.state}`);
    await this.exec('COMMIT');
  }

  /** Transactions one behind the other, some with a pause between them. */
  async writeSome(count: number): Promise<void> {
    const { inventor } = this.#options;
    await this.beOpen();
    for (let i = 0; i < count; i++) {
      await this.commit();
      if (inventor.isLucky(0.4)) await delay(inventor.pick(15));
    }
  }

  /** One connection for each thing to do, as scripts and web servers have it. */
  async visit(count: number): Promise<void> {
    const { inventor } = this.#options;
    const gapMs = inventor.one(0, 2, 10, 60);
    for (let i = 0; i < count; i++) {
      await this.close();
      await delay(inventor.pick(gapMs + 1));
      await this.writeSome(1);
    }
    await this.close();
  }

  /** Closes, and has a moment until the hand is at the file. */
  async closeForHands(atLeastMs: number): Promise<void> {
    const { inventor } = this.#options;
    await this.close();
    const ms = atLeastMs + inventor.one(0, 0, 1, 5, 30, 200) * inventor.pick(1000) * 1e-3;
    if (ms > 0) await delay(ms);
    this.write(`hands ${(performance.now() - this.#closedAt).toFixed(1)} ms after the close`);
  }

  /** Who may read it is for its owner to say, while it is used too. */
  async changeOwner(): Promise<void> {
    const { inventor } = this.#options;
    const mode = inventor.one(0o600, 0o640, 0o644, 0o664);
    fs.chmodSync(this.file, mode);
    if (process.getuid?.() === 0) fs.chownSync(this.file, inventor.one(0, 65_534), inventor.one(0, 65_534));
    await this.writeSome(1);
    if ((fs.statSync(this.file).mode & 0o777) !== mode) this.complain('the mode of the file is another one now');
  }

  /** The file holds exactly what it should, and nothing is wrong with it. */
  async verify(): Promise<void> {
    for (const startedAt = performance.now(); ;) {
      try {
        const database = new Database(this.file, { timeout: 5000, fileMustExist: true });
        try {
          const check = String(database.pragma('integrity_check', { simple: true }));
          if (check !== 'ok') this.complain(`integrity_check says ${check.replaceAll('\n', ' ')}`);
          const found = readState(database);
          if (found !== this.state) this.complain(`the file holds ${found}, not ${this.state}`);
        } finally {
          database.close();
        }
        this.#closedAt = performance.now();
        return;
      } catch (error) {
        const ms = Math.round(performance.now() - startedAt);
        const isBusy = error instanceof Database.SqliteError && /BUSY|LOCKED/.test(error.code);
        if (!isBusy || ms > patienceMs + 5000) this.complain(`opening it: ${String(error)}`);
        this.write(`refused ${ms} opening it: ${String(error)}`);
      }
    }
  }

  /** Closes, and waits until nothing is left beside the file. */
  async leave(): Promise<void> {
    await this.close();
    for (const leftAt = performance.now(); ;) {
      const left = ['-wal', '-shm', '-journal'].filter((suffix) => fs.existsSync(`${this.file}${suffix}`));
      const ms = Math.round(performance.now() - leftAt);
      if (left.length === 0) {
        this.write(`gone ${ms}`);
        return;
      }
      if (ms > leftForMs + this.#options.extraPatienceMs) this.complain(`${left.join()} left ${ms} ms after the close`);
      await delay(2);
    }
  }

  complain(text: string): never {
    this.write(`complaint ${text}`);
    const evidence = `${this.#options.log}-evidence`;
    fs.mkdirSync(evidence, { recursive: true });
    for (const suffix of ['', '-wal', '-shm', '-journal']) {
      if (fs.existsSync(this.file + suffix)) fs.copyFileSync(this.file + suffix, `${evidence}/db${suffix}`);
    }
    process.exit(2);
  }
}
