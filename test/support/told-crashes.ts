// A database on two destinations whose engine dies again and again, each time before or behind a put to one of them: what it
// had written down by then is what the next one goes on with. In between transactions come and go unseen, notes are lost, a
// destination is away. Everything follows from the seed, but for how far an engine gets until its test goes on.
import fs from 'node:fs';
import path from 'node:path';
import type { Target } from '../../electron/engine/targets/target.ts';
import { must } from '../../shared/assert.ts';
import { AppError } from '../../shared/errors.ts';
import type { DatabaseId, TargetId } from '../../shared/ids.ts';
import { type Application, doPatiently, openApplication } from './application.ts';
import { type AppConnection, openBeside } from './beside.ts';
import { openTestEngine, type TestEngine, upToDate } from './engine.ts';
import { type ToldAndThere, toldAndThere } from './told.ts';
import { seededRandom } from './truth.ts';

const names = ['near', 'far'] as const;
type Name = (typeof names)[number];

/** Where an engine dies: at a put to a destination, the so-manyth since it began, before or behind it. */
interface Death {
  readonly name: Name;
  readonly put: number;
  readonly when: 'before' | 'behind';
}

interface Life {
  readonly engine: TestEngine;
  /** True once it is dead: nothing of what it does counts any more. */
  readonly isDead: () => boolean;
}

