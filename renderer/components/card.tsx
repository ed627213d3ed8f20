// A panel on the page, with a heading where it has one.
import type { ReactNode } from 'react';
import { useId } from 'react';
import { Guarded } from './guarded.tsx';
import { classNames } from './class-names.ts';
import styles from './card.module.css';

interface CardProps {
  readonly heading?: string;
  /** At the right of the heading. */
  readonly aside?: ReactNode;
  /** Names the region where there is no visible heading. */
  readonly label?: string;
  readonly isPadded?: boolean;
  readonly children: ReactNode;
}

export function Card({ heading, aside, label, isPadded = false, children }: CardProps): ReactNode {
  const id = useId();
  const name = heading === undefined ? { 'aria-label': label } : { 'aria-labelledby': id };
  return (
    <section className={classNames(styles.card, isPadded && styles.padded)} {...name}>
      {heading !== undefined && (
        <header className={styles.header}>
          <h2 id={id} className={styles.heading}>
            {heading}
          </h2>
          {aside}
        </header>
      )}
      <Guarded>{children}</Guarded>
    </section>
  );
}
