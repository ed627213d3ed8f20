// Words that the eye reads from a shape or a place, for those who hear the screen.
import type { ReactNode } from 'react';
import styles from './hidden-text.module.css';

interface HiddenTextProps {
  /** Said when it changes. */
  readonly role?: 'status';
  readonly children: ReactNode;
}

export function HiddenText({ role, children }: HiddenTextProps): ReactNode {
  return (
    <span className={styles.hidden} role={role}>
      {children}
    </span>
  );
}
