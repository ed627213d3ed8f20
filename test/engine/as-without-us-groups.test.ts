// A database that several users share by a group, and Tidemark runs as another user than the application: whatever it does,
// the application can open and write its database, and no file of Tidemark's user is in its way. Needs root, to be both.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Started, startProcess } from '../support/processes.ts';
import { askIntegrity, askRows, insertRows, rowsOf, sumRows } from '../support/rows.ts';
import { type ScriptedApp, startScripted, type Step } from '../support/scripted.ts';
import { tempFolder, type TempFolder, until } from '../support/temp.ts';

const group = 2000;
const owner = { uid: 1002, gid: group };
const tidemark = 1001;
const liveRows = 300;

/** Becomes the user of Tidemark, in the given groups, and runs the engine. */
const becoming = `const [gid, script] = process.argv.splice(1, 2).map((word, i) => i === 0 ? Number(word) : word);
process.setgroups([${group}]); process.setgid(gid); process.setuid(${tidemark}); import(script)`;
const engineScript = path.resolve(import.meta.dirname, '../support/engine-process.ts');

/** Root can be anybody, and others can run what lies here. */
const canBeOthers =
  process.getuid?.() === 0 &&
  spawnSync(process.execPath, ['-e', "require('better-sqlite3')"], { cwd: import.meta.dirname, ...owner }).status === 0;

class Office implements AsyncDisposable {
  readonly folder: TempFolder = tempFolder();
  readonly file = this.folder.at('shared', 'shop.db');
  readonly app: ScriptedApp = startScripted('node', owner);
  readonly #gid: number;
  readonly #engines: Started[] = [];
  #written = 0;

  constructor({ mode, gid }: { readonly mode: number; readonly gid: number }) {
    this.#gid = gid;
    fs.chmodSync(this.folder.path, 0o755);
    fs.mkdirSync(this.folder.at('shared'));
    fs.chownSync(this.folder.at('shared'), owner.uid, group);
    fs.chmodSync(this.folder.at('shared'), mode);
    for (const name of ['data', 'backup']) {
      fs.mkdirSync(this.folder.at(name));
      fs.chownSync(this.folder.at(name), tidemark, gid);
    }
  }

  opening(): readonly Step[] {
    return [
      // While SQLite cuts an emptied WAL off nobody writes: that takes a moment.
      ['open', this.file, 200],
      ['ask', 'PRAGMA journal_mode = WAL'],
    ];
  }

  /** The application makes its database, for its group to read and write. */
  async make(): Promise<void> {
    await this.app.does(
      ...this.opening(),
      ['run', 'CREATE TABLE t(a INTEGER PRIMARY KEY, b)'],
      ['run', insertRows('live', { from: 0, count: liveRows })],
      ['close'],
    );
    fs.chmodSync(this.file, 0o660);
  }

  async engine(): Promise<Started> {
    const data = ['--data', this.folder.at('data')];
    const add = this.#engines.length > 0 ? [] : ['--add', this.file, '--folder', this.folder.at('backup')];
    const args = ['--no-warnings', '-e', becoming, '--', String(this.#gid), engineScript, ...data, ...add];
    const engine = startProcess(process.execPath, args, { env: { HOME: this.folder.at('data') } });
    this.#engines.push(engine);
    await engine.printed('protected');
    return engine;
  }

  /** One commit: the next row of the application. */
  commit(): Step {
    return ['run', insertRows('own', { from: liveRows + this.#written++, count: 1 })];
  }

  /** The application opens its database, works, and closes it; all is well and all is there. */
  async visit(): Promise<void> {
    await this.app.does(...this.opening(), this.commit(), ['sleep', 200], this.commit());
    await this.closes();
  }

  async closes(): Promise<void> {
    const rows = await this.app.does(['ask', askIntegrity], ['ask', askRows], ['close']);
    expect(rows[0]).toEqual([['ok']]);
    const own = rowsOf('own', { from: liveRows, count: this.#written });
    expect(sumRows(rows[1])).toEqual(sumRows([...rowsOf('live', { from: 0, count: liveRows }), ...own]));
  }

  sidecars(): readonly string[] {
    return ['-wal', '-shm'].map((end) => `${this.file}${end}`).filter((file) => fs.existsSync(file));
  }

  async isLeftAlone(): Promise<void> {
    await until('nothing lies beside it', () => this.sidecars().length === 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const engine of this.#engines) await engine[Symbol.asyncDispose]();
    await this.app[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}

describe.runIf(canBeOthers)('a database that a group shares, and Tidemark is another user of that group', () => {
  const places = [
    { where: 'in a folder that hands its group on', mode: 0o2770, gid: group },
    { where: 'in a folder that does not, and Tidemark’s own group is another', mode: 0o770, gid: 1001 },
  ];

  test.for(places)('$where: its application works before, beside and after it', async (place) => {
    await using office = new Office(place);
    await office.make();
    await office.visit();

    const engine = await office.engine();
    await office.isLeftAlone();
    for (let n = 0; n < 3; n++) {
      await office.visit();
      await office.isLeftAlone();
    }
    engine.child.kill('SIGTERM');
    expect(await engine.ended, engine.output()).toBe(0);
    expect(office.sidecars()).toEqual([]);
    await office.visit();
    expect(office.sidecars()).toEqual([]);
  });

  test.for(places)('$where: its application goes on while Tidemark comes and goes', async (place) => {
    await using office = new Office(place);
    await office.make();
    await office.app.does(...office.opening(), office.commit());
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const engine = await office.engine();
      for (let n = 0; n < 5; n++) await office.app.does(office.commit(), ['sleep', 100]);
      engine.child.kill(signal);
      await engine.ended;
      await office.app.does(office.commit());
      // Files beside it are those of the application.
      expect(office.sidecars().map((file) => fs.statSync(file).uid)).toEqual([owner.uid, owner.uid]);
      await office.closes();
      expect(office.sidecars()).toEqual([]);
      await office.app.does(...office.opening(), office.commit());
    }
  });

  test.for(places)('$where: nothing of Tidemark’s is left where it is killed at rest', async (place) => {
    await using office = new Office(place);
    await office.make();
    const engine = await office.engine();
    await office.visit();
    await office.isLeftAlone();
    engine.child.kill('SIGKILL');
    await engine.ended;
    expect(office.sidecars()).toEqual([]);
    await office.visit();
    expect(office.sidecars()).toEqual([]);
  });
});
