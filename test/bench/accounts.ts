// What Linux's accounts tell of a process: the time it had of processors, what it wrote, what it keeps.
import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts processor time in hundredths of a second for everybody who asks. */
const ticksPerSecond = 100;

export interface Accounts {
  /** In user and in kernel mode. */
  readonly processorSeconds: number;
  readonly writeCalls: number;
  readonly written: number;
  readonly resident: number;
  readonly files: number;
}

/** The accounts of a process so far; throws where there is no such process. */
export function accounts(pid: number): Accounts {
  const read = (name: string): string => readFileSync(`/proc/${String(pid)}/${name}`, 'utf8');
  const fact = (text: string, name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1]);
  const io = read('io');
  const status = read('status');
  // Behind the name, which may hold anything, the 12th and 13th fields are the time in user and in kernel mode.
  const fields = read('stat')
    .replace(/^.*\) /s, '')
    .split(' ');
  return {
    processorSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    writeCalls: fact(io, 'syscw'),
    written: fact(io, 'write_bytes'),
    resident: fact(status, 'VmRSS') * 1024,
    files: readdirSync(`/proc/${String(pid)}/fd`).length,
  };
}
