// The figures of one database that are not pushed: asked for while somebody looks at them, and not otherwise.
import { toErrorData } from '../../shared/errors.ts';
import type { DatabaseId } from '../../shared/ids.ts';
import { connection } from '../channel/api.ts';
import { readStore, setView } from '../store/store.ts';

const everyMs = 2_000;

export function showDetails(areDetailsShown: boolean): void {
  setView({ areDetailsShown });
}

/** Asks for a database's details at once and every two seconds, except while the window is hidden; returns how to stop. */
export function watchDetails(databaseId: DatabaseId): () => void {
  let isStopped = false;
  let isAsking = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function ask(): Promise<void> {
    if (isAsking || document.visibilityState !== 'visible') return;
    clearTimeout(timer);
    isAsking = true;
    try {
      const details = await connection().api.call('getDetails', { databaseId });
      if (!isStopped) setView({ details: { databaseId, details, error: undefined } });
    } catch (error) {
      const known = readStore().view.details;
      const details = known?.databaseId === databaseId ? known.details : undefined;
      if (!isStopped) setView({ details: { databaseId, details, error: toErrorData(error) } });
    } finally {
      isAsking = false;
      if (!isStopped) timer = setTimeout(look, everyMs);
    }
  }

  const look = (): void => void ask();
  document.addEventListener('visibilitychange', look);
  look();
  return () => {
    isStopped = true;
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', look);
  };
}
