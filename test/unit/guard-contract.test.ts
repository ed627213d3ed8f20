// Behind its guard a target keeps its promises, paced or not.
import { TargetGuard } from '../../electron/engine/guard/target-guard.ts';
import { systemClock } from '../../electron/engine/basics/clock.ts';
import { openFolderTarget } from '../../electron/engine/targets/folder.ts';
import { afterEach, beforeEach } from 'vitest';
import { describeTargetContract } from '../support/target-contract.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

let folder: TempFolder;
beforeEach(() => {
  folder = tempFolder();
});
afterEach(() => folder[Symbol.dispose]());

for (const [name, bandwidthBytes] of [
  ['a guarded folder', undefined],
  ['a guarded folder at a limited pace', 100_000_000],
] as const) {
  describeTargetContract(name, async () => {
    const guard = new TargetGuard({ clock: systemClock, bandwidthBytes, onProblem: () => {} });
    return await Promise.resolve(guard.guard(openFolderTarget({ path: folder.path })).target);
  });
}
