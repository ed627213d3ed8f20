// A button with words, optionally an icon; its label says what it does.
import type { LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button as AriaButton, type ButtonProps as AriaButtonProps } from 'react-aria-components';
import { Icon } from './icon.tsx';
import { classNames } from './class-names.ts';
import styles from './button.module.css';

export interface ButtonProps extends Omit<AriaButtonProps, 'className' | 'children' | 'style'> {
  readonly kind?: 'plain' | 'primary' | 'quiet' | 'danger';
  readonly icon?: LucideIcon | undefined;
  readonly children: ReactNode;
  readonly isLarge?: boolean;
}

export function Button({ kind = 'plain', icon, children, isLarge = false, ...rest }: ButtonProps): ReactNode {
  return (
    <AriaButton {...rest} className={classNames(styles.button, styles[kind], isLarge && styles.large)}>
      {icon !== undefined && <Icon of={icon} />}
      {children}
    </AriaButton>
  );
}
