// Fields beside each other, where there is room for them.
import type { ReactNode } from 'react';
import styles from './columns.module.css';

interface ColumnsProps {
  readonly count?: 2 | 3;
  readonly children: ReactNode;
}

export function Columns({ count = 2, children }: ColumnsProps): ReactNode {
  return <div className={count === 2 ? styles.two : styles.three}>{children}</div>;
}
