// What needs a look, per database: what happened, what is safe, what to do.
import type { ReactNode } from 'react';
import { formatBytes, formatInstantLocal } from '../../shared/format.ts';
import type { DatabaseState } from '../../shared/databases.ts';
import { isStale } from '../../shared/standing.ts';
import { ErrorText } from '../components/error-text.tsx';
import { LinkButton } from '../components/link-button.tsx';
import { Note } from '../components/note.tsx';
import { formatPlace } from '../place.ts';
import { selectDatabases, selectNow } from '../selectors.ts';
import { useStore } from '../store.ts';

export function ProblemNotes(): ReactNode {
  const databases = useStore(selectDatabases);
  return databases.map((database) => <ProblemNote key={database.id} database={database} hasLink />);
}

interface ProblemNoteProps {
  readonly database: DatabaseState;
  readonly hasLink?: boolean;
}

/** Nothing, where nothing needs a look. */
export function ProblemNote({ database, hasLink = false }: ProblemNoteProps): ReactNode {
  const now = useStore(selectNow);
  const { status } = database;
  const actions = hasLink ? (
    <LinkButton href={formatPlace({ kind: 'database', databaseId: database.id })}>Open</LinkButton>
  ) : undefined;
  if (status.kind === 'attention' || status.kind === 'problem') {
    const since = formatInstantLocal(status.problem.sinceAt, now, { precision: 'minute' });
    return (
      <Note tone={status.kind} title={hasLink ? database.name : sinceText(since)} actions={actions} role="status">
        <ErrorText error={status.problem} /> {hasLink && `${sinceText(since)}.`}
        {waitingText(database)}
      </Note>
    );
  }
  if (status.kind === 'protected' && isStale(database, now)) {
    const since = formatInstantLocal(database.lag.sinceAt ?? now, now, { precision: 'minute' });
    return (
      <Note tone="attention" title={hasLink ? database.name : 'Behind'} actions={actions} role="status">
        Changes since {lower(since)} are captured on this computer, but not yet at the destination.
        {waitingText(database)}
      </Note>
    );
  }
  return undefined;
}

function waitingText(database: DatabaseState): string {
  return database.lag.bytes > 0 ? ` ${formatBytes(database.lag.bytes)} of changes wait on this computer.` : '';
}

function sinceText(since: string): string {
  return `Since ${lower(since)}`;
}

function lower(text: string): string {
  return text.replace(/^(Today|Yesterday)/, (day) => day.toLowerCase());
}
