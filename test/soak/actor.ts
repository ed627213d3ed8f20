// A writer in a process of its own: seeded random transactions on its own tables, and everything else that an application
// does to a database. Notes the digest behind each commit before it commits, so that whoever kills it knows what may be there.
// node actor.ts --database <file> --name <a0> --seed <n> --log <file> --application <kind> --role <role> --limit <bytes> --pause <ms>
import fs from 'node:fs';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';
import { must } from '../../shared/assert.ts';
import { seededRandom } from '../support/truth.ts';
import { type Application, type Executor, openExecutor, SqlError } from './executors.ts';
import { literal, type Model, readActorLog, readModel, type Value } from './model.ts';

const { values } = parseArgs({
  options: {
    database: { type: 'string', default: '' },
    name: { type: 'string', default: 'a0' },
    seed: { type: 'string', default: '1' },
    log: { type: 'string', default: '' },
    application: { type: 'string', default: 'better-sqlite3' },
    role: { type: 'string', default: 'chatty' },
    limit: { type: 'string', default: '200000' },
    pause: { type: 'string', default: '5' },
  },
});

type Operation =
  | 'tiny'
  | 'bump'
  | 'auto'
  | 'bulk'
  | 'rollback'
  | 'savepoint'
  | 'deferred'
  | 'ddl'
  | 'vacuum'
  | 'checkpoint'
  | 'reopen'
  | 'read'
  | 'journal';

/** How often each role does what. */
const roles: Readonly<Record<string, Readonly<Partial<Record<Operation, number>>>>> = {
  chatty: { tiny: 50, bump: 15, auto: 15, rollback: 5, savepoint: 5, deferred: 5, checkpoint: 1, reopen: 1 },
  bulky: { bulk: 30, tiny: 20, rollback: 10, savepoint: 5, vacuum: 1, checkpoint: 2 },
  schema: { ddl: 25, tiny: 30, savepoint: 5, vacuum: 5, bulk: 3, checkpoint: 1 },
  checkpointer: { checkpoint: 30, tiny: 40, bump: 10, bulk: 3, vacuum: 1 },
  comer: { reopen: 30, tiny: 30, bump: 10, auto: 10, bulk: 2, journal: 1 },
  reader: { read: 30, tiny: 20, bump: 5, reopen: 3 },
};

const { database: file, name } = values;
const random = seededRandom(Number(values.seed));
const weights = must(roles[values.role], 'a known role');
const limit = Number(values.limit);
const pauseMs = Number(values.pause);
const application = values.application as Application;
const log = fs.openSync(values.log, 'a');
let isStopping = false;
process.on('SIGTERM', () => (isStopping = true));

let nextId = 1;
let nextTable = 1;
let model = loadModel();
checkAgainstLog();
let executor = await open();
write('ready');
process.stdout.write('ready\n');

while (!isStopping) {
  try {
    await perform(choose());
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    if (!error.isBusy) write(`refused ${error.message.replaceAll('\n', ' ')}`);
    await recover();
  }
  if (pauseMs > 0) await delay(pauseMs * 2 * random());
  // Signals arrive between turns of the event loop.
  else await nextTurn();
}
write(`closing ${Date.now()}`);
await executor[Symbol.asyncDispose]();
write('ended');
process.exit(0);

function choose(): Operation {
  const entries = Object.entries(weights) as [Operation, number][];
  let at = random() * entries.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [operation, weight] of entries) {
    at -= weight;
    if (at < 0) return operation;
  }
  return 'tiny';
}

