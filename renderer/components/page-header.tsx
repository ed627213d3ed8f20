// A screen's title, a sentence under it, and its actions.
import type { ReactNode } from 'react';
import styles from './page-header.module.css';

interface PageHeaderProps {
  readonly title: string;
  /** Beside the title, in small. */
  readonly beside?: string;
  readonly about?: ReactNode;
  readonly actions?: ReactNode;
}

export function PageHeader({ title, beside, about, actions }: PageHeaderProps): ReactNode {
  return (
    <header className={styles.header}>
      <div className={styles.words}>
        <div className={styles.line}>
          <h1 className={styles.title}>{title}</h1>
          {beside !== undefined && <span className={styles.beside}>{beside}</span>}
        </div>
        {about !== undefined && <div className={styles.about}>{about}</div>}
      </div>
      {actions !== undefined && <div className={styles.actions}>{actions}</div>}
    </header>
  );
}
