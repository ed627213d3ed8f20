// What happened, newest first, by database and kind; older entries on demand.
import { List } from 'lucide-react';
import { type ReactNode, useMemo } from 'react';
import type { DatabaseId } from '../../../shared/ids.ts';
import type { ActivityEntry } from '../../../shared/model.ts';
import { filterActivity, loadOlderActivity } from '../../actions/activity.ts';
import { ActivityList } from '../../components/activity-list.tsx';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { Choice } from '../../components/choice.tsx';
import { Empty } from '../../components/empty.tsx';
import { ErrorNote } from '../../components/error-note.tsx';
import { formatPlace } from '../../store/place.ts';
import { selectDatabases, selectNow } from '../../store/selectors.ts';
import { type ActivityGroup, useStore } from '../../store/store.ts';
import { groupNames, isInGroup } from './groups.ts';
import styles from './activity-screen.module.css';
import { PageHeader } from '../../components/page-header.tsx';

export function ActivityScreen(): ReactNode {
  const databases = useStore(selectDatabases);
  const now = useStore(selectNow);
  const newest = useStore(({ remote }) => remote?.activity);
  const log = useStore(({ view }) => view.log);
  const all = useMemo(() => mergeEntries(newest ?? [], log.older), [newest, log.older]);
  const shown = all.filter(
    (entry) =>
      (log.databaseId === undefined || entry.databaseId === log.databaseId) &&
      (log.group === undefined || isInGroup(entry, log.group)),
  );
  return (
    <>
      <PageHeader
        title="Activity"
        about="What happened to your databases and their histories."
        actions={
          <>
            <Choice
              label="Database"
              chosen={log.databaseId ?? ''}
              choices={[
                { key: '', text: 'All databases' },
                ...databases.map((database) => ({ key: database.id as string, text: database.name })),
              ]}
              onChoose={(key) => filterActivity(key === '' ? undefined : (key as DatabaseId), log.group)}
            />
            <Choice
              label="Kind"
              chosen={log.group ?? ''}
              choices={[{ key: '', text: 'Everything' }, ...groupNames]}
              onChoose={(key) => filterActivity(log.databaseId, key === '' ? undefined : (key as ActivityGroup))}
            />
          </>
        }
      />
      <Card label="Activity">
        {shown.length === 0 ? (
          <Empty icon={List}>
            {log.isComplete ? 'Nothing of that kind has happened.' : 'Nothing of that kind has happened lately.'}
          </Empty>
        ) : (
          <div className={styles.list}>
            <ActivityList entries={shown} now={now} label="Activity" place={placeOf} />
          </div>
        )}
        {log.error !== undefined && (
          <div className={styles.more}>
            <ErrorNote error={log.error} />
          </div>
        )}
        {!log.isComplete && all.length > 0 && (
          <div className={styles.more}>
            <Button isDisabled={log.isLoading} onPress={() => void loadOlderActivity(oldestId(all, log.databaseId))}>
              {log.isLoading ? 'Loading…' : 'Load more'}
            </Button>
          </div>
        )}
      </Card>
    </>
  );

  function placeOf(entry: ActivityEntry): { readonly name: string; readonly href: string } | undefined {
    const database = databases.find((one) => one.id === entry.databaseId);
    if (database === undefined) return undefined;
    return { name: database.name, href: formatPlace({ kind: 'database', databaseId: database.id }) };
  }
}

/** Each entry once, newest first. */
function mergeEntries(newest: readonly ActivityEntry[], older: readonly ActivityEntry[]): readonly ActivityEntry[] {
  const byId = new Map([...older, ...newest].map((entry) => [entry.id, entry]));
  return [...byId.values()].sort((a, b) => b.id - a.id);
}

function oldestId(entries: readonly ActivityEntry[], databaseId: DatabaseId | undefined): number | undefined {
  return entries.findLast((entry) => databaseId === undefined || entry.databaseId === databaseId)?.id;
}
