// The destinations, one a row: name and place, state, databases, requests, bytes, limit. A narrow window shows the same as
// cards.
import { Pencil, PlugZap, Trash2 } from 'lucide-react';
import type { ReactNode } from 'react';
import { formatBytes, plural } from '../../../shared/format.ts';
import { standingOf } from '../../../shared/standing.ts';
import type { TargetState } from '../../../shared/targets.ts';
import { askToRemoveTarget, openAndTest } from '../../actions/destinations.ts';
import { go } from '../../actions/window.ts';
import { Icon } from '../../components/icon.tsx';
import { MenuButton } from '../../components/menu-button.tsx';
import { StateBadge } from '../../components/state-badge.tsx';
import { type Column, type RowName, Table } from '../../components/table.tsx';
import { formatPlace } from '../../store/place.ts';
import { selectDatabases, selectIsSeen } from '../../store/selectors.ts';
import { useStore } from '../../store/store.ts';
import styles from './destination-table.module.css';
import { iconOf, kindText, placeText, requestKindsText, requestsText } from '../parts/destination-words.ts';

export function DestinationTable({ targets }: { readonly targets: readonly TargetState[] }): ReactNode {
  const databases = useStore(selectDatabases);
  const isSeen = useStore(selectIsSeen);
  return (
    <Table
      heading="Destination"
      rows={targets}
      nameOf={nameOf}
      columns={[{ heading: 'State', cell: (target) => standing(target) }, ...columns]}
      className={styles.destinations}
    />
  );

  function standing(target: TargetState): ReactNode {
    const { tone, word } = standingOf(target, databases);
    return <StateBadge tone={isSeen ? tone : 'unknown'}>{isSeen ? word : 'Unknown'}</StateBadge>;
  }
}

const columns: readonly Column<TargetState>[] = [
  {
    heading: 'Keeps',
    cell: ({ databases }) => (databases === 0 ? 'nothing yet' : plural(databases, 'database')),
  },
  {
    heading: 'Requests',
    isRight: true,
    title: ({ usage }) => requestKindsText(usage),
    cell: ({ usage }) => requestsText(usage),
  },
  { heading: 'Sent', isRight: true, cell: ({ usage }) => formatBytes(usage.sentBytes) },
  {
    heading: 'Received',
    isRight: true,
    className: styles.received,
    cell: ({ usage }) => formatBytes(usage.receivedBytes),
  },
  {
    heading: 'Limit',
    isRight: true,
    className: styles.limit,
    cell: ({ bandwidthBytes }) => (bandwidthBytes === undefined ? 'none' : `${formatBytes(bandwidthBytes)}/s`),
  },
  { heading: 'Actions', isHeadingHidden: true, className: styles.more, cell: (target) => <More target={target} /> },
];

function nameOf(target: TargetState): RowName {
  const { id, name, url, kind, problem } = target;
  return {
    key: id,
    href: formatPlace({ kind: 'destination', targetId: id }),
    name,
    about: kind === 's3' ? `${kindText(target)} · ${placeText(target)}` : placeText(target),
    aboutTitle: url,
    glyph: (
      <span className={styles.glyph}>
        <Icon of={iconOf(target, { isBroken: problem !== undefined })} size={16} />
      </span>
    ),
  };
}

function More({ target: { id, name } }: { readonly target: TargetState }): ReactNode {
  return (
    <MenuButton
      label={`More about ${name}`}
      items={[
        { text: 'Test the connection', icon: PlugZap, onPick: () => void openAndTest(id) },
        { text: 'Edit…', icon: Pencil, onPick: () => go({ kind: 'destination', targetId: id }) },
        { text: 'Remove…', icon: Trash2, isDanger: true, onPick: () => askToRemoveTarget(id) },
      ]}
    />
  );
}
