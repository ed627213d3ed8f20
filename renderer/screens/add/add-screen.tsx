// Adding a database: which file, which destination, protect. Paths are inspected while they are typed.
import { ShieldCheck } from 'lucide-react';
import { type ReactNode, useEffect } from 'react';
import { offerPath, protect } from '../../actions/add.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { ErrorNote } from '../../components/error-note.tsx';
import { FormEnd } from '../../components/form-end.tsx';
import { hasPlace, useStore } from '../../store/store.ts';
import { AddDatabaseStep } from './database-step.tsx';
import { AddDestinationStep, useAddDestination } from './destination-step.tsx';
import { focusFirstError } from '../place/field-props.ts';
import { PageHeader } from '../../components/page-header.tsx';
import { testSentence } from '../place/test-card.tsx';
import styles from './add-screen.module.css';

export function AddScreen({ path }: { readonly path: string | undefined }): ReactNode {
  const add = useStore(({ view }) => view.add);
  const database = add.database.inspection;
  const destination = useAddDestination(add);
  const described = useStore(({ view }) => view.destination);
  const isPlaced = destination.kind !== 'folder' || hasPlace(add);
  const error = add.error ?? (destination.kind === 's3' ? described?.error : undefined);
  const needsConsent = database?.kind === 'database' && !database.isWal && !add.hasConsent;
  const closes =
    database?.kind === 'database' && database.application?.isExclusive === true ? database.application.name : undefined;
  const isReady = database?.kind === 'database' && isPlaced && !needsConsent;
  useEffect(() => {
    if (path !== undefined) offerPath(path);
  }, [path]);
  return (
    <div className={styles.screen}>
      <PageHeader
        title="Add a database"
        about={`Two answers, then ${closes === undefined ? 'every change' : 'what changed'} is captured from now on.`}
      />
      <Card label="Database to protect" isPadded>
        <AddDatabaseStep draft={add} />
      </Card>
      <Card label="Destination of the history" isPadded>
        <AddDestinationStep draft={add} isEnabled={database?.kind === 'database'} />
      </Card>
      <ErrorNote error={error} />
      <FormEnd sentence={nextSentence()}>
        <Button
          kind="primary"
          icon={ShieldCheck}
          isLarge
          isDisabled={!isReady}
          isPending={add.isSending}
          onPress={() => void protect(destination).then(focusFirstError)}
        >
          {add.isSending ? 'Protecting…' : database?.kind === 'database' ? `Protect ${database.name}` : 'Protect'}
        </Button>
      </FormEnd>
    </div>
  );

  function nextSentence(): string {
    if (database?.kind !== 'database') return 'First choose the database.';
    if (needsConsent) return 'Allow the switch to WAL mode to go on.';
    if (!isPlaced) return 'Now choose where its history is kept.';
    if (destination.kind === 's3' && described !== undefined) return testSentence(described);
    return closes === undefined
      ? 'A full image is made first; the application can go on working meanwhile.'
      : `A full image is made first, as soon as ${closes} is closed.`;
  }
}
