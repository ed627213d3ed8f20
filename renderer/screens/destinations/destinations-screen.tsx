// Every place where histories are kept: how it stands, what it is used for, and what it cost since the engine started.
import { HardDrive, Plus } from 'lucide-react';
import type { ReactNode } from 'react';
import { formatInstantLocal } from '../../../shared/format.ts';
import { Card } from '../../components/card.tsx';
import { Empty } from '../../components/empty.tsx';
import { ErrorText } from '../../components/error-text.tsx';
import { LinkButton } from '../../components/link-button.tsx';
import { Note } from '../../components/note.tsx';
import { formatPlace } from '../../store/place.ts';
import { selectNow, selectTargets } from '../../store/selectors.ts';
import { useStore } from '../../store/store.ts';
import { DestinationTable } from './destination-table.tsx';
import styles from './destinations-screen.module.css';
import { PageHeader } from '../../components/page-header.tsx';

export function DestinationsScreen(): ReactNode {
  const targets = useStore(selectTargets);
  const now = useStore(selectNow);
  const startedAt = useStore(({ remote }) => remote?.app.startedAt) ?? now;
  const add = (
    <LinkButton href={formatPlace({ kind: 'new-destination' })} kind="primary" icon={Plus}>
      Add destination…
    </LinkButton>
  );
  return (
    <>
      <PageHeader
        title="Destinations"
        about="Where the histories of your databases are kept: folders, disks, and S3 storage."
        actions={targets.length > 0 && add}
      />
      {targets.map(
        ({ id, name, problem }) =>
          problem !== undefined && (
            <Note
              key={id}
              tone="attention"
              title={name}
              role="status"
              actions={<LinkButton href={formatPlace({ kind: 'destination', targetId: id })}>Open</LinkButton>}
            >
              <ErrorText error={problem} />
            </Note>
          ),
      )}
      <Card label="Destinations">
        {targets.length === 0 ? (
          <Empty icon={HardDrive}>
            <h2>No destination yet</h2>
            <p className={styles.about}>
              A folder on another disk, a network share, or storage that speaks S3: the history of each database can lie
              at several of them at once.
            </p>
            {add}
          </Empty>
        ) : (
          <>
            <DestinationTable targets={targets} />
            <p className={styles.end}>
              Requests and bytes are counted since Tidemark started,{' '}
              {lower(formatInstantLocal(startedAt, now, { precision: 'minute' }))}.
            </p>
          </>
        )}
      </Card>
    </>
  );
}

function lower(text: string): string {
  return text.replace(/^(Today|Yesterday)/, (day) => day.toLowerCase());
}