export class CrashWorld implements AsyncDisposable {
  readonly #application: Application;
  readonly #random: () => number;
  readonly #targets = new Map<Name, TargetId>();
  #reader: AppConnection | undefined;
  #id: DatabaseId | undefined;
  #away: Name | undefined;
  #lives = 0;
  /** What happened, for who looks for the cause. */
  readonly story: string[] = [];

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#application = openApplication('CREATE TABLE t(v)');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#reader?.close();
    await Promise.resolve();
    this.#application[Symbol.dispose]();
  }

  /** One engine, from its start to its death. */
  async live(): Promise<void> {
    const put = 1 + this.#pick(this.#one(3, 12));
    const death: Death = { name: this.#one(...names), put, when: this.#one('before', 'behind') };
    // For a while, now and then.
    if (this.#chance(0.4)) this.#away = this.#chance(0.5) ? this.#one(...names) : undefined;
    const away = this.#away;
    this.#tell(`an engine that dies ${death.when} put ${death.put} to ${death.name}, ${away ?? 'nobody'} away`);
    const life = this.#open({ death, away });
    try {
      await this.#protect(life.engine);
      for (let i = 0; i < 6 && !life.isDead(); i++) {
        await this.#write();
        await this.#rest(life, 40 * this.#random());
      }
      if (!life.isDead()) this.#die();
      this.#tell(life.isDead() ? 'it died' : 'it lived until it was killed');
    } finally {
      await life.engine[Symbol.asyncDispose]();
    }
    this.#lives++;
    await this.#befall();
  }

  /** An engine that nothing happens to ships everything: what it tells then of each destination, and what lies there. */
  async judge(): Promise<Readonly<Record<Name, ToldAndThere>>> {
    const { engine } = this.#open({ death: undefined, away: undefined });
    await using _engine = engine;
    const id = await this.#protect(engine);
    await doPatiently(this.#application.app, 'INSERT INTO t VALUES (1)');
    for (const name of names) {
      const targetId = must(this.#targets.get(name), 'it was added');
      await upToDate(engine, id, targetId);
    }
    const compare = async (name: Name): Promise<ToldAndThere> =>
      await toldAndThere(engine, id, {
        targetId: must(this.#targets.get(name), 'it was added'),
        folder: this.#at(name, 'shop.db'),
      });
    return { near: await compare('near'), far: await compare('far') };
  }

  #open({ death, away }: { readonly death: Death | undefined; readonly away: Name | undefined }): Life {
    const before = this.#at(`data ${this.#lives}`);
    let isDead = false;
    const puts = new Map<Name, number>();
    this.#die = () => {
      if (isDead) return;
      isDead = true;
      // What lies on the disk at this moment is all that the next engine finds.
      fs.cpSync(before, this.#at(`data ${this.#lives + 1}`), { recursive: true });
    };
    const die = () => this.#die();
    const wrapTarget = (target: Target): Target => {
      const name = must(
        names.find((one) => target.url.includes(`/${one}/`)),
        'it is one of both',
      );
      const mustLive = (): void => {
        if (isDead) throw new AppError('target-failed', { path: name, reason: 'the engine is dead' });
        if (name === away) throw new AppError('target-missing', { path: name });
      };
      return {
        url: target.url,
        removeLeftovers: async (options) => {
          mustLive();
          await target.removeLeftovers?.(options);
        },
        list: async (prefix, options) => {
          mustLive();
          return await target.list(prefix, options);
        },
        get: async function* (key, options) {
          mustLive();
          yield* target.get(key, options);
        },
        delete: async (keys, options) => {
          mustLive();
          await target.delete(keys, options);
        },
        put: async (key, body, options) => {
          mustLive();
          const count = (puts.get(name) ?? 0) + 1;
          puts.set(name, count);
          const isDue = death?.name === name && death.put === count;
          if (isDue && death.when === 'before') die();
          mustLive();
          const stored = await target.put(key, body, options);
          if (isDue) die();
          mustLive();
          return stored;
        },
      };
    };
    return { engine: openTestEngine(before, { limits: { wrapTarget } }), isDead: () => isDead };
  }

  /** Ends the life of the engine that runs. */
  #die: () => void = () => {};

  async #protect(engine: TestEngine): Promise<DatabaseId> {
    if (this.#id !== undefined) return this.#id;
    for (const name of names) {
      const { targetId } = await engine.call('addTarget', { place: { kind: 'folder', path: this.#at(name) } });
      this.#targets.set(name, targetId);
    }
    const [near, far] = names.map((name) => must(this.#targets.get(name), 'it was just added'));
    const { databaseId } = await engine.call('addDatabase', {
      path: this.#application.file,
      targetId: must(near, 'there are two'),
    });
    await engine.call('addReplica', { databaseId, targetId: must(far, 'there are two') });
    for (const targetId of this.#targets.values()) {
      await engine.call('updateReplica', { databaseId, targetId, syncIntervalMs: 0, snapshotIntervalMs: 1 });
    }
    return (this.#id = databaseId);
  }

  /** A few transactions; now and then the WAL begins anew behind them, or somebody begins or ends to read. */
  async #write(): Promise<void> {
    const { app, file } = this.#application;
    for (let i = this.#pick(5); i >= 0; i--)
      await doPatiently(app, `INSERT INTO t VALUES (randomblob(${this.#pick(3000)}))`);
    const what = this.#pick(6);
    if (what === 0 && this.#reader === undefined) app.pragma('wal_checkpoint(TRUNCATE)');
    if (what === 1 && this.#reader === undefined) {
      this.#reader = openBeside(file);
      this.#reader.exec('BEGIN');
      this.#reader.prepare('SELECT count(*) FROM t').get();
    } else if (what === 2) {
      this.#reader?.close();
      this.#reader = undefined;
    }
  }

  /** What happens between two engines. */
  async #befall(): Promise<void> {
    if (this.#chance(0.4)) {
      this.#tell('its notes are lost');
      const data = this.#at(`data ${this.#lives}`);
      for (const name of fs.readdirSync(data, { recursive: true, encoding: 'utf8' }))
        if (path.basename(name) === 'hashes') fs.rmSync(path.join(data, name));
    }
    if (this.#chance(0.3)) {
      this.#tell('somebody writes unseen');
      await this.#write();
    }
  }

  /** Lets the engine get on for a while, or until it is dead. */
  async #rest({ isDead }: Life, ms: number): Promise<void> {
    const endAt = Date.now() + ms;
    while (!isDead() && Date.now() < endAt) await new Promise((resolve) => setTimeout(resolve, 2));
  }

  #at(...parts: string[]): string {
    return this.#application.folder.at(...parts);
  }

  #tell(what: string): void {
    this.story.push(what);
  }

  #chance(of: number): boolean {
    return this.#random() < of;
  }

  #pick(count: number): number {
    return Math.floor(this.#random() * count);
  }

  #one<T>(...choices: readonly T[]): T {
    return must(choices[this.#pick(choices.length)], 'not empty');
  }
}
