// Where the history is kept: a destination that is known already, a new folder, or new S3 storage.
import { Cloud, FolderPlus } from 'lucide-react';
import type { ReactNode } from 'react';
import type { DatabaseState } from '../../../shared/databases.ts';
import type { TargetId } from '../../../shared/ids.ts';
import { problemAt } from '../../../shared/standing.ts';
import type { TargetState } from '../../../shared/targets.ts';
import { chooseDestination } from '../../actions/add.ts';
import { ErrorText } from '../../components/error-text.tsx';
import { type Option, OptionCards } from '../../components/option-cards.tsx';
import { selectDatabases, selectTargets } from '../../store/selectors.ts';
import { type AddDestination, type AddDraft, hasPlace, useStore } from '../../store/store.ts';
import { AddFolder } from './folder.tsx';
import { AddS3 } from './s3.tsx';
import { AddStep } from './step.tsx';
import { iconOf, kindText, placeText } from '../parts/destination-words.ts';
import { FindingLine } from '../../components/finding.tsx';

interface AddDestinationStepProps {
  readonly draft: AddDraft;
  readonly isEnabled: boolean;
}

type Key = 'folder' | 's3' | `target:${string}`;

const fresh: readonly Option<Key>[] = [
  { key: 'folder', icon: FolderPlus, title: 'A new folder', about: 'Another disk, a removable one, a network share' },
  { key: 's3', icon: Cloud, title: 'New S3 storage', about: 'Amazon, Cloudflare, Backblaze, MinIO and others' },
];

export function AddDestinationStep({ draft, isEnabled }: AddDestinationStepProps): ReactNode {
  const known = useKnownTargets();
  const destination = useAddDestination(draft);
  const target = destination.kind === 'target' ? known.find(({ id }) => id === destination.targetId) : undefined;
  return (
    <AddStep
      number={2}
      isDone={target !== undefined || (destination.kind === 'folder' && hasPlace(draft))}
      isEnabled={isEnabled}
      title="Where shall its history be kept?"
      about="Another place than this computer’s disk helps when that fails. More destinations can be added later."
    >
      <OptionCards
        label="Destination"
        options={[...known.map(optionOf), ...fresh]}
        chosen={destination.kind === 'target' ? keyOf(destination.targetId) : destination.kind}
        isRow
        onChoose={(key) => chooseDestination(destinationOf(key))}
      />
      {target !== undefined && <Known target={target} />}
      {destination.kind === 'folder' && <AddFolder draft={draft} />}
      {destination.kind === 's3' && <AddS3 draft={draft} />}
    </AddStep>
  );
}

/** What the draft means: what was chosen, else the destination that most databases use, else a folder. */
export function useAddDestination({ destination }: AddDraft): AddDestination {
  const known = useKnownTargets();
  if (destination !== undefined) {
    const isKnown = destination.kind !== 'target' || known.some(({ id }) => id === destination.targetId);
    if (isKnown) return destination;
  }
  const [first] = [...known].sort((a, b) => b.databases - a.databases);
  return first === undefined ? { kind: 'folder' } : { kind: 'target', targetId: first.id };
}

/** The demo’s own folder is none that one would choose. */
function useKnownTargets(): readonly TargetState[] {
  const targets = useStore(selectTargets);
  const databases = useStore(selectDatabases);
  const demoId = useStore(({ remote }) => remote?.demo.databaseId);
  const demo = databases.find(({ id }) => id === demoId);
  return targets.filter(({ id, databases: uses }) => uses !== 1 || !isAt(demo, id));
}

function isAt(database: DatabaseState | undefined, id: TargetId): boolean {
  return database?.replicas.some(({ targetId }) => targetId === id) === true;
}

function Known({ target }: { readonly target: TargetState }): ReactNode {
  const problem = problemAt(target, useStore(selectDatabases));
  return (
    <FindingLine tone={problem === undefined ? 'good' : 'attention'}>
      {problem === undefined ? (
        `The history gets a place of its own at ${target.name}, with the settings that are known already.`
      ) : (
        <ErrorText error={problem} />
      )}
    </FindingLine>
  );
}

function optionOf(target: TargetState): Option<Key> {
  return {
    key: keyOf(target.id),
    icon: iconOf(target),
    title: target.name,
    about: target.kind === 'folder' ? placeText(target) : `${kindText(target)} · ${placeText(target)}`,
  };
}

function keyOf(targetId: TargetId): Key {
  return `target:${targetId}`;
}

function destinationOf(key: Key): AddDestination {
  if (key === 'folder' || key === 's3') return { kind: key };
  return { kind: 'target', targetId: key.slice('target:'.length) as TargetId };
}
