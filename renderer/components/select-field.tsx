// One of several from a list that opens, with its label above.
import { ChevronDown } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button, Select, SelectValue } from 'react-aria-components';
import { ChoiceList } from './choice-list.tsx';
import { FieldEnd } from './field-end.tsx';
import { FieldLabel } from './field-label.tsx';
import { Icon } from './icon.tsx';
import { classNames } from './class-names.ts';
import choice from './choice.module.css';
import styles from './field.module.css';
import own from './select-field.module.css';

interface SelectFieldProps {
  readonly label: string;
  readonly choices: readonly { readonly key: string; readonly text: string }[];
  readonly chosen: string;
  readonly onChoose: (key: string) => void;
  readonly about?: ReactNode;
  readonly isDisabled?: boolean;
}

export function SelectField({
  label,
  choices,
  chosen,
  onChoose,
  about,
  isDisabled = false,
}: SelectFieldProps): ReactNode {
  return (
    <Select
      className={styles.field ?? ''}
      value={chosen}
      isDisabled={isDisabled}
      onChange={(key) => key !== null && onChoose(String(key))}
    >
      <FieldLabel text={label} />
      <Button className={classNames(choice.button, own.button)}>
        <SelectValue className={classNames(choice.value, own.value)} />
        <Icon of={ChevronDown} />
      </Button>
      <FieldEnd about={about} />
      <ChoiceList choices={choices} />
    </Select>
  );
}
