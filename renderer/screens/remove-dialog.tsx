// Asks before a database leaves protection: the history stays, the capturing ends.
import type { ReactNode } from 'react';
import { keepDatabase, removeDatabase } from '../actions/databases.ts';
import { Button } from '../components/button.tsx';
import { Dialog } from '../components/dialog.tsx';
import { selectDatabase } from '../selectors.ts';
import { useStore } from '../store.ts';
import styles from './remove-dialog.module.css';

export function RemoveDialog(): ReactNode {
  const removing = useStore(({ view }) => view.removing);
  const database = useStore(selectDatabase(removing));
  if (database === undefined) return undefined;
  return (
    <Dialog title={`Stop protecting ${database.name}?`} role="alertdialog" isNarrow onClose={keepDatabase}>
      <div className={styles.text}>
        <p>From then on, changes to {database.name} are no longer captured.</p>
        <p>
          The database itself is not touched, and its history stays at{' '}
          {database.replicas.length === 1 ? 'its destination' : 'its destinations'}: it can be restored later.
        </p>
      </div>
      <div className={styles.buttons}>
        <Button autoFocus onPress={keepDatabase}>
          Keep protecting
        </Button>
        <Button kind="danger" onPress={() => void removeDatabase(database.id)}>
          Stop protecting
        </Button>
      </div>
    </Dialog>
  );
}
