// What users read names what it is about, in words: nothing empty, no code of the system, nothing "unexpected" that is to be
// expected.
import fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { AppError, errorSentence, reasonOf, toErrorData } from '../../shared/errors.ts';
import { tempFolder } from '../support/temp.ts';

function thrown(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}

describe('a failed call to the system', () => {
  test('is told in words, beside the path that it is about', () => {
    using folder = tempFolder();
    fs.writeFileSync(folder.at('file'), '');
    fs.symlinkSync(folder.at('round'), folder.at('round'));
    const cases: readonly [string, () => unknown][] = [
      ['is not there', () => fs.readFileSync(folder.at('none'))],
      ['a part of its path is no folder', () => fs.readFileSync(folder.at('file', 'below'))],
      ['it is a folder', () => fs.readFileSync(folder.path)],
      ['its symbolic links lead in a circle', () => fs.readFileSync(folder.at('round'))],
      ['the name is too long there', () => fs.readFileSync(folder.at('x'.repeat(300)))],
    ];
    for (const [words, work] of cases) {
      const error = thrown(work);
      const said = errorSentence(toErrorData(error));
      expect(reasonOf(error)).toContain(words);
      expect(said).toContain(words);
      expect(said).not.toMatch(/\bE[A-Z]{3,}\b|unexpected/);
      if (!words.includes('it is a folder')) expect(said).toContain(folder.path);
    }
  });

  test('that is none stays what it is', () => {
    expect(reasonOf(new Error('a\nbug.'))).toBe('a bug');
    expect(toErrorData(new Error('a bug')).code).toBe('internal');
    const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9'), {
      code: 'ECONNREFUSED',
      syscall: 'connect',
    });
    expect(reasonOf(refused)).toContain('127.0.0.1:9');
  });
});

test.each([
  [new AppError('path-unclear', { path: '' }), 'No path was given.'],
  [new AppError('target-unsupported', { url: '  ' }), 'No destination was named.'],
  [new AppError('object-missing', { key: '', path: '/b' }), 'An object is not at /b.'],
  [new AppError('target-failed', { path: '/b', reason: '' }), 'The destination /b failed: no reason was given.'],
  [
    new AppError('target-in-use', { name: '', databases: '2 databases' }),
    'That destination holds the history of 2 databases.',
  ],
])('no name is empty: $code', (error, message) => {
  expect(error.message).toBe(message);
});
