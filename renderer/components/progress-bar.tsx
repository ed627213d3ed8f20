// How far something got; without a known total it only says that it works.
import type { ReactNode } from 'react';
import { ProgressBar as AriaProgressBar } from 'react-aria-components';
import { classNames } from './class-names.ts';
import styles from './progress-bar.module.css';

interface ProgressBarProps {
  readonly label: string;
  /** Between 0 and 1; undefined where unknown. */
  readonly share: number | undefined;
  readonly isSlim?: boolean;
  readonly valueLabel?: string;
}

export function ProgressBar({ label, share, isSlim = false, valueLabel }: ProgressBarProps): ReactNode {
  const value = share === undefined ? { isIndeterminate: true } : { value: Math.round(share * 100) };
  return (
    <AriaProgressBar
      aria-label={label}
      className={classNames(styles.track, isSlim && styles.slim)}
      {...value}
      {...(valueLabel === undefined ? {} : { valueLabel })}
    >
      <span
        className={classNames(styles.fill, share === undefined && styles.unknown)}
        style={{ '--share': `${(share ?? 0.3) * 100}%` }}
      />
    </AriaProgressBar>
  );
}
