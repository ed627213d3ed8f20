// Things in rows, each with a name that leads to it: the whole row is the link's target. A narrow window shows every row as a
// card; how its cells lie there says who has the table. Roles are written out because a table that is laid out as a grid loses
// its own.
import type { ReactNode } from 'react';
import { classNames } from './class-names.ts';
import { HiddenText } from './hidden-text.tsx';
import styles from './table.module.css';

export interface Column<T> {
  readonly heading: string;
  /** For those who hear the screen only. */
  readonly isHeadingHidden?: boolean;
  readonly isRight?: boolean;
  readonly className?: string | undefined;
  readonly title?: (row: T) => string;
  readonly cell: (row: T) => ReactNode;
}

export interface RowName {
  readonly key: string;
  readonly href: string;
  readonly name: string;
  /** Below the name: where it lies. */
  readonly about: ReactNode;
  readonly aboutTitle: string;
  readonly glyph?: ReactNode;
}

interface TableProps<T> {
  /** The heading of the names. */
  readonly heading: string;
  readonly rows: readonly T[];
  readonly nameOf: (row: T) => RowName;
  readonly columns: readonly Column<T>[];
  readonly className: string | undefined;
}

export function Table<T>({ heading, rows, nameOf, columns, className }: TableProps<T>): ReactNode {
  return (
    <table className={classNames(styles.table, className)} role="table">
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col">
            {heading}
          </th>
          {columns.map(({ heading: text, isHeadingHidden = false, isRight = false, className: own }) => (
            <th key={text} role="columnheader" scope="col" data-right={isRight || undefined} className={own}>
              {isHeadingHidden ? <HiddenText>{text}</HiddenText> : text}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <Row key={nameOf(row).key} row={row} name={nameOf(row)} columns={columns} />
        ))}
      </tbody>
    </table>
  );
}

interface RowProps<T> {
  readonly row: T;
  readonly name: RowName;
  readonly columns: readonly Column<T>[];
}

function Row<T>({ row, name, columns }: RowProps<T>): ReactNode {
  return (
    <tr role="row" className={styles.row}>
      <th role="rowheader" scope="row" className={styles.name}>
        {name.glyph}
        <span className={styles.words}>
          <a className={styles.link} href={name.href}>
            {name.name}
          </a>
          <span className={styles.about} title={name.aboutTitle}>
            {name.about}
          </span>
        </span>
      </th>
      {columns.map(({ heading, isRight = false, className, title, cell }) => (
        <td
          key={heading}
          role="cell"
          data-name={heading}
          data-right={isRight || undefined}
          className={className}
          title={title?.(row)}
        >
          {cell(row)}
        </td>
      ))}
    </tr>
  );
}