async function perform(operation: Operation): Promise<void> {
  switch (operation) {
    case 'tiny':
      return await commit('IMMEDIATE', changes(1 + pick(5)));
    case 'deferred':
      await executor.exec('BEGIN');
      await executor.exec('SELECT count(*) FROM model');
      return await commit('', changes(1 + pick(3)));
    case 'bulk':
      return await commit('IMMEDIATE', [bulkInsert(), ...changes(pick(4))]);
    case 'rollback':
      return await rollBack();
    case 'savepoint':
      return await nested();
    case 'ddl':
      return await commit('IMMEDIATE', [...changes(pick(3)), schemaChange()]);
    case 'bump':
      return await single(`UPDATE model SET n = n + 1 WHERE actor = '${name}'`, () => {});
    case 'auto':
      return await insertAlone();
    case 'vacuum':
      return await executor.exec(random() < 0.7 ? 'VACUUM' : 'PRAGMA incremental_vacuum(20)');
    case 'checkpoint': {
      const mode = must(['PASSIVE', 'FULL', 'RESTART', 'TRUNCATE'][pick(4)], 'one of four');
      return await executor.exec(`PRAGMA wal_checkpoint(${mode})`);
    }
    case 'reopen':
      write(`closing ${Date.now()}`);
      await executor[Symbol.asyncDispose]();
      if (random() < 0.3) await delay(pick(30));
      executor = await open();
      return;
    case 'read':
      await executor.exec('BEGIN');
      await executor.exec('SELECT count(*) FROM model');
      await delay(random() < 0.1 ? pick(1500) : pick(200));
      await executor.exec('SELECT sum(n) FROM model');
      return await executor.exec('COMMIT');
    case 'journal':
      // Possible only while nobody else is connected.
      write(`mode ${Date.now()}`);
      try {
        await executor.exec('PRAGMA journal_mode = DELETE');
        try {
          return await commit('IMMEDIATE', changes(2));
        } finally {
          await executor.exec('PRAGMA journal_mode = WAL');
        }
      } finally {
        write(`wal ${Date.now()}`);
      }
  }
}

interface Change {
  readonly sql: string;
  readonly apply: () => void;
}

/** One transaction. The digest behind it is noted before it commits. */
async function commit(begin: 'IMMEDIATE' | '', steps: readonly Change[]): Promise<void> {
  if (begin !== '') await executor.exec(`BEGIN ${begin}`);
  for (const { sql } of steps) await executor.exec(sql);
  await executor.exec(`UPDATE model SET n = n + 1 WHERE actor = '${name}'`);
  for (const { apply } of steps) apply();
  model.n++;
  write(`will ${model.n} ${model.digest()}`);
  await executor.exec('COMMIT');
  write(`did ${model.n} ${Date.now()}`);
}

/** One statement that is a transaction by itself. */
async function single(sql: string, apply: () => void): Promise<void> {
  apply();
  model.n++;
  write(`will ${model.n} ${model.digest()}`);
  await executor.exec(sql);
  write(`did ${model.n} ${Date.now()}`);
}

/** An insert outside any transaction; a trigger counts it. */
async function insertAlone(): Promise<void> {
  const table = `${name}_auto`;
  if (!model.tables.has(table)) {
    await commit('IMMEDIATE', [
      { sql: `CREATE TABLE ${table}(id INTEGER PRIMARY KEY, v BLOB)`, apply: () => model.create(table) },
      {
        sql: `CREATE TRIGGER ${table}_count AFTER INSERT ON ${table} BEGIN UPDATE model SET n = n + 1 WHERE actor = '${name}'; END`,
        apply: () => {},
      },
    ]);
  }
  const id = nextId++;
  const value = newValue(300);
  await single(`INSERT INTO ${table} VALUES (${id}, ${literal(value)})`, () =>
    model.change(table, ({ rows }) => rows.set(id, value)),
  );
}

async function rollBack(): Promise<void> {
  await executor.exec('BEGIN IMMEDIATE');
  const steps = random() < 0.5 ? [bulkInsert(), ...changes(3)] : changes(1 + pick(6));
  for (const { sql } of steps) await executor.exec(sql);
  await executor.exec('ROLLBACK');
}

