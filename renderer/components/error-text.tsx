// A failure in three sentences: what happened, what is safe, what to do.
import type { ReactNode } from 'react';
import type { AppErrorData } from '../../shared/errors.ts';
import styles from './error-text.module.css';

export function ErrorText({ error }: { readonly error: AppErrorData }): ReactNode {
  return (
    <span className={styles.text}>
      <span className={styles.message}>{error.message}</span> {error.safe !== undefined && <span>{error.safe} </span>}
      {error.hint !== undefined && <span>{error.hint}</span>}
    </span>
  );
}
