// What an inspected path turned out to be: a line under its field, in icon, colour and words.
import type { ReactNode } from 'react';
import type { AppErrorData } from '../../shared/errors.ts';
import { ErrorText } from './error-text.tsx';
import { StateIcon } from './state-icon.tsx';
import type { Tone } from './tone.ts';
import styles from './finding.module.css';

interface FindingProps {
  readonly isBusy: boolean;
  /** The question itself failed. */
  readonly error: AppErrorData | undefined;
  readonly children: ReactNode;
}

export function Finding({ isBusy, error, children }: FindingProps): ReactNode {
  return (
    <div className={styles.findings} role="status" data-busy={isBusy || undefined}>
      {error === undefined ? children : <ErrorLine error={error} />}
    </div>
  );
}

interface FindingLineProps {
  readonly tone: Tone;
  readonly children: ReactNode;
}

export function FindingLine({ tone, children }: FindingLineProps): ReactNode {
  return (
    <div className={styles.line} data-tone={tone}>
      <StateIcon tone={tone} />
      <span>{children}</span>
    </div>
  );
}

interface ErrorLineProps {
  readonly error: AppErrorData;
  readonly tone?: Tone;
}

export function ErrorLine({ error, tone = 'problem' }: ErrorLineProps): ReactNode {
  return (
    <FindingLine tone={tone}>
      <ErrorText error={error} />
    </FindingLine>
  );
}
