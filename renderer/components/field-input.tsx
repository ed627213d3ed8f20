// Where one types: nothing is corrected, since keys, names and addresses are no prose.
import type { ReactNode } from 'react';
import { Input } from 'react-aria-components';
import { classNames } from './class-names.ts';
import styles from './field.module.css';

interface FieldInputProps {
  /** Each letter of it counts. */
  readonly isCode: boolean;
  readonly placeholder: string | undefined;
}

export function FieldInput({ isCode, placeholder }: FieldInputProps): ReactNode {
  return (
    <Input
      className={classNames(styles.input, isCode && styles.code)}
      autoCorrect="off"
      autoCapitalize="off"
      spellCheck={false}
      {...(placeholder === undefined ? {} : { placeholder })}
    />
  );
}
