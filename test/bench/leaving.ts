// What happens around an application's close, and at its rest: several applications at once, each with a database of its own.
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Capturer, type Running, startCapturing } from './capturers.ts';
import { createDatabase, findFault } from './content.ts';
import { scratch } from './measures.ts';
import { leave, replace } from './writing.ts';

/** Milliseconds of each wait, Infinity for never. */
export interface Leavings {
  readonly committing: readonly number[];
  readonly rested: readonly number[];
  readonly flat: readonly number[];
  readonly staying: readonly number[];
}

/** What was wrong with each replaced database, null for nothing: when it was opened at once, and after the capturer's end. */
export interface Replacements {
  readonly atOnce: readonly (string | null)[];
  readonly later: readonly (string | null)[];
}

/** Applications of each kind that run at the same time. */
export const atOnce = 4;
const committingTries = 4;
const restedTries = 3;
const stayingTries = 5;
const flatTries = 5;
/** Of an application that nobody captures: nothing varies. */
const aloneTries = 2;
const replacers = 8;
const replacerTries = 5;
/** Applications do not all close at the same instant. */
const apartMs = 200;
/** The first image of each database lies there; what follows it is over. */
const settleMs = 1_000;
const rows = { live: 2_000, small: 500, large: 6_000 };

/** From close to gone, and from rest to an empty WAL. Undefined capturer: the applications alone. */
export async function measureLeaving(
  capturer: Capturer | undefined,
  { folder }: { readonly folder: string },
): Promise<Leavings> {
  using place = scratch(folder);
  const [committing, rested, staying] = ['committing', 'rested', 'staying'].map((name) =>
    createDatabases(place.path, name, atOnce),
  ) as [string[], string[], string[]];
  const flat = createDatabases(place.path, 'flat', 1);
  await using running = await start(capturer, [...committing, ...rested, ...flat, ...staying], place.path);
  const tries = (count: number): number => (capturer === undefined ? aloneTries : count);
  const [whenCommitting, whenRested, whenStaying] = await together([
    leaveEach(committing, { manner: 'committing', tries: tries(committingTries) }),
    leaveEach(rested, { manner: 'rested', tries: tries(restedTries) }),
    // Nobody but a capturer empties the WAL of an application that stays.
    leaveEach(capturer === undefined ? [] : staying, { manner: 'staying', tries: stayingTries }),
  ] as const);
  // It takes a core for itself.
  const whenFlat = await leaveEach(flat, { manner: 'flat', tries: tries(flatTries) });
  running?.assertAlive();
  return { committing: whenCommitting, rested: whenRested, flat: whenFlat, staying: whenStaying };
}

/** An application that replaces its own file. Undefined capturer: the application alone. */
export async function measureReplacing(
  capturer: Capturer | undefined,
  { folder }: { readonly folder: string },
): Promise<Replacements> {
  using place = scratch(folder);
  const files = (['small', 'large'] as const).map((mark) => {
    const path = join(place.path, `${mark}.db`);
    return { path, content: createDatabase(path, rows[mark], mark) };
  });
  const databases = createDatabases(place.path, 'app', replacers * replacerTries);
  await using running = await start(capturer, databases, place.path);
  const shares = Array.from({ length: replacers }, (_, i) => databases.filter((_path, at) => at % replacers === i));
  const faults = await together(shares.map(async (share, i) => await replace(share, { files, afterMs: i * apartMs })));
  running?.assertAlive();
  await running?.stop();
  const later = shares.flatMap((share) =>
    share.map((path, i) => findFault(path, files[i % files.length]?.content ?? '') ?? null),
  );
  return { atOnce: faults.flat(), later };
}

async function leaveEach(
  databases: readonly string[],
  options: Pick<Parameters<typeof leave>[1], 'manner' | 'tries'>,
): Promise<readonly number[]> {
  const waits = databases.map(async (database, i) => await leave(database, { ...options, afterMs: i * apartMs }));
  return (await together(waits)).flat();
}

async function start(
  capturer: Capturer | undefined,
  databases: readonly string[],
  folder: string,
): Promise<Running | undefined> {
  if (capturer === undefined) return undefined;
  const running = await startCapturing(capturer, databases, folder);
  await delay(settleMs);
  return running;
}

function createDatabases(folder: string, name: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const path = join(folder, `${name}-${String(i)}.db`);
    createDatabase(path, rows.live, 'live');
    return path;
  });
}

/** All of them, and none still runs where one failed. */
async function together<T extends readonly unknown[]>(tasks: {
  readonly [K in keyof T]: Promise<T[K]>;
}): Promise<{ -readonly [K in keyof T]: T[K] }> {
  await Promise.allSettled(tasks);
  return await Promise.all(tasks);
}
