// Third step: the phases by name, what each does or did, and a way out that leaves nothing behind.
import type { ReactNode } from 'react';
import { formatDuration } from '../../../shared/format.ts';
import type { DatabaseState } from '../../../shared/databases.ts';
import type { Operation, Phase } from '../../../shared/operations.ts';
import { cancelOperation, closeRestore } from '../../actions/restore.ts';
import { Button } from '../../components/button.tsx';
import { DialogButtons } from '../../components/dialog-buttons.tsx';
import { HiddenText } from '../../components/hidden-text.tsx';
import { ProgressBar } from '../../components/progress-bar.tsx';
import { StageList } from '../../components/stage-list.tsx';
import { selectIsPending, selectNow } from '../../store/selectors.ts';
import { useStore } from '../../store/store.ts';
import { currentPhase, operationShare, phaseFigures, phaseName } from '../parts/operation-progress.ts';
import styles from './restore-dialog.module.css';

interface RestoreProgressProps {
  readonly operation: Operation;
  readonly database: DatabaseState | undefined;
}

export function RestoreProgress({ operation, database }: RestoreProgressProps): ReactNode {
  const now = useStore(selectNow);
  const isCancelling = useStore(selectIsPending('cancel'));
  const phase = currentPhase(operation);
  const share = operationShare(operation);
  const name = phase === undefined ? 'Starting' : phaseName(phase);
  // A tenth at a time is enough to hear.
  const tenths = share === undefined ? undefined : Math.floor(share * 10) * 10;
  return (
    <>
      <div className={styles.now}>
        <strong>{name}</strong>
        <span className={styles.figures}>{phase === undefined ? '' : phaseFigures(operation, phase, now)}</span>
      </div>
      <ProgressBar label="Restore" share={share} valueLabel={`${name}, ${tenths ?? 0} percent`} />
      <HiddenText role="status">
        {name}
        {tenths === undefined ? '' : `, ${tenths} percent`}
      </HiddenText>
      <PhaseList phases={operation.phases} />
      {database !== undefined && <p className={styles.promise}>Your current {database.name} is not touched.</p>}
      <DialogButtons>
        <Button isDisabled={isCancelling} onPress={() => void cancelOperation(operation.id)}>
          {isCancelling ? 'Cancelling…' : 'Cancel the restore'}
        </Button>
        <Button autoFocus onPress={closeRestore}>
          Go on in the background
        </Button>
      </DialogButtons>
    </>
  );
}

/** The phases of an operation, each in its own words. */
export function PhaseList({ phases }: { readonly phases: readonly Phase[] }): ReactNode {
  return (
    <div className={styles.phases}>
      <StageList
        label="Phases"
        stages={phases.map(({ name, state, text, ms }) => ({
          key: name,
          state,
          text,
          figures: ms === undefined ? '' : formatDuration(ms),
        }))}
      />
    </div>
  );
}
