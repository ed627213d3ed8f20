// One line of text with its label above, and under it what is wrong or what it is for.
import { Eye, EyeOff } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { Button, TextField as AriaTextField } from 'react-aria-components';
import { FieldEnd } from './field-end.tsx';
import { FieldInput } from './field-input.tsx';
import { FieldLabel } from './field-label.tsx';
import { Icon } from './icon.tsx';
import { classNames } from './class-names.ts';
import styles from './field.module.css';

interface TextFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly onBlur?: () => void;
  readonly about?: ReactNode;
  readonly error?: string | undefined;
  readonly placeholder?: string;
  /** `code`: keys and addresses, of which each letter counts; `secret`: hidden until one looks. */
  readonly kind?: 'text' | 'code' | 'secret';
  readonly isOptional?: boolean;
  /** Shown, and not to be changed here. */
  readonly isFixed?: boolean;
  readonly unit?: string;
  readonly shouldFocus?: boolean;
}

export function TextField(props: TextFieldProps): ReactNode {
  const { label, value, onChange, onBlur, about, error, placeholder, kind = 'text', unit } = props;
  const { isOptional = false, isFixed = false, shouldFocus = false } = props;
  const [isSeen, setSeen] = useState(false);
  const isSecret = kind === 'secret';
  return (
    <AriaTextField
      className={classNames(styles.field, isFixed && styles.fixed)}
      value={value}
      onChange={onChange}
      {...(onBlur === undefined ? {} : { onBlur })}
      isInvalid={error !== undefined}
      isReadOnly={isFixed}
      autoFocus={shouldFocus}
      type={isSecret && !isSeen ? 'password' : 'text'}
      autoComplete={isSecret ? 'new-password' : 'off'}
      validationBehavior="aria"
    >
      <FieldLabel text={label} isOptional={isOptional} />
      <div className={styles.box}>
        <FieldInput isCode={kind !== 'text'} placeholder={placeholder} />
        {unit !== undefined && <span className={styles.unit}>{unit}</span>}
        {isSecret && (
          <Button
            className={styles.inside ?? ''}
            aria-label={`Show what is typed as ${label.toLowerCase()}`}
            aria-pressed={isSeen}
            onPress={() => setSeen(!isSeen)}
          >
            <Icon of={isSeen ? EyeOff : Eye} />
          </Button>
        )}
      </div>
      <FieldEnd about={about} error={error} />
    </AriaTextField>
  );
}
