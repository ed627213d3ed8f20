// Protects idle databases on a folder whose rights it takes and gives back, as a user who needs rights:
// node rights-loser.ts <folder> <count>. One line of JSON after each change, once all databases stand alike: how, and what was told.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { makeDatabase } from './application.ts';
import { openTestEngine } from './engine.ts';
import { until } from './temp.ts';

const [folder = '', count = ''] = process.argv.slice(2);
const looks = { folderEveryMs: 200, bucketEveryMs: 200, stillMs: 30_000 };
await using engine = openTestEngine(path.join(folder, 'data'), { limits: { looks } });
const backup = path.join(folder, 'backup');
const { targetId } = await engine.call('addTarget', { place: { kind: 'folder', path: backup } });
fs.mkdirSync(path.join(folder, 'apps'));
for (let n = 0; n < Number(count); n++) {
  const file = path.join(folder, 'apps', `d${n}.db`);
  makeDatabase(file, 'CREATE TABLE t(a); INSERT INTO t VALUES (1)');
  await engine.call('addDatabase', { path: file, targetId });
}
let since = 0;
const tell = async (kind: string): Promise<void> => {
  await until(`all are ${kind}`, () => engine.state().databases.every(({ status }) => status.kind === kind));
  const { activity, databases } = engine.state();
  const kinds = [...new Set(databases.map(({ status }) => status.kind))];
  const told = activity.filter(({ id }) => id > since).map(({ text }) => text);
  since = activity[0]?.id ?? 0;
  process.stdout.write(`${JSON.stringify({ kinds, told })}\n`);
};
await tell('protected');
const lines = createInterface(process.stdin);
for (const kind of ['problem', 'protected', 'problem', 'protected']) {
  const [mode] = (await once(lines, 'line')) as [string];
  const isDeep = /[+-]/.test(mode);
  execFileSync('chmod', [...(isDeep ? ['-R'] : []), mode, backup]);
  await tell(kind);
}
lines.close();
