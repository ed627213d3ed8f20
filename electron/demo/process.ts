// Starts the demo's writer on plain Node, for hosts without Electron. Its standard input is a pipe from us: that ends when
// we do, however we end, and the writer with it.
import { spawn } from 'node:child_process';
import type { StartedProcess } from './demo.ts';
import { plainSurroundings } from '../host/surroundings.ts';

/** Starts a module on this Node as a process of its own. */
export function startNodeProcess(file: string, args: readonly string[]): StartedProcess {
  const child = spawn(process.execPath, [file, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: plainSurroundings(),
  });
  // A process that could not be started sends no exit of its own.
  child.once('error', () => child.emit('exit', 1, null));
  // Nor may it be killed: it has the number 0, which stands for all of our own group.
  if (child.pid === undefined) child.kill = () => false;
  return child;
}
