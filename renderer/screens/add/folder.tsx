// A new folder for the history: what it holds, how much room it has, and whether it helps against a dying disk.
import type { ReactNode } from 'react';
import { formatBytes } from '../../../shared/format.ts';
import type { FolderInspection } from '../../../shared/targets.ts';
import { chooseDestinationFolder, setTakesOver, setWholePath, typePath } from '../../actions/add.ts';
import { Checkbox } from '../../components/checkbox.tsx';
import { Note } from '../../components/note.tsx';
import { type AddDraft, hasPlace, isOthers } from '../../store/store.ts';
import { ErrorLine, Finding, FindingLine } from '../../components/finding.tsx';
import { HostPathField } from '../parts/host-path-field.tsx';
import { takeOverWords } from '../parts/take-over-words.ts';

type Usable = Extract<FolderInspection, { kind: 'usable' }>;

const contents: Readonly<Record<Usable['contents'], string>> = {
  new: 'The folder will be created.',
  empty: 'The folder is empty.',
  'history-of-this': 'It already holds history of this database; that stays readable beside the new one.',
  'litestream-history': 'It holds a history that Litestream wrote; it stays readable beside the new one.',
  'other-things': 'It holds other things too; the history gets a folder of its own.',
};

export function AddFolder({ draft }: { readonly draft: AddDraft }): ReactNode {
  const { inspection } = draft.folder;
  return (
    <>
      <FolderPath draft={draft} />
      {isOthers(inspection) && <TakeOver inspection={inspection} isChosen={draft.takesOver} />}
    </>
  );
}

function FolderPath({ draft }: { readonly draft: AddDraft }): ReactNode {
  const { path, suggestions, isInspecting, inspection, error } = draft.folder;
  return (
    <HostPathField
      label="Destination folder"
      path={path}
      suggestions={suggestions}
      wants="folder"
      isInvalid={inspection?.kind === 'refused' && !hasPlace(draft)}
      onType={(next) => typePath('folder', next)}
      onPick={(next) => setWholePath('folder', next)}
      onChoose={() => void chooseDestinationFolder()}
      description={
        <Finding isBusy={isInspecting} error={error}>
          {inspection === undefined ? undefined : <Inspected inspection={inspection} />}
        </Finding>
      }
    />
  );
}

interface TakeOverProps {
  readonly inspection: Extract<FolderInspection, { kind: 'refused' }>;
  readonly isChosen: boolean;
}

/** The question that a destination in use asks too (database/replica-dialogs.tsx). */
function TakeOver({ inspection, isChosen }: TakeOverProps): ReactNode {
  const { who, ifStill } = takeOverWords(inspection.error);
  return (
    <Note tone="attention">
      <p>
        When this computer takes it over, a new history begins there; what lies there already stays restorable.{' '}
        {ifStill}
      </p>
      <Checkbox isSelected={isChosen} onChange={setTakesOver}>
        Take over the history from {who}
      </Checkbox>
    </Note>
  );
}

function Inspected({ inspection }: { readonly inspection: FolderInspection }): ReactNode {
  if (inspection.kind === 'refused') {
    return <ErrorLine error={inspection.error} />;
  }
  return (
    <>
      <FindingLine tone="good">
        {contents[inspection.contents]}{' '}
        {inspection.freeBytes !== undefined && `${formatBytes(inspection.freeBytes)} are free. `}The history lies at{' '}
        {inspection.replicaPath}.
      </FindingLine>
      {inspection.isSameDisk && (
        <FindingLine tone="attention">
          This is the database’s own disk: it helps against mistakes, but not when the disk fails.
        </FindingLine>
      )}
    </>
  );
}
