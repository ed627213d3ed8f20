// What most people never need, behind a line that opens it.
import { ChevronRight } from 'lucide-react';
import { type ReactNode, useId, useState } from 'react';
import { Button } from 'react-aria-components';
import { classNames } from './class-names.ts';
import { Icon } from './icon.tsx';
import styles from './disclosure.module.css';

interface DisclosureProps {
  readonly title: string;
  /** Beside the title, in small: what is set in there. */
  readonly about?: string;
  /** Something in there needs a look. */
  readonly isOpenFirst?: boolean;
  /** Where somebody else knows whether it is open. */
  readonly isOpen?: boolean;
  readonly onToggle?: (isOpen: boolean) => void;
  /** It fills a card; its line is the card's heading. */
  readonly isCard?: boolean;
  readonly children: ReactNode;
}

export function Disclosure({ title, about, isOpenFirst = false, children, ...props }: DisclosureProps): ReactNode {
  const [isOpenHere, setOpenHere] = useState(isOpenFirst);
  const id = useId();
  const { isOpen = isOpenHere, onToggle = setOpenHere, isCard = false } = props;
  const opener = (
    <Button
      className={classNames(styles.opener, isCard && styles.wide)}
      aria-expanded={isOpen}
      {...(isOpen ? { 'aria-controls': id } : {})}
      onPress={() => onToggle(!isOpen)}
    >
      <Icon of={ChevronRight} className={styles.chevron} />
      <span>{title}</span>
      {about !== undefined && <span className={styles.about}>{about}</span>}
    </Button>
  );
  return (
    <div>
      {isCard ? <h2>{opener}</h2> : opener}
      {isOpen && (
        <div id={id} className={isCard ? styles.wideBody : styles.body}>
          {children}
        </div>
      )}
    </div>
  );
}
