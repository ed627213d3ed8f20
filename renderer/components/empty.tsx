// What a place shows while it holds nothing: why, in a sentence.
import type { LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { Icon } from './icon.tsx';
import styles from './empty.module.css';

interface EmptyProps {
  readonly icon: LucideIcon;
  readonly children: ReactNode;
}

export function Empty({ icon, children }: EmptyProps): ReactNode {
  return (
    <div className={styles.empty}>
      <Icon of={icon} size={20} />
      <div>{children}</div>
    </div>
  );
}
