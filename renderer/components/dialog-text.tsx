// What a dialog says before its buttons, in paragraphs.
import type { ReactNode } from 'react';
import styles from './dialog-text.module.css';

export function DialogText({ children }: { readonly children: ReactNode }): ReactNode {
  return <div className={styles.text}>{children}</div>;
}
