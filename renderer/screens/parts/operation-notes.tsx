// Restores that run, or ended and were not put away yet: slim, with a way back to their details.
import { X } from 'lucide-react';
import type { ReactNode } from 'react';
import type { DatabaseId } from '../../../shared/ids.ts';
import type { Operation } from '../../../shared/operations.ts';
import { dismissOperation } from '../../actions/databases.ts';
import { showOperation } from '../../actions/restore.ts';
import { Button } from '../../components/button.tsx';
import { IconButton } from '../../components/icon-button.tsx';
import { Note } from '../../components/note.tsx';
import { ProgressBar } from '../../components/progress-bar.tsx';
import type { Tone } from '../../components/tone.ts';
import { selectNow, selectOperations } from '../../store/selectors.ts';
import { useStore } from '../../store/store.ts';
import { currentPhase, operationShare, phaseFigures, phaseName } from './operation-progress.ts';
import styles from './operation-notes.module.css';

const tones: Readonly<Record<Operation['state'], Tone>> = {
  running: 'working',
  done: 'good',
  failed: 'problem',
  cancelled: 'paused',
};

/** All operations, or those of one database. */
export function OperationNotes({ databaseId }: { readonly databaseId?: DatabaseId }): ReactNode {
  const operations = useStore(selectOperations);
  return operations
    .filter((operation) => databaseId === undefined || operation.databaseId === databaseId)
    .map((operation) => <OperationNote key={operation.id} operation={operation} />);
}

function OperationNote({ operation }: { readonly operation: Operation }): ReactNode {
  const isRunning = operation.state === 'running';
  return (
    <Note
      tone={tones[operation.state]}
      title={operation.title}
      actions={
        <>
          <Button onPress={() => showOperation(operation.id)}>{isRunning ? 'Show progress' : 'Show details'}</Button>
          {!isRunning && <IconButton icon={X} label="Dismiss" onPress={() => void dismissOperation(operation.id)} />}
        </>
      }
    >
      {isRunning ? <RunningText operation={operation} /> : endText(operation)}
    </Note>
  );
}

function RunningText({ operation }: { readonly operation: Operation }): ReactNode {
  const now = useStore(selectNow);
  const phase = currentPhase(operation);
  return (
    <div className={styles.running}>
      <span className={styles.phase}>
        {phase === undefined ? 'Starting' : `${phaseName(phase)} ${phaseFigures(operation, phase, now)}`}
      </span>
      <ProgressBar label={operation.title} share={operationShare(operation)} isSlim />
    </div>
  );
}

function endText(operation: Operation): string {
  if (operation.state === 'done') return `Restored and proven: ${operation.result?.path ?? ''}`;
  if (operation.state === 'cancelled') return 'Cancelled. Nothing was left behind.';
  return operation.error?.message ?? 'It failed.';
}
