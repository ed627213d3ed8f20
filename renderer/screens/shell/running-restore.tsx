// A running restore in the sidebar: opens its progress again.
import type { ReactNode } from 'react';
import { Button } from 'react-aria-components';
import type { Operation } from '../../../shared/operations.ts';
import { openDrawer } from '../../actions/window.ts';
import { showOperation } from '../../actions/restore.ts';
import { ProgressBar } from '../../components/progress-bar.tsx';
import { operationShare } from '../parts/operation-progress.ts';
import styles from './running-restore.module.css';

export function RunningRestore({ operation }: { readonly operation: Operation }): ReactNode {
  return (
    <Button
      className={styles.running ?? ''}
      onPress={() => {
        openDrawer(false);
        showOperation(operation.id);
      }}
    >
      <span className={styles.title}>{operation.title}</span>
      <ProgressBar label={operation.title} share={operationShare(operation)} isSlim />
    </Button>
  );
}
