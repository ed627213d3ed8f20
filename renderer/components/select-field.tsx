// One of several from a list that opens, with its label above.
import { Check, ChevronDown } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button, Label, ListBox, ListBoxItem, Popover, Select, SelectValue, Text } from 'react-aria-components';
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
      <Label className={styles.label ?? ''}>{label}</Label>
      <Button className={classNames(choice.button, own.button)}>
        <SelectValue className={classNames(choice.value, own.value)} />
        <Icon of={ChevronDown} />
      </Button>
      {about !== undefined && (
        <Text slot="description" className={styles.about ?? ''}>
          {about}
        </Text>
      )}
      <Popover placement="bottom start" offset={4} className={choice.popover ?? ''}>
        <ListBox className={choice.list ?? ''}>
          {choices.map(({ key, text }) => (
            <ListBoxItem key={key} id={key} textValue={text} className={choice.item ?? ''}>
              <span className={choice.tick}>
                <Icon of={Check} />
              </span>
              {text}
            </ListBoxItem>
          ))}
        </ListBox>
      </Popover>
    </Select>
  );
}
