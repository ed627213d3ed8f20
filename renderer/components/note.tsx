// A strip that says something about a state: a problem and what to do, a running restore, a lost connection.
import type { ReactNode } from 'react';
import { StateIcon } from './state-icon.tsx';
import type { Tone } from './tone.ts';
import { classNames } from './class-names.ts';
import styles from './note.module.css';

interface NoteProps {
  readonly tone: Tone;
  readonly title?: ReactNode;
  readonly children: ReactNode;
  readonly actions?: ReactNode;
  /** `alert` interrupts a screen reader, `status` waits; without one the note is just text. */
  readonly role?: 'alert' | 'status';
}

export function Note({ tone, title, children, actions, role }: NoteProps): ReactNode {
  return (
    <div className={classNames(styles.note, styles[tone])} role={role}>
      <span className={styles.icon}>
        <StateIcon tone={tone} size={16} />
      </span>
      <div className={styles.text}>
        {title !== undefined && <strong className={styles.title}>{title}</strong>}
        <div>{children}</div>
      </div>
      {actions !== undefined && <div className={styles.actions}>{actions}</div>}
    </div>
  );
}