async function nested(): Promise<void> {
  await executor.exec('BEGIN IMMEDIATE');
  const kept = changes(1 + pick(3));
  for (const { sql } of kept) await executor.exec(sql);
  await executor.exec('SAVEPOINT inner');
  for (const { sql } of random() < 0.3 ? [bulkInsert()] : changes(1 + pick(4))) await executor.exec(sql);
  await executor.exec('ROLLBACK TO inner');
  const more = changes(pick(3));
  for (const { sql } of more) await executor.exec(sql);
  await executor.exec('RELEASE inner');
  for (const { apply } of kept) apply();
  await commit('', more);
}

function changes(count: number): readonly Change[] {
  const steps: Change[] = [];
  const table = anyTable(steps);
  for (let i = 0; i < count; i++) steps.push(change(table));
  return steps;
}

/** One of the actor's tables; where there is none, `steps` gets its creation. */
function anyTable(steps: Change[]): string {
  const names = [...model.tables.keys()].filter((table) => !table.endsWith('_auto'));
  const found = names[pick(names.length)];
  if (found !== undefined) return found;
  const table = `${name}_t${nextTable++}`;
  steps.push({ sql: `CREATE TABLE ${table}(id INTEGER PRIMARY KEY, v BLOB)`, apply: () => model.create(table) });
  return table;
}

function change(table: string): Change {
  const isLarge = model.bytes > limit;
  const kind = random();
  const modulus = 2 + pick(isLarge ? 2 : 12);
  const rest = pick(modulus);
  if (isLarge || kind > 0.9) {
    return {
      sql: `DELETE FROM ${table} WHERE id % ${modulus} = ${rest}`,
      apply: () =>
        model.change(table, ({ rows }) => {
          for (const id of rows.keys()) if (id % modulus === rest) rows.delete(id);
        }),
    };
  }
  if (kind > 0.65) {
    const value = newValue(200);
    return {
      sql: `UPDATE ${table} SET v = ${literal(value)} WHERE id % ${modulus} = ${rest}`,
      apply: () =>
        model.change(table, ({ rows }) => {
          for (const id of rows.keys()) if (id % modulus === rest) rows.set(id, value);
        }),
    };
  }
  const id = nextId++;
  const value = newValue(kind < 0.05 ? 6000 : 400);
  return {
    sql: `INSERT INTO ${table}(id, v) VALUES (${id}, ${literal(value)})`,
    apply: () => model.change(table, ({ rows }) => rows.set(id, value)),
  };
}

/** Many rows at once: more than the page cache holds, so that frames reach the WAL before the commit. */
function bulkInsert(): Change {
  const first = nextId;
  const value = newValue(600);
  const count = Math.max(1, Math.floor((limit * random()) / 2 / (2 * value.count + 20)));
  nextId += count;
  const names = [...model.tables.keys()].filter((table) => !table.endsWith('_auto'));
  const table = names[pick(names.length)];
  if (table === undefined) return { sql: 'SELECT 1', apply: () => {} };
  return {
    sql: `WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < ${count - 1}) INSERT INTO ${table}(id, v) SELECT ${first} + i, ${literal(value)} FROM c`,
    apply: () =>
      model.change(table, ({ rows }) => {
        for (let i = 0; i < count; i++) rows.set(first + i, value);
      }),
  };
}

