// What needs a look, per database: what happened, what is safe, what to do.
import type { ReactNode } from 'react';
import { formatBytes, formatInstantLocal, plural } from '../../../shared/format.ts';
import type { DatabaseState } from '../../../shared/databases.ts';
import { isStale } from '../../../shared/standing.ts';
import { ErrorText } from '../../components/error-text.tsx';
import { LinkButton } from '../../components/link-button.tsx';
import { Note } from '../../components/note.tsx';
import { formatPlace } from '../../store/place.ts';
import { selectDatabases, selectNow, selectTargets } from '../../store/selectors.ts';
import { useStore } from '../../store/store.ts';
import { groupProblems, type SharedProblem } from './problem-groups.ts';

export function ProblemNotes(): ReactNode {
  const databases = useStore(selectDatabases);
  const { shared, single } = groupProblems(databases, useStore(selectTargets));
  return (
    <>
      {shared.map((group) => (
        <SharedNote key={group.target.id} group={group} />
      ))}
      {single.map((database) => (
        <ProblemNote key={database.id} database={database} hasLink />
      ))}
    </>
  );
}

/** A destination that fails for several databases. */
function SharedNote({ group: { target, problem, tone, databases } }: { readonly group: SharedProblem }): ReactNode {
  const now = useStore(selectNow);
  const since = formatInstantLocal(problem.sinceAt, now, { precision: 'minute' });
  const names = databases.slice(0, 3).map(({ name }) => name);
  const rest = databases.length - names.length;
  const list = rest > 0 ? `${names.join(', ')} and ${plural(rest, 'other database')}` : names.join(', ');
  return (
    <Note
      tone={tone}
      title={`${target.name}, for ${plural(databases.length, 'database')}`}
      actions={<LinkButton href={formatPlace({ kind: 'destination', targetId: target.id })}>Open</LinkButton>}
      role="status"
    >
      <ErrorText error={problem} /> {sinceText(since)}. It concerns {list}.
    </Note>
  );
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
