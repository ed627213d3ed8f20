// A button that opens a menu of further actions.
import { Ellipsis, type LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { Menu, MenuItem, MenuTrigger, Popover } from 'react-aria-components';
import { Icon } from './icon.tsx';
import { IconButton } from './icon-button.tsx';
import { classNames } from './class-names.ts';
import styles from './menu-button.module.css';

interface MenuButtonProps {
  readonly label: string;
  readonly items: readonly {
    readonly text: string;
    readonly icon: LucideIcon;
    readonly isDanger?: boolean;
    readonly onPick: () => void;
  }[];
}

export function MenuButton({ label, items }: MenuButtonProps): ReactNode {
  return (
    <MenuTrigger>
      <IconButton icon={Ellipsis} label={label} />
      <Popover placement="bottom end" offset={4} className={styles.popover ?? ''}>
        <Menu className={styles.menu ?? ''} aria-label={label}>
          {items.map((item) => (
            <MenuItem
              key={item.text}
              id={item.text}
              onAction={item.onPick}
              className={classNames(styles.item, item.isDanger === true && styles.danger)}
            >
              <Icon of={item.icon} />
              {item.text}
            </MenuItem>
          ))}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
