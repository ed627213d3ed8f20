// Stands between a test, which waits without its event loop, and the application's process that answers it (beside.ts).
import { fork } from 'node:child_process';
import path from 'node:path';
import { type MessagePort, workerData } from 'node:worker_threads';
import type { AppAnswer, AppCall } from './beside.ts';

const { port, answered } = workerData as { readonly port: MessagePort; readonly answered: Int32Array };
const child = fork(path.join(import.meta.dirname, 'beside-app.ts'), {
  serialization: 'advanced',
  execArgv: ['--no-warnings'],
  stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
});
let isAsked = false;

function tell(answer: AppAnswer): void {
  isAsked = false;
  port.postMessage(answer);
  Atomics.store(answered, 0, 1);
  Atomics.notify(answered, 0);
}

child.on('message', (answer) => tell(answer as AppAnswer));
child.on('exit', () => {
  if (isAsked) tell({ error: { message: 'the application ended', code: undefined } });
});
port.on('message', (call: AppCall) => {
  isAsked = true;
  child.send(call);
});
port.on('close', () => child.disconnect());
