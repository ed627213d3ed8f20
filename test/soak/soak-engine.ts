// An engine in a process of its own, as the soak needs it: protects what it is told with short intervals, says what is
// protected and what waits, ends in order on SIGTERM.
// node soak-engine.ts --data <folder> --sync <ms> --snapshot <ms> --databases <JSON: [path, replica folder…][]>
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Engine } from '../../electron/engine/engine.ts';

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    sync: { type: 'string', default: '0' },
    snapshot: { type: 'string', default: '0' },
    databases: { type: 'string', default: '[]' },
  },
});
let printed = '';
const engine = Engine.open({
  dataDir: values.data,
  isDeclaredOnly: true,
  version: '0.0.0-soak',
  onState: ({ databases }) => {
    const line = JSON.stringify(
      databases.map(({ status, lag, path }) => [
        // Captured each time its application closes it: that promises nothing for the time before.
        status.kind === 'protected' && status.capturedWhen !== undefined ? 'held' : status.kind,
        'problem' in status ? status.problem.code : '',
        lag.bytes,
        path,
      ]),
    );
    if (line !== printed) process.stdout.write(`state ${line} at ${Date.now()}\n`);
    printed = line;
  },
});
let isEnding = false;
process.on('SIGTERM', () => {
  isEnding = true;
  void engine.close().then(() => process.exit(0));
});
const databases = (JSON.parse(values.databases) as readonly (readonly [string, ...string[]])[]).map(
  ([path, ...folders]) => ({
    path,
    enableWal: false,
    replicas: folders.map((url) => ({
      url,
      syncIntervalMs: Number(values.sync),
      snapshotIntervalMs: Number(values.snapshot),
    })),
  }),
);
// One that cannot be protected now (its target is cut off, say) is asked for again.
let waiting = databases;
while (waiting.length > 0 && !isEnding) {
  const reply = await engine.invoke('protectDeclared', { databases: waiting });
  const refused = reply.ok ? reply.value.filter(({ kind }) => kind === 'refused') : waiting;
  waiting = databases.filter(({ path }) => refused.some((one) => one.path === path));
  if (waiting.length > 0) {
    process.stdout.write(`refused ${JSON.stringify(reply)}\n`);
    await delay(50);
  }
}
process.stdout.write('declared\n');
