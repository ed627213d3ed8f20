// Am I safe? One sentence first, then what needs a look, then every database.
import type { ReactNode } from 'react';
import { Card } from '../../components/card.tsx';
import { Guarded } from '../../components/guarded.tsx';
import { selectDatabases, selectIsSeen, selectNow } from '../../store/selectors.ts';
import { useStore } from '../../store/store.ts';
import { DatabaseTable } from './database-table.tsx';
import { OperationNotes } from '../parts/operation-notes.tsx';
import { OverviewAnswer } from './answer.tsx';
import { ProblemNotes } from '../parts/problem-notes.tsx';
import { Welcome } from './welcome.tsx';

export function OverviewScreen(): ReactNode {
  const databases = useStore(selectDatabases);
  const now = useStore(selectNow);
  const isSeen = useStore(selectIsSeen);
  if (databases.length === 0) return <Welcome />;
  return (
    <>
      <Guarded>
        <OverviewAnswer />
      </Guarded>
      <Guarded>
        <ProblemNotes />
      </Guarded>
      <Guarded>
        <OperationNotes />
      </Guarded>
      <Card label="Databases">
        <DatabaseTable databases={databases} now={now} isSeen={isSeen} />
      </Card>
    </>
  );
}
