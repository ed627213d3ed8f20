// A utility process is a plain Node process that dies with this one: its standard input is a pipe that ends when we do.
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { type Members, as } from './members.ts';

type UtilityMembers = 'kill' | 'pid' | 'stdout' | 'stderr';

class UtilityProcess extends EventEmitter implements Members<Electron.UtilityProcess, UtilityMembers> {
  readonly #child: ChildProcess;
  readonly pid: number | undefined;
  readonly stdout: NodeJS.ReadableStream | null;
  readonly stderr: NodeJS.ReadableStream | null;

  constructor(modulePath: string, args: readonly string[]) {
    super();
    this.#child = spawn(process.execPath, [modulePath, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.pid = this.#child.pid;
    this.stdout = this.#child.stdout;
    this.stderr = this.#child.stderr;
    this.#child.once('exit', (code) => this.emit('exit', code ?? 1));
  }

  kill(): boolean {
    return this.#child.kill();
  }
}

export const utilityProcess = {
  fork: (modulePath: string, args: string[] = []) => as<Electron.UtilityProcess>(new UtilityProcess(modulePath, args)),
} satisfies Members<typeof Electron.UtilityProcess, 'fork'>;
