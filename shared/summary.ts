// "Am I safe?" in one sentence: computed from the pushed state alone, the same for window, tray and command line. Never
// better than the truth: good means that a restorable point covers what was written.
import { capitalize, formatAgo, formatInstantLocal, numberWord, secondMs, type Where } from './format.ts';
import type { DatabaseState } from './databases.ts';

/** How a database stands, from the user's side; the order is that of urgency. */
export type Health = 'problem' | 'attention' | 'working' | 'paused' | 'good';

export interface Summary {
  /** The worst that needs a look; good only where every database is. */
  readonly health: Health | 'none';
  readonly headline: string;
  readonly detail: string;
}

/** Longer than this, captured changes that wait to be shipped are no longer "protected". */
export const lagPromiseMs = 60 * secondMs;

/** How a database stands: its status, corrected by what its figures say. */
export function healthOf(database: DatabaseState, now: number): Health {
  switch (database.status.kind) {
    case 'problem':
      return 'problem';
    case 'attention':
      return 'attention';
    case 'paused':
      return 'paused';
    case 'starting':
    case 'snapshotting':
    case 'catching-up':
      return 'working';
    case 'protected':
      if (database.newest === undefined) return 'working';
      return isStale(database, now) ? 'attention' : 'good';
  }
}

/** When captured changes will have waited for longer than promised, beyond the interval that is set; undefined where none wait. */
export function staleAt({ lag, replicas }: DatabaseState): number | undefined {
  const intervals = replicas.filter(({ isEnabled }) => isEnabled).map(({ syncIntervalMs }) => syncIntervalMs);
  return lag.sinceAt === undefined ? undefined : lag.sinceAt + lagPromiseMs + Math.max(0, ...intervals) + 1;
}

/** True where captured changes have waited for longer than promised. */
export function isStale(database: DatabaseState, now: number): boolean {
  return now >= (staleAt(database) ?? Infinity);
}

/** `captured each time Anki is closed`, for a protected database that its application keeps for itself. */
export function capturedWhenWords({ status }: Pick<DatabaseState, 'status'>): string | undefined {
  if (status.kind !== 'protected' || status.capturedWhen === undefined) return undefined;
  const { application } = status.capturedWhen;
  return `captured each time ${application === undefined ? 'its application closes' : `${application} is closed`}`;
}

/** Names those of several databases that are captured only when their applications close; empty where none is. */
export function closedSentence(databases: readonly DatabaseState[]): string {
  const all = databases.flatMap((database) => {
    const when = capturedWhenWords(database);
    return when === undefined || databases.length === 1 ? [] : [`${database.name} is ${when}`];
  });
  if (all.length === 0) return '';
  const rest = all.length - 2;
  return `${[...all.slice(0, 2), ...(rest > 0 ? [`so ${rest === 1 ? 'is' : 'are'} ${numberWord(rest)} more`] : [])].join('; ')}.`;
}

/** The sentence about all databases, and what it rests on. */
export function summarize(databases: readonly DatabaseState[], now: number, where: Where = {}): Summary {
  if (databases.length === 0) {
    return { health: 'none', headline: 'Nothing is protected yet', detail: 'Add a database to begin its history.' };
  }
  const healths = databases.map((database) => ({ database, health: healthOf(database, now) }));
  const order: readonly Health[] = ['problem', 'attention', 'working', 'paused', 'good'];
  const worst = order.find((health) => healths.some((one) => one.health === health)) ?? 'good';
  const detail = [
    newestSentence(databases, now),
    provenSentence(databases, now, where),
    closedSentence(databases),
    ...exceptions(healths),
  ].filter((text) => text !== '');
  return { health: worst, headline: headlineOf(healths), detail: detail.join(' ') };
}

interface Judged {
  readonly database: DatabaseState;
  readonly health: Health;
}

function headlineOf(healths: readonly Judged[]): string {
  const [only] = healths;
  if (healths.length === 1 && only !== undefined) return `${only.database.name} ${stateWords(only)}`;
  const good = healths.filter((one) => one.health === 'good').length;
  if (good === healths.length) {
    return good === 2 ? 'Both databases are protected' : `All ${numberWord(good)} databases are protected`;
  }
  if (good > 0) {
    return `${capitalize(numberWord(good))} of ${numberWord(healths.length)} databases ${good === 1 ? 'is' : 'are'} protected`;
  }
  if (healths.every((one) => one.health === 'paused')) return 'Protection is paused';
  if (healths.every((one) => one.health === 'working'))
    return `${capitalize(numberWord(healths.length))} databases are getting ready`;
  return `None of ${numberWord(healths.length)} databases is protected right now`;
}

function stateWords({ database, health }: Judged): string {
  const when = capturedWhenWords(database);
  if (health === 'good') return when === undefined ? 'is protected' : `is protected, ${when}`;
  if (health === 'problem') return 'is not protected right now';
  if (health === 'attention') return 'needs a look';
  if (health === 'paused') return 'is paused';
  if (database.status.kind === 'catching-up') return 'is catching up';
  return database.newest === undefined ? 'is getting its first restore point' : 'is getting ready';
}

function newestSentence(databases: readonly DatabaseState[], now: number): string {
  const newest = Math.max(...databases.map((database) => database.newest?.at ?? Number.NEGATIVE_INFINITY));
  return Number.isFinite(newest)
    ? `Newest restore point ${formatAgo(Math.min(newest, now), now)}.`
    : 'There is no restore point yet.';
}

function provenSentence(databases: readonly DatabaseState[], now: number, where: Where): string {
  const proven = Math.max(...databases.map((database) => database.provenAt ?? Number.NEGATIVE_INFINITY));
  if (!Number.isFinite(proven)) return '';
  const when = formatInstantLocal(proven, now, { ...where, precision: 'minute' });
  return `Last proven restore ${when.replace(/^(Today|Yesterday)/, (day) => day.toLowerCase())}.`;
}

/** Names the databases that differ from the headline. */
function exceptions(healths: readonly Judged[]): readonly string[] {
  const isUniform = healths.every((one) => one.health === healths[0]?.health);
  if (isUniform) return [];
  const judged = healths.filter((one) => one.health !== 'good');
  const phrases = judged.slice(0, 3).map((one) => `${one.database.name} ${stateWords(one)}`);
  const rest = judged.length - phrases.length;
  if (rest > 0) phrases.push(`${numberWord(rest)} more`);
  return [`${phrases.join('; ')}.`];
}
