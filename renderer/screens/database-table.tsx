// Every database in a row: state, newest restore point, thirty days, lag, length of history, size, destinations. A narrow
// window shows the same as cards.
import type { ReactNode } from 'react';
import { formatAge, formatBytes, formatSpan, plural } from '../../shared/format.ts';
import type { DatabaseState } from '../../shared/model.ts';
import { DaysStrip } from '../components/days-strip.tsx';
import { Icon } from '../components/icon.tsx';
import { ProgressBar } from '../components/progress-bar.tsx';
import { StateBadge } from '../components/state-badge.tsx';
import { formatPlace } from '../place.ts';
import { selectTargets } from '../selectors.ts';
import { useStore } from '../store.ts';
import styles from './database-table.module.css';
import { iconOf } from './destination-words.ts';
import { lagText, snapshotShare, snapshotText, statusWord, toneOf } from './status-words.ts';

interface DatabaseTableProps {
  readonly databases: readonly DatabaseState[];
  readonly now: number;
  readonly isSeen: boolean;
}

// Roles are written out because a table that is laid out as a grid loses its own.
export function DatabaseTable({ databases, now, isSeen }: DatabaseTableProps): ReactNode {
  return (
    <table className={styles.table} role="table">
      <thead role="rowgroup">
        <tr role="row">
          <Head>Database</Head>
          <Head>State</Head>
          <Head isRight>Newest point</Head>
          <Head className="days">Last 30 days</Head>
          <Head isRight>Lag</Head>
          <Head isRight className="history">
            History
          </Head>
          <Head isRight className="size">
            Size
          </Head>
          <Head className="targets">Destinations</Head>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {databases.map((database) => (
          <DatabaseRow key={database.id} database={database} now={now} isSeen={isSeen} />
        ))}
      </tbody>
    </table>
  );
}

interface HeadProps {
  readonly isRight?: boolean;
  readonly className?: 'days' | 'history' | 'size' | 'targets';
  readonly children: string;
}

function Head({ isRight = false, className, children }: HeadProps): ReactNode {
  return (
    <th role="columnheader" scope="col" data-right={isRight || undefined} className={cellClass(className)}>
      {children}
    </th>
  );
}

interface CellProps extends Omit<HeadProps, 'children'> {
  readonly name: string;
  readonly children: ReactNode;
}

function Cell({ name, isRight = false, className, children }: CellProps): ReactNode {
  return (
    <td role="cell" data-name={name} data-right={isRight || undefined} className={cellClass(className)}>
      {children}
    </td>
  );
}

interface RowProps {
  readonly database: DatabaseState;
  readonly now: number;
  readonly isSeen: boolean;
}

function DatabaseRow({ database, now, isSeen }: RowProps): ReactNode {
  const { newest, oldestAt, lag } = database;
  const share = snapshotShare(database);
  return (
    <tr role="row" className={styles.row}>
      <th role="rowheader" scope="row" className={styles.name}>
        <a className={styles.link} href={formatPlace({ kind: 'database', databaseId: database.id })}>
          {database.name}
        </a>
        <span className={styles.folder} title={database.path}>
          {folderOf(database)}
        </span>
      </th>
      <Cell name="State">
        <StateBadge tone={isSeen ? toneOf(database, now) : 'unknown'}>
          {isSeen ? statusWord(database, now) : 'Unknown'}
        </StateBadge>
        {share !== undefined && (
          <span className={styles.progress} title={snapshotText(database)}>
            <ProgressBar label={`First snapshot of ${database.name}`} share={share} isSlim />
          </span>
        )}
      </Cell>
      <Cell name="Newest point" isRight>
        {newest === undefined ? '—' : formatAge(now - newest.at)}
      </Cell>
      <Cell name="Last 30 days" className="days">
        <DaysStrip days={database.days} />
      </Cell>
      <Cell name="Lag" isRight>
        <span
          title={lag.bytes > 0 ? `${formatBytes(lag.bytes)} are captured and not at every destination yet` : undefined}
        >
          {lagText(database, now)}
        </span>
      </Cell>
      <Cell name="History" isRight className="history">
        {oldestAt === undefined ? '—' : formatSpan((newest?.at ?? now) - oldestAt)}
      </Cell>
      <Cell name="Size" isRight className="size">
        {formatBytes(database.sizeBytes)}
      </Cell>
      <Cell name="Destinations" className="targets">
        <Targets database={database} />
      </Cell>
    </tr>
  );
}

function Targets({ database }: { readonly database: DatabaseState }): ReactNode {
  const targets = useStore(selectTargets);
  const found = database.replicas.map((replica) => targets.find(({ id }) => id === replica.targetId));
  const names = found.map((target) => target?.name ?? 'Destination');
  const hasProblem = database.replicas.some(({ problem, isEnabled }) => isEnabled && problem !== undefined);
  const [first] = found;
  return (
    <span className={styles.target} data-problem={hasProblem || undefined} title={names.join(', ')}>
      {names.length === 1 ? (
        <Icon of={iconOf(first, { isBroken: hasProblem })} size={14} />
      ) : (
        found.map((target, index) => <Icon key={target?.id ?? index} of={iconOf(target)} size={14} />)
      )}
      <span className={styles.targetName}>{names.length === 1 ? names[0] : plural(names.length, 'place')}</span>
    </span>
  );
}

function folderOf({ path, name }: DatabaseState): string {
  const folder = path.endsWith(name) ? path.slice(0, -name.length) : path;
  return folder.length > 3 ? folder.replace(/[/\\]$/, '') : folder;
}

function cellClass(name: HeadProps['className']): string | undefined {
  return name === undefined ? undefined : styles[name];
}
