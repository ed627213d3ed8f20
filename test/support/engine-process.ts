// An engine in a process of its own, to be killed: node engine-process.ts --data <folder> [--add <database>… --folder <folder>] [--restore <file>]
// Prints "protected" once every database is, and a line per change of what is restorable.
import { parseArgs } from 'node:util';
import { Engine } from '../../electron/engine/engine.ts';

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    add: { type: 'string', multiple: true },
    folder: { type: 'string' },
    restore: { type: 'string' },
  },
});
let printed = '';
const engine = Engine.open({
  dataDir: values.data,
  isDeclaredOnly: false,
  version: '0.0.0-test',
  onState: ({ databases }) => {
    const line = databases
      .map(({ status, newest }) => {
        const what = 'problem' in status ? `${status.kind} ${status.problem.code}` : status.kind;
        return `${what} ${newest?.position.index}:${newest?.position.offset}`;
      })
      .join(', ');
    if (line !== printed) process.stdout.write(`${line}\n`);
    printed = line;
  },
});
for (const path of values.add ?? []) {
  const reply = await engine.invoke('addDatabase', { path, folder: values.folder });
  process.stdout.write(`added ${JSON.stringify(reply)}\n`);
}
if (values.restore !== undefined) {
  const [database] = engine.state.databases;
  const points = await engine.invoke('listPoints', { databaseId: database?.id, limit: 1 });
  const position = points.ok ? points.value[0]?.position : undefined;
  await engine.invoke('startRestore', { databaseId: database?.id, position, outputPath: values.restore });
}
process.on('SIGTERM', () => void engine.close().then(() => process.exit(0)));
