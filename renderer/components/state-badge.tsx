// A state in icon, word and colour together.
import type { ReactNode } from 'react';
import { StateIcon } from './state-icon.tsx';
import type { Tone } from './tone.ts';
import { classNames } from './class-names.ts';
import styles from './state-badge.module.css';
import tones from './tone.module.css';

export function StateBadge({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }): ReactNode {
  return (
    <span className={classNames(styles.badge, tones.tone, tones[tone])}>
      <StateIcon tone={tone} />
      {children}
    </span>
  );
}
