// What lies above the window while one deals with a destination of one database: choosing another one, its settings, and
// the questions before it is removed or taken over.
import { Plus } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import type { DatabaseState } from '../../../shared/databases.ts';
import type { TargetId } from '../../../shared/ids.ts';
import type { TargetState } from '../../../shared/targets.ts';
import { addReplica, closeReplica, describeAnother, removeReplica, takeOver } from '../../actions/replicas.ts';
import { Button } from '../../components/button.tsx';
import { DialogButtons } from '../../components/dialog-buttons.tsx';
import { DialogText } from '../../components/dialog-text.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { OptionCards } from '../../components/option-cards.tsx';
import { Question } from '../../components/question.tsx';
import { selectDatabase, selectTarget, selectTargets } from '../../store/selectors.ts';
import { useStore } from '../../store/store.ts';
import { iconOf, kindText, placeText } from '../parts/destination-words.ts';
import { ReplicaSettings } from './replica-settings.tsx';
import { takeOverWords } from '../parts/take-over-words.ts';

export function ReplicaDialogs(): ReactNode {
  const replica = useStore(({ view }) => view.replica);
  const database = useStore(selectDatabase(replica?.databaseId));
  if (replica === undefined || database === undefined) return undefined;
  switch (replica.kind) {
    case 'choose':
      return <ChooseAnother database={database} />;
    case 'settings':
      return <ReplicaSettings draft={replica} database={database} />;
    case 'remove':
      return <Remove database={database} targetId={replica.targetId} />;
    case 'take-over':
      return <TakeOver database={database} targetId={replica.targetId} />;
  }
}

function ChooseAnother({ database }: { readonly database: DatabaseState }): ReactNode {
  const targets = useStore(selectTargets);
  const free = targets.filter(({ id }) => database.replicas.every(({ targetId }) => targetId !== id));
  const [chosen, choose] = useState<TargetId | undefined>(free[0]?.id);
  return (
    <Dialog title={`Another destination for ${database.name}`} isNarrow onClose={closeReplica}>
      <DialogText>
        <p>The whole history goes on at each destination; when one is away, the others still have it.</p>
      </DialogText>
      {free.length > 0 && (
        <OptionCards
          label="Destination"
          options={free.map((target) => ({
            key: target.id,
            icon: iconOf(target),
            title: target.name,
            about: `${kindText(target)} · ${placeText(target)}`,
          }))}
          chosen={chosen}
          onChoose={choose}
        />
      )}
      <DialogButtons isSpread>
        <Button icon={Plus} autoFocus={free.length === 0} onPress={() => describeAnother(database.id)}>
          New destination…
        </Button>
        {chosen !== undefined && (
          <Button
            kind="primary"
            onPress={() => void addReplica({ databaseId: database.id, targetId: chosen })}
          >{`Keep it at ${nameOf(free, chosen)} too`}</Button>
        )}
      </DialogButtons>
    </Dialog>
  );
}

interface QuestionProps {
  readonly database: DatabaseState;
  readonly targetId: TargetId;
}

function Remove({ database, targetId }: QuestionProps): ReactNode {
  const name = useStore(selectTarget(targetId))?.name ?? 'the destination';
  return (
    <Question
      title={`Stop keeping ${database.name} at ${name}?`}
      keepText="Keep it there"
      doText="Stop keeping it there"
      onKeep={closeReplica}
      onDo={() => void removeReplica({ databaseId: database.id, targetId })}
    >
      <p>From then on, nothing more is sent there; its other destinations go on.</p>
      <p>What lies there stays, and can be restored later. Nothing is deleted, now or by retention.</p>
    </Question>
  );
}

function TakeOver({ database, targetId }: QuestionProps): ReactNode {
  const name = useStore(selectTarget(targetId))?.name ?? 'the destination';
  const problem = database.replicas.find((replica) => replica.targetId === targetId)?.problem;
  const { who, ifStill } = takeOverWords(problem ?? { code: 'target-owned-by-other', details: {} });
  return (
    <Question
      title={`Take over the history at ${name}?`}
      keepText="Leave it"
      doText="Take over"
      onKeep={closeReplica}
      onDo={() => void takeOver({ databaseId: database.id, targetId })}
    >
      <p>
        So far {who} writes this history. When this computer takes it over, a new history of {database.name} begins
        there, with a new snapshot; what lies there already stays restorable.
      </p>
      <p>{ifStill}</p>
    </Question>
  );
}

function nameOf(targets: readonly TargetState[], id: TargetId): string {
  return targets.find((target) => target.id === id)?.name ?? 'it';
}
