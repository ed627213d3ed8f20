// What happened to this database lately.
import { type ReactNode, useEffect } from 'react';
import type { DatabaseState } from '../../../shared/databases.ts';
import { filterActivity, loadLately } from '../../actions/activity.ts';
import { go } from '../../actions/window.ts';
import { ActivityList } from '../../components/activity-list.tsx';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { ErrorNote } from '../../components/error-note.tsx';
import { selectNow } from '../../store/selectors.ts';
import { useStore } from '../../store/store.ts';
import styles from './activity-card.module.css';

export function DatabaseActivityCard({ database }: { readonly database: DatabaseState }): ReactNode {
  const { id } = database;
  const now = useStore(selectNow);
  const newestId = useStore(({ remote }) => remote?.activity[0]?.id);
  const lately = useStore(({ view }) => view.lately);
  useEffect(() => void loadLately(id, newestId), [id, newestId]);
  const { entries, error } = lately?.databaseId === id ? lately : {};
  return (
    <Card
      heading="Activity"
      aside={
        <Button
          kind="quiet"
          onPress={() => {
            filterActivity(database.id, undefined);
            go({ kind: 'activity' });
          }}
        >
          Show all
        </Button>
      }
    >
      {error !== undefined && <ErrorNote error={error} />}
      {entries === undefined ? undefined : entries.length === 0 ? (
        <p className={styles.none}>Nothing happened lately, as it should be.</p>
      ) : (
        <ActivityList entries={entries} now={now} label={`Activity of ${database.name}`} />
      )}
    </Card>
  );
}
