// Asks before a destination is forgotten: what lies there stays. One that databases use says so instead.
import type { ReactNode } from 'react';
import { plural } from '../../../shared/format.ts';
import { askToRemoveTarget, removeTarget } from '../../actions/destinations.ts';
import { Button } from '../../components/button.tsx';
import { DialogButtons } from '../../components/dialog-buttons.tsx';
import { DialogText } from '../../components/dialog-text.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { Question } from '../../components/question.tsx';
import { selectDatabases, selectTarget } from '../../store/selectors.ts';
import { useStore } from '../../store/store.ts';

export function RemoveDestinationDialog(): ReactNode {
  const removing = useStore(({ view }) => view.removingTarget);
  const target = useStore(selectTarget(removing));
  const databases = useStore(selectDatabases);
  if (target === undefined) return undefined;
  const close = (): void => askToRemoveTarget(undefined);
  const users = databases.filter(({ replicas }) => replicas.some(({ targetId }) => targetId === target.id));
  if (target.databases > 0) {
    return (
      <Dialog title={`${target.name} is in use`} isNarrow onClose={close}>
        <DialogText>
          <p>
            {plural(target.databases, 'database')} {target.databases === 1 ? 'keeps its' : 'keep their'} history there
            {users.length > 0 && `: ${users.map(({ name }) => name).join(', ')}`}.
          </p>
          <p>
            Remove it from each of them first, among the destinations of the database; the history stays where it is.
          </p>
        </DialogText>
        <DialogButtons>
          <Button autoFocus onPress={close}>
            Close
          </Button>
        </DialogButtons>
      </Dialog>
    );
  }
  return (
    <Question
      title={`Remove ${target.name}?`}
      keepText="Keep it"
      doText="Remove"
      onKeep={close}
      onDo={() => void removeTarget(target.id)}
    >
      <p>Tidemark forgets the place{target.kind === 's3' && ' and its access key'}.</p>
      <p>What lies there stays, and can be restored later.</p>
    </Question>
  );
}
