// The stand-in is checked against Electron's declarations by the type checker; this shows that the check can fail.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { tempFolder } from '../support/temp.ts';

const root = resolve(import.meta.dirname, '../..');
const members = resolve(root, 'test/support/electron/members.ts');

const drifts = `import type { Members } from '${members}';
({ openPath: (path: string) => Promise.resolve(path) }) satisfies Members<typeof Electron.shell, 'openPath'>;
({ openPath: (path: string) => path }) satisfies Members<typeof Electron.shell, 'openPath'>;
({ quitt() {} }) satisfies Members<Electron.App, 'quitt'>;
({ openPath: (path: string) => Promise.resolve(path) }) satisfies Members<typeof Electron.shell, 'openPath' | 'openExternal'>;
({ openExternal: async (url: 'https://example.com/') => { void url; } }) satisfies Members<typeof Electron.shell, 'openExternal'>;
`;

test('another result, an unknown member, a missing one and a narrower parameter do not compile', async () => {
  using folder = tempFolder();
  writeFileSync(folder.at('drift.ts'), drifts);
  const config = {
    extends: resolve(root, 'tsconfig.json'),
    compilerOptions: {
      types: ['node', 'electron'],
      typeRoots: [resolve(root, 'node_modules/@types'), resolve(root, 'node_modules')],
    },
    files: [folder.at('drift.ts')],
  };
  writeFileSync(folder.at('tsconfig.json'), JSON.stringify(config));
  const tsc = resolve(root, 'node_modules/typescript/bin/tsc');
  const { stdout } = await promisify(execFile)(process.execPath, [tsc, '-p', folder.path]).catch(
    (error: { readonly stdout: string }) => error,
  );
  const lines = [...stdout.matchAll(/drift\.ts\((\d+),/g)].map(([, line]) => Number(line));
  expect(lines, stdout).toEqual([3, 4, 5, 6]);
});