function schemaChange(): Change {
  const names = [...model.tables.keys()].filter((table) => !table.endsWith('_auto'));
  const table = names[pick(names.length)];
  const kind = pick(5);
  const fresh = `${name}_t${nextTable++}`;
  if (table === undefined || (kind === 0 && names.length < 5)) {
    return { sql: `CREATE TABLE ${fresh}(id INTEGER PRIMARY KEY, v BLOB)`, apply: () => model.create(fresh) };
  }
  const known = must(model.tables.get(table), 'it was just listed');
  if (kind === 1 && known.indexes.size < 2) {
    const index = `${fresh}_index`;
    return {
      sql: `CREATE INDEX ${index} ON ${table}(length(v), id)`,
      apply: () => model.change(table, ({ indexes }) => indexes.add(index)),
    };
  }
  const [index] = known.indexes;
  if (kind === 2 && index !== undefined) {
    return { sql: `DROP INDEX ${index}`, apply: () => model.change(table, ({ indexes }) => indexes.delete(index)) };
  }
  if (kind === 3 && known.columns.length < 5) {
    const column = `c${nextTable++}`;
    return {
      sql: `ALTER TABLE ${table} ADD COLUMN ${column}`,
      apply: () => model.change(table, ({ columns }) => columns.push(column)),
    };
  }
  if (kind === 4 && names.length > 1) return { sql: `DROP TABLE ${table}`, apply: () => model.drop(table) };
  return { sql: `ALTER TABLE ${table} RENAME TO ${fresh}`, apply: () => model.rename(table, fresh) };
}

function newValue(most: number): Value {
  const unit = `${letter()}${letter()}`;
  return { unit, count: 1 + pick(most) };
}

function letter(): string {
  return must('abcdefghijklmnopqrstuvwxyz0123456789'[pick(36)], 'within the letters');
}

function pick(count: number): number {
  return Math.floor(random() * count);
}

async function open(): Promise<Executor> {
  const opened = openExecutor(application, file);
  const one = <T>(...choices: readonly T[]): T => must(choices[pick(choices.length)], 'not empty');
  for (const pragma of [
    `busy_timeout = ${one(50, 500, 2000)}`,
    `synchronous = ${one('OFF', 'NORMAL', 'FULL')}`,
    `wal_autocheckpoint = ${one(0, 1, 100, 1000)}`,
    `cache_size = ${one(10, 2000)}`,
    `mmap_size = ${one(0, 0, 1_000_000)}`,
  ]) {
    await opened.exec(`PRAGMA ${pragma}`);
  }
  // Only what reads it has a database open.
  await opened.exec('SELECT count(*) FROM sqlite_schema');
  write(`opened ${Date.now()}`);
  return opened;
}

/** After a refusal: nothing of the transaction may be left, neither there nor here. */
async function recover(): Promise<void> {
  try {
    await executor.exec('ROLLBACK');
  } catch (error) {
    // @NOTE Most often there is no transaction to roll back; a program that ended is started again.
    if (error instanceof Error && error.message.startsWith('the program ended')) executor = await open();
  }
  model = loadModel();
}

function loadModel(): Model {
  for (let tries = 0; ; tries++) {
    try {
      const database = new Database(file, { readonly: true, timeout: 5000 });
      try {
        database.exec('BEGIN');
        const read = readModel(database, name);
        for (const { rows } of read.tables.values()) for (const id of rows.keys()) nextId = Math.max(nextId, id + 1);
        for (const table of read.tables.keys()) {
          nextTable = Math.max(nextTable, Number(/_t(\d+)$/.exec(table)?.[1] ?? 0) + 1);
        }
        for (const found of database.prepare('SELECT name FROM sqlite_schema').pluck().all()) {
          nextTable = Math.max(nextTable, Number(/_t(\d+)_index$/.exec(String(found))?.[1] ?? 0) + 1);
        }
        return read;
      } finally {
        database.close();
      }
    } catch (error) {
      if (tries > 20 || !(error instanceof Database.SqliteError) || !/BUSY|LOCKED|CANTOPEN|READONLY/.test(error.code))
        throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    }
  }
}

/** What is in the database must be what this actor, before it was killed, said would be there. */
function checkAgainstLog(): void {
  const { digests, confirmed } = readActorLog(values.log);
  const said = digests.get(model.n);
  if (model.n < confirmed) write(`complaint: ${confirmed} commits were confirmed, ${model.n} are there`);
  if (model.n > 0 && said !== model.digest()) {
    write(`complaint: commit ${model.n} left ${model.digest()}, not ${said ?? 'anything known'}`);
  }
}

function write(line: string): void {
  fs.writeSync(log, `${line}\n`);
}
