// What may be wrong with Tidemark itself: its own folder, its configuration, what it is asked.
import { type ErrorTexts, shippedSafe, untouched } from './error-text.ts';

export const applicationErrors = {
  'data-folder-held': (d) => ({
    message: `The data folder ${d['path']} is in use by another Tidemark (process ${d['pid']} on ${d['machine']}).`,
    safe: 'That one goes on protecting.',
    hint: 'Use its window, stop it, or choose another folder with --data-dir.',
  }),
  'data-folder-unusable': (d) => ({
    message: `Tidemark cannot keep its state in ${d['path']}: ${d['reason']}.`,
    safe: 'Your databases are untouched.',
    hint: 'Choose another folder with --data-dir.',
  }),
  'too-many-files': (d) => ({
    message: `The system allows Tidemark no more open files, of which each database needs about twelve; ${d['path'] === undefined ? `${d['file']} could not be opened` : `${d['path']} is not protected`}.`,
    safe: untouched,
    hint: 'Raise the limit (ulimit -n on Linux and macOS, LimitNOFILE= in a service) and start Tidemark again, or protect fewer databases.',
  }),
  'spool-full': (d) => ({
    message: `The disk with Tidemark’s own data (${d['path']}) is full.`,
    safe: shippedSafe,
    hint: 'Free some space; capturing goes on by itself.',
  }),
  'disk-low': (d) => ({
    message: `Only ${d['free']} are left on the disk with Tidemark’s own data (${d['path']}).`,
    safe: 'Tidemark stepped aside, so that your applications keep what room there is; what was shipped stays restorable.',
    hint: 'Free some space; capturing goes on by itself, and catches up with what was changed meanwhile.',
  }),
  'config-invalid': (d) => ({
    message: `${d['path']}: ${d['reason']}.`,
    safe: 'Nothing was started.',
    hint: 'Correct the configuration and start again.',
  }),
  'path-unclear': (d) => ({
    message: d['path'] === 'that place' ? 'No path was given.' : `“${d['path']}” is not a whole path.`,
    hint: 'Write where it lies from the top: an absolute path, or one that begins with ~ for the home folder.',
  }),
  'invalid-argument': (d) => ({ message: `${d['reason']}.` }),
  'operation-not-found': () => ({ message: 'That operation is over.' }),
  cancelled: () => ({ message: 'Cancelled.', safe: 'Nothing was left behind.' }),
  'engine-stopped': (d) => ({
    message:
      d['reason'] === undefined
        ? 'The engine stopped unexpectedly.'
        : `The engine stopped unexpectedly (${d['reason']}).`,
    safe: 'Your databases are untouched; what was shipped stays restorable.',
    hint: 'It is started again by itself.',
  }),
  'connection-lost': () => ({
    message: 'This window lost its connection to Tidemark.',
    safe: 'Where Tidemark is still running, protection goes on.',
    hint: 'The window connects again by itself.',
  }),
  'not-available': (d) => ({ message: `${d['what']} is not available here.` }),
  'system-failed': (d) => ({
    message: `${d['path']} cannot be used: ${d['reason']}.`,
    safe: untouched,
    hint: 'Look at the rights and at the disk there; Tidemark tries again by itself.',
  }),
  internal: (d) => ({
    message: `Something unexpected happened: ${d['reason']}.`,
    safe: 'Your databases are untouched.',
    hint: 'If it happens again, please report it.',
  }),
} as const satisfies ErrorTexts;
