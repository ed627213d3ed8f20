// The name of a field above it, and whether it may stay empty.
import type { ReactNode } from 'react';
import { Label } from 'react-aria-components';
import styles from './field.module.css';

interface FieldLabelProps {
  readonly text: string;
  readonly isOptional?: boolean;
}

export function FieldLabel({ text, isOptional = false }: FieldLabelProps): ReactNode {
  return (
    <Label className={styles.label ?? ''}>
      {text}
      {isOptional && <span className={styles.optional}> (optional)</span>}
    </Label>
  );
}
