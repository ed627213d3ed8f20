// Asks before a database leaves protection: the history stays, the capturing ends.
import type { ReactNode } from 'react';
import { keepDatabase, removeDatabase } from '../../actions/databases.ts';
import { Question } from '../../components/question.tsx';
import { selectDatabase } from '../../store/selectors.ts';
import { useStore } from '../../store/store.ts';

export function RemoveDialog(): ReactNode {
  const removing = useStore(({ view }) => view.removing);
  const database = useStore(selectDatabase(removing));
  if (database === undefined) return undefined;
  return (
    <Question
      title={`Stop protecting ${database.name}?`}
      keepText="Keep protecting"
      doText="Stop protecting"
      onKeep={keepDatabase}
      onDo={() => void removeDatabase(database.id)}
    >
      <p>From then on, changes to {database.name} are no longer captured.</p>
      <p>
        The database itself is not touched, and its history stays at{' '}
        {database.replicas.length === 1 ? 'its destination' : 'its destinations'}: it can be restored later.
      </p>
    </Question>
  );
}
