// What stands under a field: what is wrong with it where something is, else what it is for.
import { OctagonAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { FieldError, Text } from 'react-aria-components';
import { Icon } from './icon.tsx';
import styles from './field.module.css';

interface FieldEndProps {
  readonly about?: ReactNode;
  readonly error?: string | undefined;
}

/** Belongs inside a field of react-aria, which ties both to the control for a screen reader. */
export function FieldEnd({ about, error }: FieldEndProps): ReactNode {
  if (error === undefined) {
    if (about === undefined) return undefined;
    return (
      <Text slot="description" className={styles.about ?? ''}>
        {about}
      </Text>
    );
  }
  return (
    <FieldError className={styles.error ?? ''}>
      <Icon of={OctagonAlert} size={14} />
      <span>{error}</span>
    </FieldError>
  );
}
