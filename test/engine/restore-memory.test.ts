// What a restore holds in memory, whatever it restores: measured in a process of its own, above what a small one takes.
import { rmSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createFolderTarget } from '../../electron/engine/targets/folder.ts';
import { makeLargeReplica } from '../support/large-replica.ts';
import { startScript } from '../support/processes.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

const mebibyte = 1 << 20;
const megabytes = 250;

async function makeReplica(
  folder: TempFolder,
  name: string,
  options: { readonly isForeign: boolean },
): Promise<string> {
  const target = await createFolderTarget({ path: folder.at(name) });
  const size = {
    megabytes: name === 'small' ? 1 : megabytes,
    segments: name === 'small' ? 2 : 500,
    segmentBytes: 65_536,
  };
  const { file } = await makeLargeReplica({ folder: folder.path, target, ...size, ...options });
  rmSync(file);
  return folder.at(name);
}

test.skipIf(process.platform !== 'linux').each([
  ['of ours', false],
  ['of Litestream, in blocks of 4 MiB', true],
])('a restore of a large history %s holds little of it in memory', async (_whose, isForeign) => {
  using folder = tempFolder('restore-memory');
  const small = await makeReplica(folder, 'small', { isForeign });
  const large = await makeReplica(folder, 'large', { isForeign });
  await using restoring = startScript('restore-memory-process.ts', [
    small,
    folder.at('1.db'),
    large,
    folder.at('2.db'),
  ]);
  expect(await restoring.ended).toBe(0);
  const [before = 0, after = Infinity] = [...restoring.output().matchAll(/peak (\d+)/g)].map(([, peak]) =>
    Number(peak),
  );
  expect(Math.round((after - before) / mebibyte)).toBeLessThan(110);
});
