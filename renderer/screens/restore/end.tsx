// How a restore ended: proven, with what proves it; or failed or cancelled, with what that means.
import { Check, Copy, FolderOpen, ShieldCheck } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { formatBytes, formatDuration, formatInstantLocal, formatInstantUtc } from '../../../shared/format.ts';
import { findingsSentence, type Operation, type Proof, type RestoreResult } from '../../../shared/operations.ts';
import { dismissOperation, showInFolder } from '../../actions/databases.ts';
import { closeRestore } from '../../actions/restore.ts';
import { Button } from '../../components/button.tsx';
import { DialogButtons } from '../../components/dialog-buttons.tsx';
import { ErrorText } from '../../components/error-text.tsx';
import { Facts } from '../../components/facts.tsx';
import { Icon } from '../../components/icon.tsx';
import { Note } from '../../components/note.tsx';
import { selectNow } from '../../store/selectors.ts';
import { useStore } from '../../store/store.ts';
import styles from './restore-dialog.module.css';
import { PhaseList } from './progress.tsx';

export function RestoreEnd({ operation }: { readonly operation: Operation }): ReactNode {
  const canShow = useStore(({ remote }) => remote?.host.canShowInFolder === true);
  const { result, error, state } = operation;
  return (
    <>
      {result !== undefined ? (
        <Restored result={result} operation={operation} />
      ) : (
        <>
          <Note tone={state === 'cancelled' ? 'paused' : 'problem'} role="alert">
            {error === undefined ? 'Cancelled. Nothing was left behind.' : <ErrorText error={error} />}
          </Note>
          <PhaseList phases={operation.phases.filter((phase) => phase.state !== 'waiting')} />
        </>
      )}
      <DialogButtons>
        {result !== undefined && <CopyPath path={result.path} />}
        {result !== undefined && canShow && (
          <Button icon={FolderOpen} onPress={() => void showInFolder(operation.id)}>
            Show in folder
          </Button>
        )}
        <Button
          kind="primary"
          autoFocus
          onPress={() => {
            closeRestore();
            void dismissOperation(operation.id);
          }}
        >
          Done
        </Button>
      </DialogButtons>
    </>
  );
}

interface RestoredProps {
  readonly result: RestoreResult;
  readonly operation: Operation;
}

function Restored({ result, operation }: RestoredProps): ReactNode {
  const now = useStore(selectNow);
  const { proof, point, path, sizeBytes } = result;
  const took = operation.endedAt === undefined ? undefined : operation.endedAt - operation.startedAt;
  return (
    <div className={styles.restored} role="status">
      <div className={styles.seal}>
        <Icon of={ShieldCheck} size={26} />
      </div>
      <div>
        <h3 className={styles.verdict}>
          {proof.kind === 'identical' ? 'Restored and proven' : 'Restored and checked'}
        </h3>
        <p className={styles.muted}>{proofSentence(proof)}</p>
      </div>
      <div className={styles.outcome}>
        <Facts
          facts={[
            { name: 'New file', value: <span className={styles.mono}>{path}</span> },
            {
              name: 'As of',
              value: (
                <>
                  {formatInstantLocal(point.at, now)} <span className={styles.muted}>{formatInstantUtc(point.at)}</span>
                </>
              ),
            },
            { name: 'Size', value: formatBytes(sizeBytes) },
            { name: 'State hash', value: <span className={styles.mono}>{proof.stateHash}</span> },
            { name: 'Check', value: checkText(proof) },
            took === undefined ? undefined : { name: 'Took', value: formatDuration(took) },
          ]}
        />
      </div>
    </div>
  );
}

function proofSentence(proof: Proof): string {
  if (proof.check === 'findings') return findingsSentence(proof);
  const isChecked = proof.check !== 'not possible';
  if (proof.kind === 'identical') {
    return `Page for page what was captured.${isChecked ? ` SQLite says: ${proof.check}.` : ''}`;
  }
  return isChecked
    ? `Its checksums and SQLite’s ${proof.check} speak for it; this history carries no hashes to compare with.`
    : 'Its own checksums agree; this history carries no hashes to compare with.';
}

function checkText({ check }: Proof): string {
  if (check === 'findings') return 'what was captured already holds what SQLite finds';
  return check === 'not possible' ? 'not possible: its schema needs functions that only its application has' : check;
}

function CopyPath({ path }: { readonly path: string }): ReactNode {
  const [isCopied, setCopied] = useState(false);
  return (
    <Button
      icon={isCopied ? Check : Copy}
      onPress={() => void navigator.clipboard.writeText(path).then(() => setCopied(true))}
    >
      {isCopied ? 'Copied' : 'Copy path'}
    </Button>
  );
}
