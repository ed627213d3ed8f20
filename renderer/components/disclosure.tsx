// What most people never need, behind a line that opens it.
import { ChevronRight } from 'lucide-react';
import { type ReactNode, useId, useState } from 'react';
import { Button } from 'react-aria-components';
import { Icon } from './icon.tsx';
import styles from './disclosure.module.css';

interface DisclosureProps {
  readonly title: string;
  /** Beside the title, in small: what is set in there. */
  readonly about?: string;
  /** Something in there needs a look. */
  readonly isOpenFirst?: boolean;
  readonly children: ReactNode;
}

export function Disclosure({ title, about, isOpenFirst = false, children }: DisclosureProps): ReactNode {
  const [isOpen, setOpen] = useState(isOpenFirst);
  const id = useId();
  return (
    <div>
      <Button
        className={styles.opener ?? ''}
        aria-expanded={isOpen}
        {...(isOpen ? { 'aria-controls': id } : {})}
        onPress={() => setOpen(!isOpen)}
      >
        <Icon of={ChevronRight} className={styles.chevron} />
        <span>{title}</span>
        {about !== undefined && <span className={styles.about}>{about}</span>}
      </Button>
      {isOpen && (
        <div id={id} className={styles.body}>
          {children}
        </div>
      )}
    </div>
  );
}
