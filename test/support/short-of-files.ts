// What a destination folder and the notes of claims tell a process that may open no more files, as one line of JSON:
// node short-of-files.ts <folder>
import fs from 'node:fs';
import path from 'node:path';
import { claimNotes } from '../../electron/engine/claims.ts';
import { createFolderTarget } from '../../electron/engine/targets/folder.ts';
import { toErrorData } from '../../shared/errors.ts';
import type { TargetId } from '../../shared/ids.ts';
import { collect } from './replica-scratch.ts';

const [folder = ''] = process.argv.slice(2);
const { signal } = new AbortController();
const target = await createFolderTarget({ path: path.join(folder, 'to') });
await target.put('a/b', Uint8Array.of(1), { signal });
const notes = claimNotes(path.join(folder, 'notes'), 'target' as TargetId);
notes.add('claim');

const told: object[] = [];
const tell = async (work: () => unknown): Promise<void> => {
  try {
    await work();
  } catch (error) {
    const { code, message } = toErrorData(error);
    told.push({ code, message });
  }
};
const taken: number[] = [];
try {
  for (;;) taken.push(fs.openSync('/dev/null', 'r'));
} catch {
  // @NOTE No more of them: as it is to be.
}
await tell(async () => await target.put('a/c', Uint8Array.of(2), { signal }));
await tell(async () => await target.list('', { signal }));
await tell(async () => await collect(target.get('a/b', { signal })));
await tell(() => notes.read());
await tell(() => notes.add('other'));
for (const fd of taken) fs.closeSync(fd);
process.stdout.write(`${JSON.stringify({ told, claims: notes.read() })}\n`);
