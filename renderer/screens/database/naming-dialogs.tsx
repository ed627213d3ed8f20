// What lies above the window while one deals with the name of a restore point: the form, and the question before it goes.
import { Flag } from 'lucide-react';
import type { ReactNode, SyntheticEvent } from 'react';
import { formatAgo, formatBytes, formatInstantLocal, withinSentence } from '../../../shared/format.ts';
import type { DatabaseState } from '../../../shared/databases.ts';
import type { NamedPoint } from '../../../shared/named-points.ts';
import { closeNaming, removePointName, savePointName, setPointName } from '../../actions/naming.ts';
import { Button } from '../../components/button.tsx';
import { DialogButtons } from '../../components/dialog-buttons.tsx';
import { DialogText } from '../../components/dialog-text.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { ErrorNote } from '../../components/error-note.tsx';
import { Question } from '../../components/question.tsx';
import { TextField } from '../../components/text-field.tsx';
import { selectDatabase, selectNow } from '../../store/selectors.ts';
import { type NameForm, useStore } from '../../store/store.ts';

export function NamingDialogs(): ReactNode {
  const naming = useStore(({ view }) => view.naming);
  const database = useStore(selectDatabase(naming?.databaseId));
  if (naming === undefined || database === undefined) return undefined;
  return naming.kind === 'form' ? (
    <Naming form={naming} database={database} />
  ) : (
    <Removing named={naming.named} database={database} />
  );
}

function Naming({ form, database }: { readonly form: NameForm; readonly database: DatabaseState }): ReactNode {
  const now = useStore(selectNow);
  const { moment, named, name, bytes, isSaving, error } = form;

  function submit(event: SyntheticEvent): void {
    event.preventDefault();
    void savePointName();
  }

  return (
    <Dialog title={named === undefined ? 'Name this point' : `Rename “${named.name}”`} isNarrow onClose={closeNaming}>
      <form onSubmit={submit}>
        <DialogText>
          <p>
            {database.name} as of {withinSentence(formatInstantLocal(moment.at, now))} · {formatAgo(moment.at, now)}
          </p>
        </DialogText>
        <TextField
          label="Name"
          value={name}
          placeholder="Before the update"
          shouldFocus
          onChange={(text) => setPointName(text.slice(0, 200))}
          about={meaning(database, bytes)}
        />
        <ErrorNote error={error} />
        <DialogButtons>
          <Button onPress={closeNaming}>Cancel</Button>
          <Button type="submit" kind="primary" icon={Flag} isDisabled={name.trim() === ''} isPending={isSaving}>
            {isSaving ? 'Saving…' : named === undefined ? 'Name this point' : 'Rename'}
          </Button>
        </DialogButtons>
      </form>
    </Dialog>
  );
}

function Removing({ named, database }: { readonly named: NamedPoint; readonly database: DatabaseState }): ReactNode {
  const now = useStore(selectNow);
  return (
    <Question
      title={`Remove the name “${named.name}”?`}
      keepText="Keep the name"
      doText="Remove the name"
      onKeep={closeNaming}
      onDo={() => void removePointName(database.id, named)}
    >
      <p>
        The state of {database.name} as of {withinSentence(formatInstantLocal(named.at, now))} is then a restore point
        like any other: where it is older than what is kept, it is deleted at once.
      </p>
      <p>The database itself is not touched.</p>
    </Question>
  );
}

/** What a name does, with what it may cost. */
function meaning({ replicas }: DatabaseState, bytes: number | undefined): string {
  const where = replicas.length === 1 ? 'its destination' : 'each destination';
  const cost = bytes === undefined || bytes === 0 ? '' : ` That takes up to ${formatBytes(bytes)} at ${where}.`;
  return `It stays until you remove the name, whatever retention says.${cost}`;
}
