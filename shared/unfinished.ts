// Names of what is there while a database is restored, before the file has its name: they tell whose it is, so that what a restore left
// that was ended in the middle can be removed, and nothing else.

/** `.NAME.tidemark-HOST-PID-START-RANDOM`: hexadecimal digits of the computer's name, the process, and when that began. */
const pattern = /^\.(.*)\.tidemark-([0-9a-f]{6})-(\d+)-([0-9a-z]+)-[0-9a-f]{8}(?:[.-].*)?$/;

export interface Unfinished {
  /** How the name begins that the file is to have. */
  readonly start: string;
  readonly host: string;
  readonly pid: number;
  readonly startedAt: string;
}

/** What a name in a folder says of it; undefined for everything else. */
export function parseUnfinished(name: string): Unfinished | undefined {
  const [, start, host, pid, startedAt] = pattern.exec(name) ?? [];
  if (start === undefined || host === undefined || startedAt === undefined) return undefined;
  return { start, host, pid: Number(pid), startedAt };
}

/** The name; `random`: eight hexadecimal digits. */
export function formatUnfinished({ start, host, pid, startedAt }: Unfinished, random: string): string {
  return `.${start}.tidemark-${host}-${pid}-${startedAt}-${random}`;
}
