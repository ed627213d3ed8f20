// The process's own streams, for commands that end with their reader, and for one that goes on although nobody reads.
import fs from 'node:fs';
import { plainText } from '../../shared/plain-text.ts';
import type { Terminal } from './output.ts';

/** What waits for a reader that does not read; what comes then is dropped. */
const mostWaiting = 1024 * 1024;

/** `tidemark wal … | head`: a reader that has enough is no failure, and the end of the command. */
export function processTerminal(): Terminal {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  return {
    out: (text) => void process.stdout.write(plainText(text)),
    note: (text) => void process.stderr.write(plainText(text)),
    draw: (text) => void process.stderr.write(text),
    isInteractive: isInteractive(),
  };
}

/** Never fails and never waits: what nobody reads, or what a full disk does not take, is dropped. */
export function patientTerminal(): Terminal {
  const out = patientWriter(process.stdout, 1);
  const draw = patientWriter(process.stderr, 2);
  return {
    out: (text) => out(plainText(text)),
    note: (text) => draw(plainText(text)),
    draw,
    isInteractive: isInteractive(),
  };
}

/** Resolves once what was written is out, or cannot be in so many milliseconds. */
export async function written(withinMs: number): Promise<void> {
  const streams = [process.stdout, process.stderr].filter((one) => !one.destroyed && one.writableLength > 0);
  const drained = Promise.all(
    streams.map(async (one) => await new Promise<void>((done) => one.write('', () => done()))),
  );
  await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, withinMs))]);
}

function isInteractive(): boolean {
  return process.stderr.isTTY && process.env['TERM'] !== 'dumb';
}

function patientWriter(stream: NodeJS.WriteStream, fd: number): (text: string) => void {
  // A stream that failed once is over, but a disk may have room again.
  if (isFile(fd)) return (text) => writeFile(fd, text);
  // @NOTE Nobody reads any more: that is theirs to decide.
  stream.on('error', () => {});
  return (text) => {
    if (!stream.destroyed && stream.writableLength <= mostWaiting) stream.write(text);
  };
}

function isFile(fd: number): boolean {
  try {
    return fs.fstatSync(fd).isFile();
  } catch {
    // @NOTE It is closed.
    return false;
  }
}

function writeFile(fd: number, text: string): void {
  try {
    fs.writeSync(fd, text);
  } catch {
    // @NOTE Its disk is full or gone.
  }
}
