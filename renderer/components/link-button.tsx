// A link that looks like a button: it goes to a place.
import type { LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { Link } from 'react-aria-components';
import { Icon } from './icon.tsx';
import { classNames } from './class-names.ts';
import styles from './button.module.css';

interface LinkButtonProps {
  readonly href: string;
  readonly kind?: 'plain' | 'primary' | 'quiet';
  readonly icon?: LucideIcon;
  readonly isLarge?: boolean;
  readonly children: ReactNode;
}

export function LinkButton({ href, kind = 'plain', icon, isLarge = false, children }: LinkButtonProps): ReactNode {
  return (
    <Link href={href} className={classNames(styles.button, styles[kind], isLarge && styles.large)}>
      {icon !== undefined && <Icon of={icon} />}
      {children}
    </Link>
  );
}
