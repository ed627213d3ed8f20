// A text with proposals: any of them, or something of one's own.
import { Check, ChevronDown } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button, ComboBox, Input, Label, ListBox, ListBoxItem, Popover } from 'react-aria-components';
import { FieldEnd } from './field-end.tsx';
import { Icon } from './icon.tsx';
import { classNames } from './class-names.ts';
import choice from './choice.module.css';
import styles from './field.module.css';

interface ComboFieldProps {
  readonly label: string;
  readonly value: string;
  readonly proposals: readonly string[];
  readonly onChange: (value: string) => void;
  readonly onBlur?: () => void;
  readonly about?: ReactNode;
  readonly error?: string | undefined;
  readonly placeholder?: string;
  readonly isOptional?: boolean;
}

export function ComboField(props: ComboFieldProps): ReactNode {
  const { label, value, proposals, onChange, onBlur, about, error, placeholder, isOptional = false } = props;
  return (
    <ComboBox
      className={styles.field ?? ''}
      allowsCustomValue
      inputValue={value}
      onInputChange={onChange}
      onChange={(key) => key !== null && onChange(String(key))}
      {...(onBlur === undefined ? {} : { onBlur })}
      isInvalid={error !== undefined}
      validationBehavior="aria"
    >
      <Label className={styles.label ?? ''}>
        {label}
        {isOptional && <span className={styles.optional}> (optional)</span>}
      </Label>
      <div className={styles.box}>
        <Input
          className={classNames(styles.input, styles.code)}
          autoCorrect="off"
          autoCapitalize="off"
          spellCheck={false}
          {...(placeholder === undefined ? {} : { placeholder })}
        />
        <Button className={styles.inside ?? ''}>
          <Icon of={ChevronDown} />
        </Button>
      </div>
      <FieldEnd about={about} error={error} />
      <Popover placement="bottom start" offset={4} className={choice.popover ?? ''}>
        <ListBox className={choice.list ?? ''}>
          {proposals.map((proposal) => (
            <ListBoxItem key={proposal} id={proposal} textValue={proposal} className={choice.item ?? ''}>
              <span className={choice.tick}>
                <Icon of={Check} />
              </span>
              {proposal}
            </ListBoxItem>
          ))}
        </ListBox>
      </Popover>
    </ComboBox>
  );
}
