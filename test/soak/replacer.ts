// An application, its installer and its owner in one process: besides writing they close, copy another file over the database,
// rename one into its place, import, compact, delete what lies beside it, switch its journal mode, take it exclusively, change
// its mode and owner, come and go, delete it and begin anew. They are alone with it: whatever they do works as it does alone.
// node replacer.ts --database <file> --log <file> --control <folder> --scratch <folder> --seed <n> --application <kind>
//   --limit <bytes> --pause <ms> --hands <ms> --patience <ms> [--only <steps>]
// While `control/rest` is there, rests as the state of the log says; ends in order on SIGTERM.
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { must } from '../../shared/assert.ts';
import { seededRandom } from '../support/truth.ts';
import { Copies, type Copy, copySlowly } from './copies.ts';
import type { Application } from './executors.ts';
import { cloneModel, Inventor } from './incarnations.ts';
import { Tenant } from './tenant.ts';

const { values } = parseArgs({
  options: {
    database: { type: 'string', default: '' },
    log: { type: 'string', default: '' },
    control: { type: 'string', default: '' },
    scratch: { type: 'string', default: '' },
    seed: { type: 'string', default: '1' },
    application: { type: 'string', default: 'better-sqlite3' },
    limit: { type: 'string', default: '100000' },
    pause: { type: 'string', default: '20' },
    hands: { type: 'string', default: '0' },
    patience: { type: 'string', default: '0' },
    only: { type: 'string', default: '' },
  },
});

const file = values.database;
const inventor = new Inventor(seededRandom(Number(values.seed)));
const limit = Number(values.limit);
const tenant = new Tenant({
  file,
  log: values.log,
  application: values.application as Application,
  inventor,
  limit,
  extraPatienceMs: Number(values.patience),
});
const copies = new Copies(values.scratch, inventor);
let isStopping = false;
process.on('SIGTERM', () => (isStopping = true));

/** What is done, and how often. */
const everyStep: readonly (readonly [number, string, () => Promise<void>])[] = [
  [30, 'write', async () => await tenant.writeSome(1 + inventor.pick(8))],
  [8, 'visits', async () => await tenant.visit(2 + inventor.pick(8))],
  [8, 'stay', stay],
  [5, 'leave', async () => await tenant.leave()],
  [8, 'copy', keepCopy],
  [8, 'copy-over', async () => await putOver(copies.choose())],
  [8, 'move-over', async () => await putInPlace(copies.choose())],
  [4, 'import-over', async () => await putOver(makeImport())],
  [4, 'import-in-place', async () => await putInPlace(makeImport())],
  [6, 'compact', compact],
  [5, 'delete-beside-open', deleteBesideOpen],
  [5, 'delete-beside-closed', deleteBesideClosed],
  [6, 'journal', switchJournal],
  [5, 'exclusive', exclusively],
  [3, 'owner', async () => await tenant.changeOwner()],
  [4, 'begin-anew', beginAnew],
  [3, 'aside', putAside],
  [3, 'checkpoint', checkpoint],
];
const only = values.only === '' ? undefined : values.only.split(',');
const steps = everyStep.filter(([, name]) => only?.includes(name) ?? true);

tenant.willHold(undefined);
await tenant.open();
await tenant.writeSome(3);
await keepCopy();
process.stdout.write('ready\n');
if (isToRest()) await rest('closed');
while (!isStopping) {
  if (isToRest()) await rest(inventor.one('open', 'open', 'closed', 'closed', 'closed', 'delete', 'exclusive'));
  const [, name, act] = choose();
  tenant.write(`step ${name}`);
  await act();
  await delay(Number(values.pause) * 2 * inventor.pick(1000) * 1e-3);
}
await tenant.beOpen();
await tenant.leave();
await tenant.verify();
await tenant.leave();
tenant.write(`ended ${tenant.state}`);
process.exit(0);

function choose(): (typeof everyStep)[number] {
  let at = inventor.pick(steps.reduce((sum, [weight]) => sum + weight, 0));
  for (const step of steps) {
    at -= step[0];
    if (at < 0) return step;
  }
  return must(steps[0], 'there are steps');
}

async function stay(): Promise<void> {
  if (inventor.isLucky(0.7)) await tenant.beOpen();
  await delay(inventor.pick(600));
}

async function checkpoint(): Promise<void> {
  await tenant.beOpen();
  await tenant.exec(`PRAGMA wal_checkpoint(${inventor.one('PASSIVE', 'FULL', 'RESTART', 'TRUNCATE')})`);
  if (inventor.isLucky(0.3)) await tenant.exec('VACUUM');
}

/** A backup: of the closed file, or of the open one. */
async function keepCopy(): Promise<void> {
  const place = copies.newPlace('copy');
  if (inventor.isLucky(0.5)) {
    await tenant.beOpen();
    await tenant.exec(`VACUUM INTO '${place}'`);
  } else {
    await tenant.close();
    fs.copyFileSync(file, place);
  }
  copies.keep(place, tenant.model);
}

