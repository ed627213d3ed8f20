// The way back: where to, review, restoring, done. Closing it never stops an operation.
import { Flag } from 'lucide-react';
import type { ReactNode } from 'react';
import { formatInstantLocal, withinSentence } from '../../../shared/format.ts';
import { findNamed } from '../../../shared/named-points.ts';
import { closeRestore } from '../../actions/restore.ts';
import { Dialog } from '../../components/dialog.tsx';
import { Icon } from '../../components/icon.tsx';
import { Steps } from '../../components/steps.tsx';
import { selectDatabase, selectNow, selectOperation } from '../../store/selectors.ts';
import { useStore } from '../../store/store.ts';
import styles from './restore-dialog.module.css';
import { RestoreEnd } from './end.tsx';
import { RestoreProgress } from './progress.tsx';
import { RestoreReview } from './review.tsx';
import { RestoreWhere } from './where.tsx';

const steps = ['Where to', 'Review', 'Restoring'] as const;

export function RestoreDialog(): ReactNode {
  const restore = useStore(({ view }) => view.restore);
  const operation = useStore(selectOperation(restore?.kind === 'operation' ? restore.operationId : undefined));
  const databaseId = restore?.kind === 'draft' ? restore.databaseId : operation?.databaseId;
  const database = useStore(selectDatabase(databaseId));
  const now = useStore(selectNow);
  if (restore === undefined) return undefined;
  if (restore.kind === 'operation') {
    if (operation === undefined) return undefined;
    const isOver = operation.state !== 'running';
    return (
      <Dialog title={operation.title} onClose={closeRestore}>
        <Steps names={steps} current={isOver ? steps.length : 2} />
        {isOver ? <RestoreEnd operation={operation} /> : <RestoreProgress operation={operation} database={database} />}
      </Dialog>
    );
  }
  if (database === undefined) return undefined;
  const when = withinSentence(formatInstantLocal(restore.point.at, now));
  const named = findNamed(database.namedPoints, restore.point.position);
  return (
    <Dialog title={`Restore ${database.name} as of ${when}`} onClose={closeRestore}>
      {named !== undefined && (
        <p className={styles.named}>
          <Icon of={Flag} className={styles.flag} />
          {named.name}
        </p>
      )}
      <Steps names={steps} current={restore.step === 'where' ? 0 : 1} />
      {restore.step === 'where' ? (
        <RestoreWhere draft={restore} database={database} />
      ) : (
        <RestoreReview draft={restore} database={database} />
      )}
    </Dialog>
  );
}
