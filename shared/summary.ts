// "Am I safe?" in one sentence: computed from the pushed state alone, the same for window, tray and command line. Never
// better than the truth: good means that a restorable point covers what was written.
import { capitalize, formatAgo, formatInstantLocal, numberWord, type Where } from './format.ts';
import type { DatabaseState } from './databases.ts';
import { type Health, healthOf } from './standing.ts';

export interface Summary {
  /** The worst that needs a look; good only where every database is. */
  readonly health: Health | 'none';
  readonly headline: string;
  readonly detail: string;
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

/** The sentence about all databases, and what it rests on. That of the demo is nobody's: it counts only where there is no other. */
export function summarize(all: readonly DatabaseState[], now: number, where: Where = {}): Summary {
  const databases = all.filter(({ isDemo }) => isDemo !== true);
  const [demo] = all;
  if (databases.length === 0) {
    if (demo === undefined)
      return { health: 'none', headline: 'Nothing is protected yet', detail: 'Add a database to begin its history.' };
    const words = stateWords({ database: demo, health: healthOf(demo, now) });
    return {
      health: 'none',
      headline: 'Nothing of your own is protected yet',
      detail: `The demo’s ${demo.name} ${words}. ${newestSentence([demo], now)}`,
    };
  }
  const healths = databases.map((database) => ({ database, health: healthOf(database, now) }));
  const order: readonly Health[] = ['problem', 'attention', 'working', 'paused', 'good'];
  const worst = order.find((health) => healths.some((one) => one.health === health)) ?? 'good';
  const safe = healths.filter(({ health }) => health === 'good').map(({ database }) => database);
  const told = safe.length > 0 ? safe : databases;
  const isSeen = safe.length > 0 || worst !== 'problem';
  const detail = [
    newestSentence(told, now, isSeen),
    provenSentence(told, now, where),
    closedSentence(databases),
    ...exceptions(healths),
  ].filter((text) => text !== '');
  return { health: worst, headline: headlineOf(healths), detail: detail.join(' ') };
}

/** The newest instant to which every one of the databases can be restored, as far as they can be restored at all. */
export function newestOfAll(databases: readonly DatabaseState[]): number | undefined {
  const ats = databases.flatMap(({ newest }) => newest?.at ?? []);
  return ats.length === 0 ? undefined : Math.min(...ats);
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

/** As good as the worst of them; `isSeen`: their destinations answered when they were last looked at. */
function newestSentence(databases: readonly DatabaseState[], now: number, isSeen = true): string {
  const newest = newestOfAll(databases);
  if (newest === undefined) return 'There is no restore point yet.';
  const ago = formatAgo(Math.min(newest, now), now);
  if (databases.length === 1) return `Newest ${isSeen ? '' : 'known '}restore point ${ago}.`;
  return isSeen
    ? `Each can be restored to ${ago} or later.`
    : `Their newest known restore points are from ${ago} or later.`;
}

/** As good as the worst of them; nothing where none is proven. */
function provenSentence(databases: readonly DatabaseState[], now: number, where: Where): string {
  const ats = databases.flatMap(({ provenAt }) => provenAt ?? []);
  if (ats.length === 0) return '';
  const unproven = databases.filter(({ provenAt }) => provenAt === undefined);
  if (unproven.length > 0) return `No restore of ${listed(unproven.map(({ name }) => name))} was proven yet.`;
  const at = formatInstantLocal(Math.min(...ats), now, { ...where, precision: 'minute' });
  const when = at.replace(/^(Today|Yesterday)/, (day) => day.toLowerCase());
  return ats.length === 1 ? `Last proven restore ${when}.` : `Last proven restore of each ${when} or later.`;
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 2);
  const rest = names.length - shown.length;
  return rest > 0 ? `${shown.join(', ')} and ${numberWord(rest)} more` : shown.join(' and ');
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
