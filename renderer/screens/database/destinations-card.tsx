// Where this database's history lies, and where else it could.
import { Plus } from 'lucide-react';
import type { ReactNode } from 'react';
import { formatDuration } from '../../../shared/format.ts';
import type { DatabaseState } from '../../../shared/databases.ts';
import { chooseAnother } from '../../actions/replicas.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import styles from './destinations-card.module.css';
import { ReplicaRow } from './replica-row.tsx';

export function DestinationsCard({ database }: { readonly database: DatabaseState }): ReactNode {
  return (
    <Card
      heading={database.replicas.length === 1 ? 'Destination' : 'Destinations'}
      aside={
        <Button kind="quiet" icon={Plus} onPress={() => chooseAnother(database.id)}>
          Add another…
        </Button>
      }
    >
      <ul className={styles.list}>
        {database.replicas.map((replica) => (
          <ReplicaRow key={replica.targetId} replica={replica} database={database} />
        ))}
      </ul>
      {database.locked.maxMs > 0 && (
        <p className={styles.effect}>
          Effect on the application: writers waited {formatDuration(database.locked.maxMs)} at most,{' '}
          {formatDuration(database.locked.totalMs)} in total.
        </p>
      )}
    </Card>
  );
}
