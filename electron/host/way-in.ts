// The way into what the headless host serves: keys that open once, and soon expire. Whoever may write into the private folder
// `way-in` of the data folder may make one; the host finds it there by its hash, so that no file and no command line tells a key
// to anybody else. The browser gets its key in a page for its owner alone, since what a program is started with all may read.
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** For so long a key opens: somebody may first have to forward a port. */
export const keyLifeMs = 10 * 60_000;
/** Clocks of file systems and of the system are not quite the same. */
const slackMs = 5000;

const folderName = 'way-in';
const doorFile = 'door.json';
const keyShape = /^[\w-]{43}$/;

/** Where a host serves a data folder. */
const doorSchema = z.object({
  /** The origin to open, without a slash at its end. */
  origin: z.string(),
  pid: z.int(),
  /** Tells the cookies of this data folder from those of another one: they ignore ports. */
  name: z.string().regex(/^[0-9a-f]{8}$/),
});

export type Door = Readonly<z.infer<typeof doorSchema>>;

/** Makes a key for a data folder. Fails where no file can be made there. */
export function issueKey(dataDir: string): string {
  sweepKeys(dataDir);
  const key = randomBytes(32).toString('base64url');
  writeFileSync(join(folderOf(dataDir), digestOf(key)), '', { mode: 0o600, flag: 'wx' });
  return key;
}

/** True for a key that was made for this data folder not long ago: the first time, and never again. */
export function redeemKey(dataDir: string, offered: string): boolean {
  if (!keyShape.test(offered)) return false;
  const file = join(folderOf(dataDir), digestOf(offered));
  try {
    const isYoung = isFresh(file);
    // Of several who offer it at the same time one removes it.
    unlinkSync(file);
    return isYoung;
  } catch {
    // @NOTE There is no such key, or somebody else was first.
    return false;
  } finally {
    rmSync(`${file}.html`, { force: true });
  }
}

/** Removes keys that do not open any more, and the pages that lead to them; all of them where the host ends. */
export function sweepKeys(dataDir: string, which: 'expired' | 'all' = 'expired'): void {
  const folder = folderOf(dataDir);
  for (const name of readdirSync(folder)) {
    if (!/^[0-9a-f]{64}(?:\.html)?$/.test(name)) continue;
    if (which === 'all' || !isFresh(join(folder, name))) rmSync(join(folder, name), { force: true });
  }
}

/** The address that a key opens. The key stands behind the `#`, which browsers send to nobody and proxies do not see. */
export function addressWith(key: string, { origin }: Pick<Door, 'origin'>): string {
  return `${origin}/enter#token=${key}`;
}

/** Writes a page that leads to the address, for its owner alone; it goes with the key. Returns its path. */
export function writeRedirect(dataDir: string, key: string, door: Pick<Door, 'origin'>): string {
  const file = join(folderOf(dataDir), `${digestOf(key)}.html`);
  const address = addressWith(key, door).replaceAll('&', '&amp;').replaceAll('"', '&quot;');
  const page = [
    '<!doctype html><meta charset="utf-8"><title>Tidemark</title>',
    `<meta http-equiv="refresh" content="0;url=${address}">`,
    `<p><a href="${address}">Open Tidemark</a></p>`,
  ];
  writeFileSync(file, `${page.join('\n')}\n`, { mode: 0o600, flag: 'wx' });
  return file;
}

/** The name by which the cookies of a data folder are told apart; the same at each start. */
export function doorName(dataDir: string): string {
  return readDoor(dataDir)?.name ?? randomBytes(4).toString('hex');
}

/** Notes where a host serves a data folder, for {@link readDoor}. */
export function noteDoor(dataDir: string, door: Door): void {
  writeFileSync(join(folderOf(dataDir), doorFile), JSON.stringify(door), { mode: 0o600 });
}

/** Where a host serves, or last served, a data folder; undefined where none ever did. */
export function readDoor(dataDir: string): Door | undefined {
  try {
    return doorSchema.parse(JSON.parse(readFileSync(join(dataDir, folderName, doorFile), 'utf8')));
  } catch {
    // @NOTE None did, or what it noted is cut: it notes it again when it starts.
    return undefined;
  }
}

function folderOf(dataDir: string): string {
  const folder = join(dataDir, folderName);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

function isFresh(file: string): boolean {
  const age = Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  return age > -slackMs && age < keyLifeMs;
}

function digestOf(key: string): string {
  return createHash('sha256').update(`tidemark key ${key}`).digest('hex');
}
