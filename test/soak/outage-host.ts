// `replicate` as the command line runs it, which notes everything that it says: every state that is pushed, every line, with times.
// node outage-host.ts --config <file> --data <folder> --record <file>
// A line on its input is how the engine's thread is to die.
import fs from 'node:fs';
import { parseArgs } from 'node:util';
import { replicate } from '../../electron/cli/replicate.ts';
import { watchInterrupts } from '../../electron/cli/signals.ts';
import { patientTerminal, written } from '../../electron/cli/terminal.ts';
import { type EngineHost, startEngine } from '../../electron/host/engine-host.ts';
import { leave } from '../../electron/host/leave.ts';
import type { Uttered } from './said-reading.ts';

const { values } = parseArgs({
  options: {
    config: { type: 'string', default: '' },
    data: { type: 'string', default: '' },
    record: { type: 'string', default: '' },
  },
});
type Untimed<T> = T extends unknown ? Omit<T, 'at'> : never;

const fd = fs.openSync(values.record, 'a');
const record = (one: Untimed<Uttered>): void =>
  void fs.writeSync(fd, `${JSON.stringify({ at: Date.now(), ...one })}\n`);
const channel = new BroadcastChannel(`kill ${values.data}`);
process.stdin.on('data', (how: Buffer) => channel.postMessage(how.toString().trim()));

using interrupts = watchInterrupts();
const terminal = patientTerminal();
const out = (text: string): void => {
  record({ kind: 'text', text });
  terminal.out(text);
};
const workerUrl = new URL('./outage-worker.ts', import.meta.url);
const open = async (): Promise<EngineHost> => {
  const engine = await startEngine({ dataDir: values.data, workerUrl, isDeclaredOnly: true });
  engine.subscribe(({ databases, targets }) =>
    record({ kind: 'state', state: { databases: databases.map((one) => ({ ...one, days: [] })), targets } }),
  );
  return engine;
};
const { code, hangs } = await replicate({
  path: undefined,
  urls: [],
  options: { config: values.config, expandEnv: false },
  terminal: { ...terminal, out },
  interrupts,
  openEngine: open,
  openToolbox: open,
});
await written(300);
leave(code, { hangs });
