// Every database in a row: state, newest restore point, thirty days, lag, length of history, size, destinations. A narrow
// window shows the same as cards.
import type { ReactNode } from 'react';
import { formatAge, formatBytes, formatSpan, plural } from '../../../shared/format.ts';
import type { DatabaseState } from '../../../shared/databases.ts';
import { statusWord } from '../../../shared/standing.ts';
import { DaysStrip } from '../../components/days-strip.tsx';
import { HiddenText } from '../../components/hidden-text.tsx';
import { Icon } from '../../components/icon.tsx';
import { ProgressBar } from '../../components/progress-bar.tsx';
import { StateBadge } from '../../components/state-badge.tsx';
import { type Column, type RowName, Table } from '../../components/table.tsx';
import { formatPlace } from '../../store/place.ts';
import { selectTargets } from '../../store/selectors.ts';
import { useStore } from '../../store/store.ts';
import styles from './database-table.module.css';
import { iconOf } from '../parts/destination-words.ts';
import { lagText, snapshotShare, snapshotText, toneOf, whenText } from '../parts/status-words.ts';

interface DatabaseTableProps {
  readonly databases: readonly DatabaseState[];
  readonly now: number;
  readonly isSeen: boolean;
}

export function DatabaseTable({ databases, now, isSeen }: DatabaseTableProps): ReactNode {
  return (
    <Table
      heading="Database"
      rows={databases}
      nameOf={nameOf}
      columns={columnsAt(now, isSeen)}
      className={styles.databases}
    />
  );
}

function nameOf(database: DatabaseState): RowName {
  const { id, name, path } = database;
  return {
    key: id,
    href: formatPlace({ kind: 'database', databaseId: id }),
    name,
    about: folderOf(database),
    aboutTitle: path,
  };
}

function columnsAt(now: number, isSeen: boolean): readonly Column<DatabaseState>[] {
  return [
    { heading: 'State', cell: (database) => <Standing database={database} now={now} isSeen={isSeen} /> },
    {
      heading: 'Newest point',
      isRight: true,
      cell: ({ newest }) => (newest === undefined ? '—' : formatAge(now - newest.at)),
    },
    { heading: 'Last 30 days', className: styles.days, cell: ({ days }) => <DaysStrip days={days} /> },
    { heading: 'Lag', isRight: true, cell: (database) => <Lag database={database} now={now} /> },
    {
      heading: 'History',
      isRight: true,
      className: styles.history,
      cell: ({ newest, oldestAt }) => (oldestAt === undefined ? '—' : formatSpan((newest?.at ?? now) - oldestAt)),
    },
    { heading: 'Size', isRight: true, className: styles.size, cell: ({ sizeBytes }) => formatBytes(sizeBytes) },
    { heading: 'Destinations', className: styles.targets, cell: (database) => <Targets database={database} /> },
  ];
}

interface CellProps {
  readonly database: DatabaseState;
  readonly now: number;
}

function Standing({ database, now, isSeen }: CellProps & { readonly isSeen: boolean }): ReactNode {
  const share = snapshotShare(database);
  const when = isSeen ? whenText(database, now) : undefined;
  return (
    <>
      <StateBadge tone={isSeen ? toneOf(database, now) : 'unknown'}>
        {isSeen ? statusWord(database, now) : 'Unknown'}
      </StateBadge>
      {when !== undefined && (
        <span className={styles.when}>
          <HiddenText>, </HiddenText>
          {when}
        </span>
      )}
      {share !== undefined && (
        <span className={styles.progress} title={snapshotText(database)}>
          <ProgressBar label={`First snapshot of ${database.name}`} share={share} isSlim />
        </span>
      )}
    </>
  );
}

function Lag({ database, now }: CellProps): ReactNode {
  const { bytes } = database.lag;
  return (
    <span title={bytes > 0 ? `${formatBytes(bytes)} are captured and not at every destination yet` : undefined}>
      {lagText(database, now)}
    </span>
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
