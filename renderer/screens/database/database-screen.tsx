// One database: its history in time above, the selected restore point and where it lies below.
import { DatabaseZap } from 'lucide-react';
import type { ReactNode } from 'react';
import type { DatabaseId } from '../../../shared/ids.ts';
import { Card } from '../../components/card.tsx';
import { Empty } from '../../components/empty.tsx';
import { Guarded } from '../../components/guarded.tsx';
import { LinkButton } from '../../components/link-button.tsx';
import { formatPlace } from '../../store/place.ts';
import { selectDatabase } from '../../store/selectors.ts';
import { useStore } from '../../store/store.ts';
import { DatabaseActivityCard } from './activity-card.tsx';
import { DatabaseHeader } from './header.tsx';
import styles from './database-screen.module.css';
import { DestinationsCard } from './destinations-card.tsx';
import { DetailsCard } from './details-card.tsx';
import { HistoryCard } from './history-card.tsx';
import { NamedPointsCard } from './named-points-card.tsx';
import { OperationNotes } from '../parts/operation-notes.tsx';
import { PointCard } from './point-card.tsx';
import { ProblemNote } from '../parts/problem-notes.tsx';

export function DatabaseScreen({ databaseId }: { readonly databaseId: DatabaseId }): ReactNode {
  const database = useStore(selectDatabase(databaseId));
  if (database === undefined) {
    return (
      <Card label="Unknown database">
        <Empty icon={DatabaseZap}>
          <h1>This database is not protected here</h1>
          <p className={styles.gone}>It may have been removed meanwhile; its history stays where it was kept.</p>
          <LinkButton href={formatPlace({ kind: 'overview' })}>To the overview</LinkButton>
        </Empty>
      </Card>
    );
  }
  return (
    <>
      <Guarded>
        <DatabaseHeader database={database} />
      </Guarded>
      <Guarded>
        <ProblemNote database={database} />
      </Guarded>
      <Guarded>
        <OperationNotes databaseId={databaseId} />
      </Guarded>
      <Guarded>
        <HistoryCard database={database} />
      </Guarded>
      <div className={styles.columns}>
        <Guarded>
          <PointCard database={database} />
        </Guarded>
        <div className={styles.column}>
          <Guarded>
            <NamedPointsCard database={database} />
          </Guarded>
          <Guarded>
            <DestinationsCard database={database} />
          </Guarded>
          <Guarded>
            <DatabaseActivityCard database={database} />
          </Guarded>
        </div>
      </div>
      <Guarded>
        <DetailsCard database={database} />
      </Guarded>
    </>
  );
}
