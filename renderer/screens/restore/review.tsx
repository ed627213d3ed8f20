// Second step: everything at a glance, then the consequence as the button's name.
import { ArrowLeft, History } from 'lucide-react';
import type { ReactNode } from 'react';
import {
  formatAgo,
  formatBytes,
  formatInstantLocal,
  formatInstantUtc,
  formatZone,
  plural,
  withinSentence,
} from '../../../shared/format.ts';
import type { DatabaseState } from '../../../shared/databases.ts';
import { setFullCheck, setRestoreStep, startRestore } from '../../actions/restore.ts';
import { Button } from '../../components/button.tsx';
import { DialogButtons } from '../../components/dialog-buttons.tsx';
import { Checkbox } from '../../components/checkbox.tsx';
import { ErrorNote } from '../../components/error-note.tsx';
import { Facts } from '../../components/facts.tsx';
import { selectNow } from '../../store/selectors.ts';
import { type RestoreDraft, useStore } from '../../store/store.ts';
import styles from './restore-dialog.module.css';

interface RestoreReviewProps {
  readonly draft: Extract<RestoreDraft, { kind: 'draft' }>;
  readonly database: DatabaseState;
}

export function RestoreReview({ draft, database }: RestoreReviewProps): ReactNode {
  const now = useStore(selectNow);
  const { point, proposal, outputPath, fullCheck, laterCount, error, isSending } = draft;
  if (proposal === undefined) return undefined;
  return (
    <>
      <Facts
        facts={[
          {
            name: 'What',
            value: (
              <>
                <strong>{database.name}</strong> <span className={styles.muted}>{database.path}</span>
              </>
            ),
          },
          {
            name: 'As of',
            value: (
              <>
                <strong>
                  {formatInstantLocal(point.at, now)} {formatZone(point.at)}
                </strong>{' '}
                <span className={styles.muted}>
                  {formatInstantUtc(point.at)} · {formatAgo(point.at, now)}
                </span>
              </>
            ),
          },
          laterCount === undefined
            ? undefined
            : {
                name: 'Not in it',
                value:
                  laterCount === 0
                    ? 'Nothing: it is the newest state'
                    : `${plural(laterCount, 'transaction')} that came later; they stay in ${database.name} and in its history`,
              },
          { name: 'New file', value: <span className={styles.mono}>{outputPath}</span> },
          {
            name: 'From',
            value: `${proposal.fromName}: snapshot of ${withinSentence(formatInstantLocal(proposal.snapshotAt, now, { precision: 'minute' }))} and ${plural(proposal.segments, 'segment')}, ${formatBytes(proposal.fetchBytes)} to fetch`,
          },
          {
            name: 'Room',
            value: `${formatBytes(proposal.resultBytes)} needed, ${proposal.freeBytes === undefined ? 'unknown what is' : formatBytes(proposal.freeBytes)} free`,
          },
          {
            name: 'Verified',
            value: (
              <>
                Every page against the hash recorded then, and SQLite’s {fullCheck ? 'integrity_check' : 'quick_check'}
                <Checkbox isSelected={fullCheck} onChange={setFullCheck}>
                  Check indexes too <span className={styles.muted}>(integrity_check, slower)</span>
                </Checkbox>
              </>
            ),
          },
        ]}
      />
      <p className={styles.promise}>Your current {database.name} is not touched.</p>
      <ErrorNote error={error} />
      <DialogButtons>
        <Button icon={ArrowLeft} onPress={() => setRestoreStep('where')}>
          Back
        </Button>
        <Button kind="primary" icon={History} isPending={isSending} autoFocus onPress={() => void startRestore()}>
          {isSending ? 'Starting…' : 'Create restored copy'}
        </Button>
      </DialogButtons>
    </>
  );
}
