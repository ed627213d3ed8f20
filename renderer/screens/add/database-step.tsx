// Which database: its path, and what it turned out to be in a sentence, with the consent that a switch to WAL mode needs.
import type { ReactNode } from 'react';
import { formatBytes } from '../../../shared/format.ts';
import type { DatabaseInspection } from '../../../shared/databases.ts';
import { exclusiveSentence } from '../../../shared/known-applications.ts';
import { chooseDatabaseFile, setConsent, setWholePath, typePath } from '../../actions/add.ts';
import { Checkbox } from '../../components/checkbox.tsx';
import { Note } from '../../components/note.tsx';
import type { AddDraft } from '../../store/store.ts';
import { AddStep } from './step.tsx';
import { ErrorLine, Finding, FindingLine } from '../../components/finding.tsx';
import { HostPathField } from '../parts/host-path-field.tsx';

export function AddDatabaseStep({ draft }: { readonly draft: AddDraft }): ReactNode {
  const { path, suggestions, isInspecting, inspection, error } = draft.database;
  const isRefused = inspection?.kind === 'refused';
  return (
    <AddStep
      number={1}
      isDone={inspection?.kind === 'database'}
      title="Which database?"
      about="The file in which the application keeps its data, often named .db, .sqlite or .sqlite3."
    >
      {draft.droppedName !== undefined && path === '' && (
        <Note tone="working" role="status" title={draft.droppedName}>
          A browser does not say where a dropped file lies. Type the path of its folder, then pick it from the list.
        </Note>
      )}
      <HostPathField
        label="Path of the database"
        path={path}
        suggestions={suggestions}
        wants="file"
        isInvalid={isRefused}
        shouldFocus={draft.droppedName !== undefined}
        onType={(next) => typePath('database', next)}
        onPick={(next) => setWholePath('database', next)}
        onChoose={() => void chooseDatabaseFile()}
        description={
          <Finding isBusy={isInspecting} error={error}>
            {inspection === undefined ? undefined : <Inspected inspection={inspection} typed={path} />}
          </Finding>
        }
      />
      {inspection?.kind === 'database' && !inspection.isWal && (
        <Note tone="attention" title={`Its journal mode is “${inspection.journalMode}”.`}>
          <div>
            Every change can be captured in WAL mode only. The switch is SQLite’s own setting, stored in the file;
            nearly all applications work the same with it, and it can be switched back.
          </div>
          <Checkbox isSelected={draft.hasConsent} onChange={setConsent}>
            Switch {inspection.name} to WAL mode
          </Checkbox>
        </Note>
      )}
    </AddStep>
  );
}

interface InspectedProps {
  readonly inspection: DatabaseInspection;
  readonly typed: string;
}

function Inspected({ inspection, typed }: InspectedProps): ReactNode {
  if (inspection.kind === 'refused') {
    return <ErrorLine error={inspection.error} />;
  }
  const { name, sizeBytes, path, warning, application } = inspection;
  const closed = exclusiveSentence(application);
  return (
    <>
      <FindingLine tone="good">
        {name} is a SQLite database of {formatBytes(sizeBytes)}.{path !== typed && ` It lies at ${path}.`}
      </FindingLine>
      {closed !== undefined && <FindingLine tone="attention">{closed}</FindingLine>}
      {warning !== undefined && <ErrorLine tone="attention" error={warning} />}
    </>
  );
}
