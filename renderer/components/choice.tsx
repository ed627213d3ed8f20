// One of several, from a list that opens.
import { Check, ChevronDown } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button, ListBox, ListBoxItem, Popover, Select, SelectValue } from 'react-aria-components';
import { Icon } from './icon.tsx';
import styles from './choice.module.css';

interface ChoiceProps {
  readonly label: string;
  readonly choices: readonly { readonly key: string; readonly text: string }[];
  readonly chosen: string;
  readonly onChoose: (key: string) => void;
}

export function Choice({ label, choices, chosen, onChoose }: ChoiceProps): ReactNode {
  return (
    <Select aria-label={label} value={chosen} onChange={(key) => key !== null && onChoose(String(key))}>
      <Button className={styles.button ?? ''}>
        <SelectValue className={styles.value ?? ''} />
        <Icon of={ChevronDown} />
      </Button>
      <Popover placement="bottom end" offset={4} className={styles.popover ?? ''}>
        <ListBox className={styles.list ?? ''}>
          {choices.map((choice) => (
            <ListBoxItem key={choice.key} id={choice.key} textValue={choice.text} className={styles.item ?? ''}>
              <span className={styles.tick}>
                <Icon of={Check} />
              </span>
              {choice.text}
            </ListBoxItem>
          ))}
        </ListBox>
      </Popover>
    </Select>
  );
}
