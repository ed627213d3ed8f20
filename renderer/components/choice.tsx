// One of several, from a list that opens.
import { ChevronDown } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button, Select, SelectValue } from 'react-aria-components';
import { ChoiceList } from './choice-list.tsx';
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
      <ChoiceList choices={choices} side="end" />
    </Select>
  );
}
