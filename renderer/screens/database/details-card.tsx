// What protecting this database costs and how it stands, for who looks closely: closed until it is asked for.
import { type ReactNode, useEffect, useId } from 'react';
import { formatInstantLocal } from '../../../shared/format.ts';
import type { DatabaseDetails, DatabaseState } from '../../../shared/databases.ts';
import { showDetails, watchDetails } from '../../actions/details.ts';
import { Card } from '../../components/card.tsx';
import { Disclosure } from '../../components/disclosure.tsx';
import { ErrorText } from '../../components/error-text.tsx';
import { Facts } from '../../components/facts.tsx';
import { Note } from '../../components/note.tsx';
import { selectDetails, selectNow } from '../../store/selectors.ts';
import { useStore } from '../../store/store.ts';
import { detailFigures, type FigureGroup } from './detail-figures.ts';
import styles from './details-card.module.css';
import { spacedPosition } from './spaced-position.ts';

export function DetailsCard({ database }: { readonly database: DatabaseState }): ReactNode {
  const isOpen = useStore(({ view }) => view.areDetailsShown);
  return (
    <Card label="Details">
      <Disclosure
        title="Details"
        about="what protecting costs, and how it stands"
        isOpen={isOpen}
        onToggle={showDetails}
        isCard
      >
        <Watched database={database} />
      </Disclosure>
    </Card>
  );
}

function Watched({ database }: { readonly database: DatabaseState }): ReactNode {
  const { details, error } = useStore(selectDetails(database.id)) ?? {};
  useEffect(() => watchDetails(database.id), [database.id]);
  if (error !== undefined) {
    return (
      <Note tone="problem" role="status">
        <ErrorText error={error} />
      </Note>
    );
  }
  if (details === undefined) return <p className={styles.waiting}>Asking the engine…</p>;
  return <Figures database={database} details={details} />;
}

interface FiguresProps {
  readonly database: DatabaseState;
  readonly details: DatabaseDetails;
}

function Figures({ database, details }: FiguresProps): ReactNode {
  const now = useStore(selectNow);
  const targets = useStore(({ remote }) => remote?.targets) ?? [];
  const { captured, lastProblem } = details;
  return (
    <>
      <div className={styles.groups}>
        {detailFigures(details, { pageSize: database.pageSize, targets, now }).map((group) => (
          <Group key={group.heading} group={group} />
        ))}
      </div>
      <div className={styles.rest}>
        <Facts
          facts={[
            captured && {
              name: 'Position',
              value: <span className={styles.mono}>{spacedPosition(captured.position)}</span>,
            },
            {
              name: 'Last problem',
              value:
                lastProblem === undefined ? (
                  'None since Tidemark started'
                ) : (
                  <>
                    {formatInstantLocal(lastProblem.sinceAt, now)}: <ErrorText error={lastProblem} />
                  </>
                ),
            },
          ]}
        />
      </div>
    </>
  );
}

function Group({ group: { heading, figures } }: { readonly group: FigureGroup }): ReactNode {
  const id = useId();
  return (
    <section aria-labelledby={id}>
      <h3 id={id} className={styles.heading}>
        {heading}
      </h3>
      <dl>
        {figures.map(({ id: about, name, value }) => (
          <div key={about ?? name} className={styles.figure}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
