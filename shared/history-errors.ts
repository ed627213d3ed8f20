// What may be wrong with a history, with a restore from it, and with the file that is restored to.
import { type ErrorTexts, historySafe } from './error-text.ts';

export const historyErrors = {
  'no-history': (d) => ({
    message: `There is no history at ${d['url']}.`,
    hint: 'Check the address; it must be the folder that holds “generations”.',
  }),
  'history-ltx': (d) => ({
    message:
      d['isBeside'] === 'true'
        ? `Beside the history at ${d['url']} lies a newer one that Litestream 0.5 wrote (LTX), which Tidemark does not read.`
        : `At ${d['url']} lies a history that Litestream 0.5 wrote (LTX), which Tidemark does not read.`,
    safe: historySafe,
    hint:
      d['isBeside'] === 'true'
        ? 'Restore the newer one with Litestream 0.5; or name a generation of the older one with -generation (tidemark generations <url> lists them).'
        : 'Restore it with Litestream 0.5: litestream restore -o <file> <url>.',
  }),
  'generation-unknown': (d) => ({
    message: `There is no generation ${d['generation']} at ${d['url']}.`,
    safe: historySafe,
    hint: 'List what is there with: tidemark generations <url>.',
  }),
  'index-unknown': (d) => ({
    message: `Generation ${d['generation']} holds no index ${d['index']}.`,
    safe: historySafe,
    hint: 'List what is there with: tidemark wal <url>.',
  }),
  'before-first-point': (d) => ({
    message: `${d['wanted']} lies before the first restore point, ${d['first']}.`,
    safe: historySafe,
    hint: `Restore ${d['first']} or later.`,
  }),
  'point-unknown': (d) => ({
    message: `There is no restore point of ${d['database']} at exactly this place: it was thinned out by retention, or never reached a destination.`,
    safe: historySafe,
    hint: 'Choose another one of the history.',
  }),
  'point-named': (d) => ({
    message: `This restore point of ${d['database']} has a name already, “${d['name']}”.`,
    hint: 'Rename it.',
  }),
  'name-taken': (d) => ({
    message: `Another restore point of ${d['database']} is named “${d['name']}”, the one of ${d['at']}.`,
    hint: 'Choose another name, or remove that one.',
  }),
  'too-many-names': (d) => ({
    message: `${d['database']} has ${d['count']} named points, which is as many as there can be.`,
    hint: 'Remove a name that is not needed any more.',
  }),
  'named-point-unknown': (d) => ({ message: `That name was removed from ${d['database']} meanwhile.` }),
  'name-unknown': (d) => ({
    message: `There is no point named “${d['name']}” at ${d['url']}.`,
    safe: historySafe,
    hint: d['names'] === '' ? 'No point is named there.' : `Named there: ${d['names']}.`,
  }),
  'history-gap': (d) => ({
    message: `The history is incomplete: ${d['missing']} is missing from generation ${d['generation']}.`,
    safe: `${historySafe} Nothing was restored, because the result would be wrong.`,
    hint: nearest(d),
  }),
  'object-damaged': (d) => ({
    message: `${d['key']} is damaged: ${d['reason']}.`,
    safe: `${historySafe} Nothing was restored, because the result would be wrong.`,
    hint: nearest(d),
  }),
  'proof-failed': (d) => ({
    message: `The restored file is not what was captured: ${d['reason']}.`,
    safe: 'The restored file was removed; your database is untouched.',
    hint: nearest(d),
  }),
  'output-exists': (d) => ({
    message: `${d['path']} exists already.`,
    safe: 'It was not touched.',
    hint: 'Choose another name.',
  }),
  'output-sidecar': (d) => ({
    message: `A stale ${d['sidecar']} lies beside the new file’s place; SQLite would replay it into the restored database.`,
    safe: 'Nothing was written.',
    hint: 'Choose another name, or move that file away.',
  }),
  'output-name-too-long': (d) => ({
    message: `The name of ${d['path']} is too long: SQLite needs names beside it that are eight bytes longer, which the file system there does not allow.`,
    safe: 'Nothing was written.',
    hint: 'Choose a shorter name, of 247 bytes at most on most disks.',
  }),
  'output-name-impossible': (d) => ({
    message: `Windows has no files with the name “${d['name']}” (${d['path']}).`,
    safe: 'Nothing was written.',
    hint: 'Choose another name.',
  }),
  'output-folder-missing': (d) => ({
    message: `The folder ${d['path']} does not exist.`,
    safe: 'Nothing was written.',
    hint: 'Choose a folder that exists.',
  }),
  'output-no-permission': (d) => ({
    message: `Tidemark may not write to ${d['path']}.`,
    safe: 'Nothing was written.',
    hint: 'Choose another folder.',
  }),
  'output-full': (d) => ({
    message: `There is not enough room for the restored file: ${d['path']} is full.`,
    safe: 'The unfinished file was removed.',
    hint: 'Free some space or choose another disk.',
  }),
} as const satisfies ErrorTexts;

function nearest(d: Readonly<Record<string, string>>): string {
  const before = near(d['before'], d['beforeIn']);
  const after = near(d['after'], d['afterIn']);
  if (before !== undefined && after !== undefined) {
    return `The nearest good restore points are ${before} (before) and ${after} (after).`;
  }
  const one = before ?? after;
  if (one !== undefined) return `The nearest good restore point is ${one}.`;
  return 'Choose another restore point, or another destination of this database.';
}

/** One of another generation is given only to who asks for it. */
function near(at: string | undefined, generation: string | undefined): string | undefined {
  return at === undefined || generation === undefined
    ? at
    : `${at} of generation ${generation}, which has to be asked for by name`;
}
