// What every scenario of the benchmark gets, and how it prints.
import { formatTable } from '../../shared/table.ts';
import type { litestream, Capturer } from './capturers.ts';

export interface Bench {
  /** An empty folder for files of this run. */
  readonly folder: string;
  readonly rounds: number;
  readonly seconds: number;
  /** Size of the database of which an image is made. */
  readonly megabytes: number;
  /** How long a capturer is weighed; twice that where next to nothing happens. */
  readonly weighSeconds: number;
  /** The real litestream under a name and with settings; nothing where there is none for this platform. */
  readonly other: (name?: string, settings?: Parameters<typeof litestream>[2]) => readonly Capturer[];
}

/** What is measured; undefined, and a line that says so, where a program failed: the others are measured all the same. */
export async function attempt<T>(name: string, measure: () => Promise<T>): Promise<T | undefined> {
  try {
    return await measure();
  } catch (error) {
    say(`\n${name} could not be measured: ${String(error)}`);
    return undefined;
  }
}

/** A title above a table. */
export function heading(text: string): void {
  say(`\n${text}`);
}

/** A table whose first column is words, the others figures. */
export function table(titles: readonly string[], rows: readonly (readonly string[])[]): void {
  const figures = new Set(titles.map((_, column) => column).slice(1));
  process.stdout.write(formatTable([titles, ...rows], { end: figures }));
}

/** A line. */
export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
