// The stages of something that goes on, or has ended: each with its state in shape and colour, its words, and how long it took.
import { Check, Circle, LoaderCircle, type LucideIcon, Minus, OctagonAlert, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { classNames } from './class-names.ts';
import { Icon } from './icon.tsx';
import styles from './stage-list.module.css';

interface Stage {
  readonly key: string;
  readonly state: 'waiting' | 'running' | 'done' | 'warning' | 'failed' | 'skipped';
  readonly text: ReactNode;
  /** At the end of its line. */
  readonly figures?: string;
}

interface StageListProps {
  readonly label: string;
  readonly stages: readonly Stage[];
  /** Many of them. */
  readonly isDense?: boolean;
}

const shapes: Readonly<Record<Stage['state'], LucideIcon>> = {
  waiting: Circle,
  running: LoaderCircle,
  done: Check,
  warning: TriangleAlert,
  failed: OctagonAlert,
  skipped: Minus,
};

export function StageList({ label, stages, isDense = false }: StageListProps): ReactNode {
  return (
    <ol className={classNames(styles.stages, isDense && styles.dense)} aria-label={label}>
      {stages.map(({ key, state, text, figures = '' }) => (
        <li key={key} className={styles.stage} data-state={state}>
          <Icon of={shapes[state]} />
          <span>{text}</span>
          <span className={styles.figures}>{figures}</span>
        </li>
      ))}
    </ol>
  );
}
