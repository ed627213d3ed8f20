// `npm run bench`: Tidemark's built command line beside the real `litestream`, in one run on one machine. Prints figures
// and ratios, sets no bar. Each program runs as a process of its own, so does the writer; rounds are interleaved.
//   npm run bench -- [--rounds 3] [--seconds 5] [--megabytes 1000] [--weigh 15] [--only writer,latency,…]
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findLitestream } from '../../electron/demo/litestream-binary.ts';
import { formatDuration } from '../../shared/format.ts';
import { killAll, litestream } from './capturers.ts';
import { type Bench, say } from './report.ts';
import { benchCrowd } from './scenario-crowd.ts';
import { benchDrain } from './scenario-drain.ts';
import { benchElectron } from './scenario-electron.ts';
import { benchIdle } from './scenario-idle.ts';
import { benchLatency } from './scenario-latency.ts';
import { benchLeaving } from './scenario-leaving.ts';
import { benchLoop } from './scenario-loop.ts';
import { benchMemory } from './scenario-memory.ts';
import { benchPaced } from './scenario-paced.ts';
import { benchRestore } from './scenario-restore.ts';
import { benchS3 } from './scenario-s3.ts';
import { benchSnapshot } from './scenario-snapshot.ts';
import { benchVisits } from './scenario-visits.ts';
import { benchWeight } from './scenario-weight.ts';
import { benchWriter } from './scenario-writer.ts';

const scenarios: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  writer: benchWriter,
  paced: benchPaced,
  crowd: benchCrowd,
  latency: benchLatency,
  restore: benchRestore,
  memory: benchMemory,
  idle: benchIdle,
  weight: benchWeight,
  leaving: benchLeaving,
  visits: benchVisits,
  drain: benchDrain,
  loop: benchLoop,
  snapshot: benchSnapshot,
  s3: benchS3,
  electron: benchElectron,
};

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    megabytes: { type: 'string', default: '1000' },
    weigh: { type: 'string', default: '15' },
    only: { type: 'string', default: Object.keys(scenarios).join(',') },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const megabytes = Number(values.megabytes);
const weighSeconds = Number(values.weigh);
const wanted = values.only.split(',');
const unknown = wanted.filter((name) => !(name in scenarios));
if (!(rounds >= 1 && seconds > 0 && megabytes > 0 && weighSeconds > 0))
  throw new Error('--rounds, --seconds, --megabytes and --weigh must be positive');
if (unknown.length > 0) throw new Error(`--only knows ${Object.keys(scenarios).join(', ')}, not ${unknown.join(', ')}`);

const executable = findLitestream();
const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
process.once('SIGINT', () => leave());
process.once('SIGTERM', () => leave());

const begunAt = performance.now();
try {
  const [processor] = cpus();
  say(
    `${processor?.model ?? 'unknown processor'}, ${String(cpus().length)} cores; Node ${process.versions.node}; ${process.platform}`,
  );
  say(`${String(rounds)} rounds of ${String(seconds)} s; files in ${folder}`);
  if (executable === undefined) say('There is no litestream for this platform: Tidemark is measured alone.');
  const other: Bench['other'] = (name, settings) =>
    executable === undefined ? [] : [litestream(executable, name, settings)];
  for (const [name, run] of Object.entries(scenarios)) {
    if (wanted.includes(name)) await run({ folder, rounds, seconds, megabytes, weighSeconds, other });
  }
  say(`\nDone in ${formatDuration(performance.now() - begunAt)}.`);
} finally {
  killAll();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

function leave(): void {
  killAll();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.exit(130);
}
