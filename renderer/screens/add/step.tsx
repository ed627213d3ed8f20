// One numbered question of the add screen.
import { Check } from 'lucide-react';
import type { ReactNode } from 'react';
import { Icon } from '../../components/icon.tsx';
import styles from './step.module.css';

interface AddStepProps {
  readonly number: number;
  readonly isDone: boolean;
  readonly isEnabled?: boolean;
  readonly title: string;
  readonly about: string;
  readonly children: ReactNode;
}

export function AddStep({ number, isDone, isEnabled = true, title, about, children }: AddStepProps): ReactNode {
  return (
    <div className={styles.step} data-disabled={!isEnabled || undefined}>
      <span className={styles.number} data-done={isDone || undefined} aria-hidden>
        {isDone ? <Icon of={Check} size={14} /> : number}
      </span>
      <div className={styles.body}>
        <div>
          <h2 className={styles.title}>{title}</h2>
          <p className={styles.about}>{about}</p>
        </div>
        {children}
      </div>
    </div>
  );
}
