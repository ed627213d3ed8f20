// Says that the window cannot see Tidemark, and how old is what it shows.
import type { ReactNode } from 'react';
import { formatAgo, formatDuration } from '../../../shared/format.ts';
import { retryConnection } from '../../actions/window.ts';
import { Button } from '../../components/button.tsx';
import { Note } from '../../components/note.tsx';
import { selectNow } from '../../store/selectors.ts';
import { useStore } from '../../store/store.ts';

export function ConnectionBanner(): ReactNode {
  const connection = useStore(({ view }) => view.connection);
  const now = useStore(selectNow);
  if (connection.kind !== 'lost') return undefined;
  const waitMs = connection.retryAt - now;
  return (
    <Note
      tone="attention"
      role="status"
      title="Connection lost"
      actions={<Button onPress={retryConnection}>Try now</Button>}
    >
      This window last saw Tidemark {formatAgo(connection.sinceAt, now)}. Where it is still running, protection goes on;
      from here that cannot be seen.{' '}
      {connection.attempts > 3
        ? 'If it was started again, open the address that it printed.'
        : waitMs > 1_000
          ? `Trying again in ${formatDuration(Math.round(waitMs / 1_000) * 1_000)}.`
          : 'Trying again…'}
    </Note>
  );
}
