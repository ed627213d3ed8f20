// Looks at a folder as a target: whether it is there and may be used, and whether the folders below it are. Costs a few system
// calls however many folders there are: as long as the root looks as it did, one of them is looked at, each in turn.
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, codeOf } from '../../../shared/errors.ts';
import { classified } from './folder-errors.ts';
import type { Looked, Target } from './target.ts';

const { R_OK, W_OK, X_OK } = constants;

/** Looks at the folders below a root, the same ones in turn at each call. */
export function folderLook(root: string): Required<Target>['look'] {
  let seen = '';
  let turn = 0;
  return async (folders, { signal }) => {
    signal.throwIfAborted();
    const mark = await classified(root, 'read', async () => {
      const facts = await stat(root);
      if (!facts.isDirectory()) throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR' });
      await access(root, R_OK | X_OK);
      const { dev, ino, ctimeMs } = facts;
      return `${dev} ${ino} ${ctimeMs} ${folders.length}`;
    });
    const [next] = folders.slice(turn++ % Math.max(1, folders.length));
    const some = mark === seen && next !== undefined ? [next] : folders;
    const looked = await lookAt(root, some);
    const isWell = looked.gone.length === 0 && looked.barred.size === 0;
    // What is amiss is looked at whole until it is well again.
    seen = isWell ? mark : '';
    if (isWell || some === folders) return judged(looked, folders);
    return judged(await lookAt(root, folders), folders);
  };
}

/** Where no folder may be used, it is the root that may not. */
function judged(looked: Looked, folders: readonly string[]): Looked {
  const [first] = looked.barred.values();
  if (first !== undefined && looked.barred.size === folders.length) throw first;
  return looked;
}

async function lookAt(root: string, folders: readonly string[]): Promise<Looked> {
  const gone: string[] = [];
  const barred = new Map<string, AppError>();
  for (const folder of folders) {
    const path = join(root, folder);
    try {
      await classified(path, 'write', async () => {
        try {
          await access(path, R_OK | W_OK | X_OK);
        } catch (error) {
          if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR') throw error;
          gone.push(folder);
        }
      });
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      barred.set(folder, error);
    }
  }
  return { gone, barred };
}
