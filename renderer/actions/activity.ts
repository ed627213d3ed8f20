// The activity screen: which entries one looks at, and older ones on demand.
import { toErrorData } from '../../shared/errors.ts';
import type { DatabaseId } from '../../shared/ids.ts';
import { connection } from '../channel/api.ts';
import { type ActivityGroup, emptyLog, type LatelyView, type LogView, readStore, setView } from '../store/store.ts';

const pageSize = 100;
const latelyCount = 6;

/** Shows one database's activity, or all; older entries are asked for anew. */
export function filterActivity(databaseId: DatabaseId | undefined, group: ActivityGroup | undefined): void {
  const { log } = readStore().view;
  const kept = log.databaseId === databaseId ? log : emptyLog;
  setView({ log: { ...kept, databaseId, group } });
  // What was pushed lately may hold nothing of one database among many.
  if (kept === emptyLog && databaseId !== undefined) void loadOlderActivity(undefined);
}

/** Asks what happened to one database lately, once for each newest entry of all. */
export async function loadLately(databaseId: DatabaseId, newestId: number | undefined): Promise<void> {
  const known = readStore().view.lately;
  if (known?.databaseId === databaseId && known.newestId === newestId) return;
  const kept = known?.databaseId === databaseId ? known.entries : undefined;
  setView({ lately: { databaseId, newestId, entries: kept, error: undefined } });
  try {
    const entries = await connection().api.call('listActivity', { limit: latelyCount, databaseId });
    setLately({ databaseId, newestId, entries, error: undefined });
  } catch (error) {
    setLately({ databaseId, newestId, entries: kept, error: toErrorData(error) });
  }
}

/** What was asked for meanwhile is newer. */
function setLately(lately: LatelyView): void {
  const asked = readStore().view.lately;
  if (asked?.databaseId === lately.databaseId && asked.newestId === lately.newestId) setView({ lately });
}

/** Loads the entries before the oldest one shown. */
export async function loadOlderActivity(beforeId: number | undefined): Promise<void> {
  const { databaseId, isLoading } = readStore().view.log;
  if (isLoading) return;
  setLog({ isLoading: true, error: undefined });
  try {
    const entries = await connection().api.call('listActivity', {
      limit: pageSize,
      ...(databaseId === undefined ? {} : { databaseId }),
      ...(beforeId === undefined ? {} : { beforeId }),
    });
    const { log } = readStore().view;
    if (log.databaseId !== databaseId) return;
    setLog({ isLoading: false, isComplete: entries.length < pageSize, older: [...log.older, ...entries] });
  } catch (error) {
    setLog({ isLoading: false, error: toErrorData(error) });
  }
}

function setLog(change: Partial<LogView>): void {
  setView({ log: { ...readStore().view.log, ...change } });
}
