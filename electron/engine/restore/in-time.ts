// What is asked of a destination before a restore begins is bounded as a whole: somebody waits for it, and nothing can be cancelled yet.
import { AppError } from '../../../shared/errors.ts';
import { formatDuration } from '../../../shared/format.ts';

const defaultMs = 30_000;

/** What a reading gives; fails with `target-slow` where it takes too long, `what` being what was read. */
export async function inTime<T>(
  { url, what, ms = defaultMs }: { readonly url: string; readonly what: string; readonly ms?: number },
  read: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = AbortSignal.timeout(ms);
  try {
    return await read(late);
  } catch (error) {
    if (late.aborted && error === late.reason)
      throw new AppError('target-slow', { path: url, what, duration: formatDuration(ms) }, { cause: error });
    throw error;
  }
}
