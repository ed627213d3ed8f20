// One destination, new or known: what it is on the left, what a test says about it on the right, and the way to save it.
import { HardDrive } from 'lucide-react';
import { type ReactNode, useEffect } from 'react';
import { plural } from '../../../shared/format.ts';
import type { DatabaseId, TargetId } from '../../../shared/ids.ts';
import { standingOf } from '../../../shared/standing.ts';
import type { TargetState } from '../../../shared/targets.ts';
import { askToRemoveTarget, describeDestination, saveDestination } from '../../actions/destinations.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { Empty } from '../../components/empty.tsx';
import { ErrorNote } from '../../components/error-note.tsx';
import { ErrorText } from '../../components/error-text.tsx';
import { FormEnd } from '../../components/form-end.tsx';
import { LinkButton } from '../../components/link-button.tsx';
import { Note } from '../../components/note.tsx';
import { formatPlace, type Place } from '../../store/place.ts';
import { isPlaceOf } from '../../store/place-form.ts';
import { selectDatabase, selectDatabases, selectTarget } from '../../store/selectors.ts';
import { type DestinationDraft, useStore } from '../../store/store.ts';
import { DestinationFields } from '../place/destination-fields.tsx';
import styles from './destination-screen.module.css';
import { kindText } from '../parts/destination-words.ts';
import { focusFirstError } from '../place/field-props.ts';
import { PageHeader } from '../../components/page-header.tsx';
import { TestCard, testSentence } from '../place/test-card.tsx';

interface DestinationScreenProps {
  /** Undefined: a new one. */
  readonly targetId: TargetId | undefined;
  /** The database that a new one is for. */
  readonly databaseId: DatabaseId | undefined;
}

export function DestinationScreen({ targetId, databaseId }: DestinationScreenProps): ReactNode {
  const target = useStore(selectTarget(targetId));
  const draft = useStore(({ view }) => view.destination);
  const isGone = targetId !== undefined && target === undefined;
  useEffect(() => {
    if (!isGone) describeDestination(targetId);
  }, [targetId, isGone]);
  if (isGone) {
    return (
      <Card label="Unknown destination">
        <Empty icon={HardDrive}>
          <h1>This destination is not known here</h1>
          <p className={styles.gone}>It may have been removed meanwhile; what lies there stays.</p>
          <LinkButton href={formatPlace({ kind: 'destinations' })}>To the destinations</LinkButton>
        </Empty>
      </Card>
    );
  }
  if (draft === undefined || draft.targetId !== targetId) return undefined;
  return <Described draft={draft} target={target} databaseId={databaseId} />;
}

interface DescribedProps {
  readonly draft: DestinationDraft;
  readonly target: TargetState | undefined;
  readonly databaseId: DatabaseId | undefined;
}

function Described({ draft, target, databaseId }: DescribedProps): ReactNode {
  const database = useStore(selectDatabase(databaseId));
  const back: Place = database === undefined ? { kind: 'destinations' } : { kind: 'database', databaseId: database.id };
  const databases = useStore(selectDatabases);
  const isProven =
    target !== undefined && standingOf(target, databases).word === 'Working' && isPlaceOf(draft.form, target);
  const isPassed = draft.test === undefined ? isProven : draft.test.kind === 'done' && draft.test.test.isUsable;
  return (
    <>
      <PageHeader
        title={target?.name ?? 'New destination'}
        {...(target === undefined ? {} : { beside: kindText(target) })}
        about={aboutText(target, database?.name)}
        actions={target !== undefined && <RemoveButton target={target} />}
      />
      {target?.problem !== undefined && (
        <Note tone="attention" role="status">
          <ErrorText error={target.problem} />
        </Note>
      )}
      <div className={styles.columns}>
        <DestinationFields draft={draft} uses={target?.databases ?? 0} />
        <div className={styles.side}>
          <TestCard draft={draft} databasePath={database?.path} />
        </div>
      </div>
      <ErrorNote error={draft.error} />
      <FormEnd sentence={testSentence(draft, isProven)}>
        <LinkButton href={formatPlace(back)} isLarge>
          Cancel
        </LinkButton>
        <Button
          kind={isPassed ? 'primary' : 'plain'}
          isLarge
          isPending={draft.isSaving}
          onPress={() => void saveDestination(database?.id).then(focusFirstError)}
        >
          {saveText(draft, isPassed)}
        </Button>
      </FormEnd>
    </>
  );
}

function RemoveButton({ target }: { readonly target: TargetState }): ReactNode {
  return <Button onPress={() => askToRemoveTarget(target.id)}>Remove…</Button>;
}

function aboutText(target: TargetState | undefined, databaseName: string | undefined): string {
  if (databaseName !== undefined) return `The history of ${databaseName} is kept here too, as soon as it is saved.`;
  if (target === undefined) return 'A folder, or storage that speaks S3. Several databases can share it.';
  return target.databases === 0
    ? 'No database keeps its history here.'
    : `Keeps the history of ${plural(target.databases, 'database')}.`;
}

function saveText({ isSaving, targetId }: DestinationDraft, isPassed: boolean): string {
  if (isSaving) return 'Saving…';
  if (!isPassed) return 'Save without a passed test';
  return targetId === undefined ? 'Save destination' : 'Save changes';
}
