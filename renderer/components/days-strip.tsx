// Thirty days as thirty cells: active, idle, in need of attention, or before protection began.
import type { ReactNode } from 'react';
import { plural } from '../../shared/format.ts';
import type { DayActivity } from '../../shared/databases.ts';
import { classNames } from './class-names.ts';
import styles from './days-strip.module.css';

export function DaysStrip({ days }: { readonly days: readonly DayActivity[] }): ReactNode {
  const most = Math.max(1, ...days.map((day) => day.transactions));
  return (
    <span className={styles.strip} role="img" aria-label={describe(days)}>
      {days.map((day, index) => (
        <i
          // oxlint-disable-next-line react/no-array-index-key -- the cells are days by their place; they have no other identity.
          key={index}
          className={classNames(styles.cell, styles[day.kind], day.transactions > most / 8 && styles.busy)}
        />
      ))}
    </span>
  );
}

function describe(days: readonly DayActivity[]): string {
  const count = (kind: DayActivity['kind']): number => days.filter((day) => day.kind === kind).length;
  const parts = [
    `${plural(count('active'), 'day')} with changes`,
    count('idle') > 0 ? `${count('idle')} without` : '',
    count('attention') > 0 ? `${count('attention')} that needed attention` : '',
    count('none') > 0 ? `${count('none')} before protection began` : '',
  ];
  return `Last ${days.length} days: ${parts.filter((part) => part !== '').join(', ')}`;
}
