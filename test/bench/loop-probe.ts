// An engine in a process of its own that watches its event loop: node loop-probe.ts --data <folder> --database <file>
// --replica <folder> [--stays]. Protects until everything is shipped, prints what held up the loop as one JSON line, and ends
// in order; with --stays it goes on until it is killed.
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Engine } from '../../electron/engine/engine.ts';
import { quantile } from './figures.ts';
import type { LoopReport } from './scenario-loop.ts';

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: '' },
    database: { type: 'string', default: '' },
    replica: { type: 'string', default: '' },
    stays: { type: 'boolean', default: false },
  },
});
let isOver = false;
const turns: (readonly [ms: number, cpuMs: number])[] = [];
const begunAt = performance.now();
const engine = Engine.open({ dataDir: values.data, isDeclaredOnly: true, version: 'bench', onState: () => {} });
const looking = look();
await engine.invoke('protectDeclared', {
  databases: [{ path: values.database, enableWal: false, replicas: [{ url: values.replica }] }],
});
while (!isShipped()) await delay(20);
process.stdout.write('shipped\n');
if (values.stays) await delay(600_000);
await engine.close();
isOver = true;
await looking;
const report: LoopReport = {
  longestMs: Math.max(...turns.map(([ms]) => ms)),
  p99Ms: quantile(
    turns.map(([ms]) => ms),
    0.99,
  ),
  longestCpuMs: Math.max(...turns.map(([, cpuMs]) => cpuMs)),
  seconds: (performance.now() - begunAt) / 1000,
  peakBytes: process.resourceUsage().maxRSS * 1024,
};
process.stdout.write(`${JSON.stringify(report)}\n`);

/** Looks about each millisecond how long the last look is ago, by the clock and in time that this thread worked. */
async function look(): Promise<void> {
  while (!isOver) {
    const at = performance.now();
    const { user, system } = process.threadCpuUsage();
    await delay(1);
    const worked = process.threadCpuUsage();
    turns.push([performance.now() - at - 1, (worked.user + worked.system - user - system) / 1000]);
  }
}

function isShipped(): boolean {
  const [database] = engine.state.databases;
  return database?.status.kind === 'protected' && database.lag.bytes === 0 && database.newest !== undefined;
}
