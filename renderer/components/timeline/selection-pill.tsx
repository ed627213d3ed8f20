// The selected time, on top of its line; at the edge, with an arrow, where the selection lies out of view.
import type { ReactNode } from 'react';
import { formatClock, minuteMs } from '../../../shared/format.ts';
import { inset } from './geometry.ts';
import styles from './selection-pill.module.css';

interface SelectionPillProps {
  readonly at: number;
  readonly x: number;
  readonly width: number;
  readonly isNewest: boolean;
  /** Time in view: close up, milliseconds tell points apart. */
  readonly span: number;
}

export function SelectionPill({ at, x, width, isNewest, span }: SelectionPillProps): ReactNode {
  const half = 46;
  const isBefore = x < inset;
  const isAfter = x > width - inset + 1;
  const place = Math.min(Math.max(x, inset + half - 10), width - inset - half + 10);
  const clock = formatClock(at, { precision: span < minuteMs ? 'millisecond' : 'second' });
  return (
    <span className={styles.pill} data-newest={isNewest || undefined} style={{ '--x': `${place}px` }} aria-hidden>
      {isBefore && '‹ '}
      {clock}
      {isAfter && ' ›'}
    </span>
  );
}
