// What happened to this database lately.
import type { ReactNode } from 'react';
import type { DatabaseState } from '../../shared/databases.ts';
import { filterActivity } from '../actions/activity.ts';
import { go } from '../actions/window.ts';
import { ActivityList } from '../components/activity-list.tsx';
import { Button } from '../components/button.tsx';
import { Card } from '../components/card.tsx';
import { selectNow } from '../selectors.ts';
import { useStore } from '../store.ts';
import styles from './database-activity-card.module.css';

export function DatabaseActivityCard({ database }: { readonly database: DatabaseState }): ReactNode {
  const now = useStore(selectNow);
  const activity = useStore(({ remote }) => remote?.activity);
  const entries = (activity ?? []).filter((entry) => entry.databaseId === database.id).slice(0, 6);
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
      {entries.length === 0 ? (
        <p className={styles.none}>Nothing happened lately, as it should be.</p>
      ) : (
        <ActivityList entries={entries} now={now} label={`Activity of ${database.name}`} />
      )}
    </Card>
  );
}
