// A text with proposals: any of them, or something of one's own.
import { ChevronDown } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button, ComboBox } from 'react-aria-components';
import { ChoiceList } from './choice-list.tsx';
import { FieldEnd } from './field-end.tsx';
import { FieldInput } from './field-input.tsx';
import { FieldLabel } from './field-label.tsx';
import { Icon } from './icon.tsx';
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
      <FieldLabel text={label} isOptional={isOptional} />
      <div className={styles.box}>
        <FieldInput isCode placeholder={placeholder} />
        <Button className={styles.inside ?? ''}>
          <Icon of={ChevronDown} />
        </Button>
      </div>
      <FieldEnd about={about} error={error} />
      <ChoiceList choices={proposals.map((text) => ({ key: text, text }))} />
    </ComboBox>
  );
}
