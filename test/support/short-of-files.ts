// What a process tells that may open no more files, of everything that opens one, as one line of JSON:
// node short-of-files.ts <folder>
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { bootIdentity } from '../../electron/engine/basics/boot.ts';
import { claimNotes } from '../../electron/engine/destinations/claims.ts';
import { CommitLog } from '../../electron/engine/spool/commits.ts';
import { newGeneration, readBehindCaptured, readRemains } from '../../electron/engine/protection/continuity.ts';
import { noteCapturedFile, readFileNote } from '../../electron/engine/spool/file-note.ts';
import { openFormers } from '../../electron/engine/protection/formers.ts';
import { saveNotes } from '../../electron/engine/spool/notes.ts';
import { Checkpointer } from '../../electron/engine/source/checkpointer.ts';
import { Connections } from '../../electron/engine/source/connections.ts';
import { isLockedByOthers } from '../../electron/engine/source/identity.ts';
import { inspectDatabase } from '../../electron/engine/source/inspect.ts';
import { PageHashes } from '../../electron/engine/source/page-hashes.ts';
import { WalIndex } from '../../electron/engine/source/wal-index.ts';
import { WalReader } from '../../electron/engine/source/wal-reader.ts';
import { Spool } from '../../electron/engine/spool/spool.ts';
import { createFolderTarget } from '../../electron/engine/targets/folder.ts';
import { AppError, toErrorData } from '../../shared/errors.ts';
import type { TargetId } from '../../shared/ids.ts';
import { collect } from './replica-scratch.ts';

const [folder = ''] = process.argv.slice(2);
const at = (...parts: readonly string[]): string => path.join(folder, ...parts);
const { signal } = new AbortController();
const target = await createFolderTarget({ path: at('to') });
await target.put('a/b', Uint8Array.of(1), { signal });
const claims = claimNotes(at('notes'), 'target' as TargetId);
claims.add('claim');

// A database that somebody writes to, and what was captured of it.
const file = at('shop.db');
const app = new Database(file);
app.pragma('journal_mode = wal');
app.exec('CREATE TABLE t(v)');
const spools = at('spool');
const generation = newGeneration();
const spoolFolder = path.join(spools, generation);
const spool = Spool.create(spoolFolder, 0);
const reader = new WalReader(file);
await reader.drain(() => 2, {
  begin: (_header, bytes) => spool.begin(bytes),
  append: (bytes, offset) => spool.append(bytes, offset),
  frame: () => {},
});
const place = spool.end;
const hashes = new PageHashes(4096);
const commits = new CommitLog();
await saveNotes(spoolFolder, generation, {
  hashes,
  commits: commits.encode(),
  at: place,
  mark: spool.markAt(place) ?? 0n,
});
noteCapturedFile(spoolFolder, { inode: 1, bornAt: 1, wal: undefined, atRest: undefined });
const { end } = (await Spool.recover(spoolFolder)) ?? {};
const timesIn = () => new Map<number, number>();
const options = { generation, notBefore: 0, boot: 'boot', timesIn };
const targets = ['target' as TargetId];
const formers = {
  folder: spools,
  present: newGeneration(),
  targets,
  lastAtOf: () => 0,
  timesIn,
  boot: 'boot',
  by: { tidemark: '0', sqlite: '3' },
};
const index = fs.statSync(`${file}-shm`).ino;
const isLocked = isLockedByOthers(index);

const told: Record<string, { readonly code: string; readonly message: string }> = {};
const tell = async (what: string, work: () => unknown): Promise<void> => {
  try {
    const value = await work();
    told[what] = { code: 'none', message: String(value) };
  } catch (error) {
    const { code, message } = toErrorData(error);
    told[what] = { code, message };
  }
};
const taken: number[] = [];
try {
  for (;;) taken.push(fs.openSync('/dev/null', 'r'));
} catch {
  // @NOTE No more of them: as it is to be.
}
await tell('put', async () => await target.put('a/c', Uint8Array.of(2), { signal }));
await tell('list', async () => await target.list('', { signal }));
await tell('get', async () => await collect(target.get('a/b', { signal })));
await tell('claims', () => claims.read());
await tell('claim', () => claims.add('other'));
await tell('remains', async () => await readRemains(spoolFolder, options));
await tell('formers', async () => await openFormers(formers));
await tell('note', () => readFileNote(spoolFolder));
await tell('boot', () => bootIdentity());
await tell('behind', () => end && readBehindCaptured(file, spool, end));
await tell('sync', async () => await spool.sync());
await tell('begin', () => spool.begin(new Uint8Array(32)));
await tell('index', async () => await spool.writeIndex(1, pieces()));
await tell('wal-index', () => WalIndex.open(file));
await tell('light', async () => await Connections.open(file, 'light'));
await tell('firm', async () => await Connections.open(file, 'firm'));
await tell('checkpointer', async () => await Checkpointer.open(file));
await tell('inspected', () => {
  const inspection = inspectDatabase(file, () => false);
  if (inspection.kind === 'refused') throw AppError.fromData(inspection.error);
});
await tell('locks', () => isLockedByOthers(index) === isLocked);
// SQLite may open a file or two, and not all that it needs.
for (let i = 0; i < 2; i++) fs.closeSync(taken.pop() ?? 0);
await tell('half-open', async () => await Connections.open(file, 'firm'));
for (const fd of taken) fs.closeSync(fd);
await using connections = await Connections.open(file, 'firm');
const kept = await openFormers(formers);
process.stdout.write(
  `${JSON.stringify({ told, claims: claims.read(), isOpen: connections.hold, formers: kept.map(({ history }) => history?.generation === generation) })}\n`,
);

async function* pieces(): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(new Uint8Array(32));
}
