// First step: the new file's place. Proposed, editable, checked when it is used.
import { FolderOpen } from 'lucide-react';
import { type ReactNode, type SyntheticEvent, useId } from 'react';
import { formatBytes } from '../../../shared/format.ts';
import type { DatabaseState } from '../../../shared/databases.ts';
import { chooseOutputFile, closeRestore, setOutputPath, setRestoreStep } from '../../actions/restore.ts';
import { Button } from '../../components/button.tsx';
import { DialogButtons } from '../../components/dialog-buttons.tsx';
import { type RestoreDraft, useStore } from '../../store/store.ts';
import { ErrorLine, FindingLine } from '../../components/finding.tsx';
import styles from './restore-dialog.module.css';

interface RestoreWhereProps {
  readonly draft: Extract<RestoreDraft, { kind: 'draft' }>;
  readonly database: DatabaseState;
}

export function RestoreWhere({ draft, database }: RestoreWhereProps): ReactNode {
  const hasDialogs = useStore(({ remote }) => remote?.host.hasDialogs === true);
  const id = useId();
  const { proposal, outputPath, error } = draft;
  const isRoomy = (proposal?.freeBytes ?? Infinity) > (proposal?.resultBytes ?? 0);
  const isReady = outputPath.trim() !== '' && proposal !== undefined && isRoomy;

  function submit(event: SyntheticEvent): void {
    event.preventDefault();
    if (isReady) setRestoreStep('review');
  }

  return (
    <form onSubmit={submit}>
      <label htmlFor={id} className={styles.label}>
        New file
      </label>
      <div className={styles.pathRow}>
        <input
          id={id}
          className={styles.path}
          value={outputPath}
          placeholder={proposal === undefined && error === undefined ? 'Proposing a place…' : ''}
          aria-invalid={error !== undefined}
          aria-describedby={`${id}-about`}
          spellCheck={false}
          autoComplete="off"
          onChange={(event) => setOutputPath(event.target.value)}
        />
        {hasDialogs && (
          <Button icon={FolderOpen} onPress={() => void chooseOutputFile()}>
            Choose…
          </Button>
        )}
      </div>
      <div id={`${id}-about`} className={styles.about} role="status">
        {error !== undefined ? (
          <ErrorLine error={error} />
        ) : (
          proposal !== undefined && (
            <FindingLine tone={isRoomy ? 'good' : 'problem'}>
              The restored file takes {formatBytes(proposal.resultBytes)};{' '}
              {proposal.freeBytes === undefined
                ? 'how much is free there is not known.'
                : `${formatBytes(proposal.freeBytes)} are free there.`}
            </FindingLine>
          )
        )}
      </div>
      <p className={styles.promise}>Your current {database.name} is not touched.</p>
      <DialogButtons>
        <Button onPress={closeRestore}>Cancel</Button>
        <Button type="submit" kind="primary" isDisabled={!isReady}>
          Review
        </Button>
      </DialogButtons>
    </form>
  );
}
