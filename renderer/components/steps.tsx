// The steps of a flow, and which one it is at.
import type { ReactNode } from 'react';
import { classNames } from './class-names.ts';
import styles from './steps.module.css';

interface StepsProps {
  readonly names: readonly string[];
  /** Index of the present step. */
  readonly current: number;
}

export function Steps({ names, current }: StepsProps): ReactNode {
  return (
    <ol className={styles.steps} aria-label="Steps">
      {names.map((name, index) => (
        <li
          key={name}
          className={classNames(styles.step, index < current && styles.done, index === current && styles.now)}
          aria-current={index === current ? 'step' : undefined}
        >
          {name}
        </li>
      ))}
    </ol>
  );
}