function makeImport(): Copy {
  return copies.import({ limit, n: tenant.nextSerial() });
}

/** As `cp copy database`. */
async function putOver({ place, model }: Copy): Promise<void> {
  await tenant.closeForHands(Number(values.hands));
  tenant.willHold(cloneModel(model));
  if (inventor.isLucky(0.3)) await copySlowly(place, file, inventor);
  else fs.copyFileSync(place, file);
  await afterwards();
}

/** As `cp copy new && mv new database`. */
async function putInPlace({ place, model }: Copy): Promise<void> {
  await tenant.closeForHands(Number(values.hands));
  const fresh = `${file}-new`;
  fs.copyFileSync(place, fresh);
  tenant.willHold(cloneModel(model));
  fs.renameSync(fresh, file);
  await afterwards();
}

/** The application is started again at once, or later. */
async function afterwards(): Promise<void> {
  if (inventor.isLucky(0.2)) await delay(inventor.pick(400));
  if (inventor.isLucky(0.7)) await tenant.open();
  if (inventor.isLucky(0.5)) await tenant.writeSome(1 + inventor.pick(3));
}

async function compact(): Promise<void> {
  await tenant.beOpen();
  const fresh = `${file}-compact`;
  await tenant.exec(`VACUUM INTO '${fresh}'`);
  await tenant.closeForHands(Number(values.hands));
  fs.renameSync(fresh, file);
  await afterwards();
}

/** Somebody tidies up while the application runs; it does not mind. */
async function deleteBesideOpen(): Promise<void> {
  await tenant.writeSome(1 + inventor.pick(3));
  deleteBeside();
  for (let count = inventor.pick(4); count > 0; count--) {
    await tenant.commit();
    await delay(inventor.pick(40));
  }
  await tenant.close();
}

async function deleteBesideClosed(): Promise<void> {
  await tenant.writeSome(1);
  await tenant.closeForHands(Number(values.hands));
  deleteBeside();
}

function deleteBeside(): void {
  for (const suffix of inventor.one(['-wal'], ['-shm'], ['-wal', '-shm'])) fs.rmSync(file + suffix, { force: true });
}

async function switchJournal(): Promise<void> {
  await tenant.beOpen();
  await tenant.exec('PRAGMA journal_mode = DELETE');
  for (let count = inventor.pick(4); count > 0; count--) {
    await tenant.commit();
    if (inventor.isLucky(0.3)) await delay(inventor.pick(150));
  }
  if (inventor.isLucky(0.3)) {
    await tenant.exec(`PRAGMA page_size = ${inventor.one(1024, 4096, 8192)}`);
    await tenant.exec('VACUUM');
  }
  await tenant.exec('PRAGMA journal_mode = WAL');
  await tenant.writeSome(inventor.pick(3));
}

async function exclusively(): Promise<void> {
  await tenant.close();
  await tenant.open(['locking_mode = EXCLUSIVE']);
  for (let count = 1 + inventor.pick(5); count > 0; count--) {
    await tenant.commit();
    if (inventor.isLucky(0.4)) await delay(inventor.pick(200));
  }
  await tenant.close();
}

async function beginAnew(): Promise<void> {
  await tenant.closeForHands(Number(values.hands));
  fs.rmSync(file);
  tenant.willHold(undefined);
  if (inventor.isLucky(0.6)) await delay(inventor.pick(500));
  await tenant.open();
  await tenant.writeSome(1 + inventor.pick(4));
}

/** Another file takes the place for a while; then the former one comes back. */
async function putAside(): Promise<void> {
  await tenant.closeForHands(Number(values.hands));
  const model = cloneModel(tenant.model);
  fs.renameSync(file, `${file}-aside`);
  await putInPlace(copies.choose());
  await tenant.closeForHands(Number(values.hands));
  tenant.willHold(model);
  fs.renameSync(`${file}-aside`, file);
  await afterwards();
}

function isToRest(): boolean {
  return fs.existsSync(path.join(values.control, 'rest'));
}

/** Does nothing until the marker is gone: open, closed, or in a way that keeps others out. */
async function rest(kind: 'open' | 'closed' | 'delete' | 'exclusive'): Promise<void> {
  if (kind === 'exclusive') {
    await tenant.close();
    await tenant.open(['locking_mode = EXCLUSIVE']);
  }
  await tenant.writeSome(1);
  if (kind === 'delete') await tenant.exec('PRAGMA journal_mode = DELETE');
  if (kind === 'closed') await tenant.leave();
  tenant.write(`rests ${kind} ${tenant.state}`);
  while (isToRest() && !isStopping) await delay(20);
  tenant.write('goes on');
  if (kind === 'exclusive') await tenant.close();
  else if (kind === 'delete') await tenant.exec('PRAGMA journal_mode = WAL');
}
