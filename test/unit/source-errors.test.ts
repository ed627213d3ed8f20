// What is told where something failed for a lack of open files, while there is room again.
import { expect, test } from 'vitest';
import { classifySourceError, explainShortage } from '../../electron/engine/source/source-errors.ts';
import { AppError } from '../../shared/errors.ts';
import { tempFolder } from '../support/temp.ts';

const coded = (code: string, message: string) => Object.assign(new Error(message), { code });
const unstarted = coded('ERR_WORKER_INIT_FAILED', 'Worker initialization failure: EMFILE');
const refused = coded('EMFILE', 'EMFILE: too many open files, open ‘a’');

test.each([
  ['a thread that could not be started', classifySourceError(unstarted, '/a')],
  ['the same, told by its owner', new AppError('internal', { reason: unstarted.message }, { cause: unstarted })],
  ['a file of our own', new AppError('data-folder-unusable', { path: '/data' }, { cause: refused })],
  ['what nobody classified', refused],
])('%s is a lack of files', (_name, error) => {
  using folder = tempFolder();
  expect(explainShortage(error, folder.path)).toMatchObject({
    code: 'too-many-files',
    details: { path: folder.path },
  });
});

test.each([
  ['a bug', classifySourceError(new TypeError('x is not a function'), '/a')],
  ['what has its own name', new AppError('database-busy', { path: '/a' }, { cause: refused })],
])('%s stays what it is', (_name, error) => {
  using folder = tempFolder();
  expect(explainShortage(error, folder.path)).toBe(error);
});
