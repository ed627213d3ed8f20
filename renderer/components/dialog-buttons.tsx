// How a dialog ends: its ways out, the one that goes on at the right.
import type { ReactNode } from 'react';
import { classNames } from './class-names.ts';
import styles from './dialog-buttons.module.css';

interface DialogButtonsProps {
  /** One at each end: they are different ways to go on. */
  readonly isSpread?: boolean;
  readonly children: ReactNode;
}

export function DialogButtons({ isSpread = false, children }: DialogButtonsProps): ReactNode {
  return <div className={classNames(styles.buttons, isSpread && styles.spread)}>{children}</div>;
}
