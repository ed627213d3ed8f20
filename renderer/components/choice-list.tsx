// The list that opens below a field, with a tick at what is chosen.
import { Check } from 'lucide-react';
import type { ReactNode } from 'react';
import { ListBox, ListBoxItem, Popover } from 'react-aria-components';
import { Icon } from './icon.tsx';
import styles from './choice.module.css';

interface ChoiceListProps {
  readonly choices: readonly { readonly key: string; readonly text: string }[];
  /** With which side of the field it is in line. */
  readonly side?: 'start' | 'end';
}

export function ChoiceList({ choices, side = 'start' }: ChoiceListProps): ReactNode {
  return (
    <Popover placement={`bottom ${side}`} offset={4} className={styles.popover ?? ''}>
      <ListBox className={styles.list ?? ''}>
        {choices.map(({ key, text }) => (
          <ListBoxItem key={key} id={key} textValue={text} className={styles.item ?? ''}>
            <span className={styles.tick}>
              <Icon of={Check} />
            </span>
            {text}
          </ListBoxItem>
        ))}
      </ListBox>
    </Popover>
  );
}
