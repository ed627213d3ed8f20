// How a form ends: what comes next, in a sentence, and the buttons beside it.
import type { ReactNode } from 'react';
import styles from './form-end.module.css';

interface FormEndProps {
  readonly sentence: string;
  readonly children: ReactNode;
}

export function FormEnd({ sentence, children }: FormEndProps): ReactNode {
  return (
    <div className={styles.end}>
      <p className={styles.sentence}>{sentence}</p>
      {children}
    </div>
  );
}
