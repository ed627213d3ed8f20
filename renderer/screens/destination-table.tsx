// The destinations, one a row: name and place, state, databases, requests, bytes, limit. A narrow window shows the same as
// cards.
import { Pencil, PlugZap, Trash2 } from 'lucide-react';
import type { ReactNode } from 'react';
import { formatBytes, plural } from '../../shared/format.ts';
import type { DatabaseState, TargetState } from '../../shared/model.ts';
import { askToRemoveTarget, openAndTest } from '../actions/destinations.ts';
import { go } from '../actions/window.ts';
import { HiddenText } from '../components/hidden-text.tsx';
import { Icon } from '../components/icon.tsx';
import { MenuButton } from '../components/menu-button.tsx';
import { StateBadge } from '../components/state-badge.tsx';
import { formatPlace } from '../place.ts';
import { selectDatabases, selectIsSeen } from '../selectors.ts';
import { useStore } from '../store.ts';
import styles from './destination-table.module.css';
import { iconOf, kindText, placeText, requestKindsText, requestsText, standingOf } from './destination-words.ts';

// Roles are written out because a table that is laid out as a grid loses its own.
export function DestinationTable({ targets }: { readonly targets: readonly TargetState[] }): ReactNode {
  const databases = useStore(selectDatabases);
  return (
    <table className={styles.table} role="table">
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col">
            Destination
          </th>
          <th role="columnheader" scope="col">
            State
          </th>
          <th role="columnheader" scope="col">
            Keeps
          </th>
          <th role="columnheader" scope="col" data-right>
            Requests
          </th>
          <th role="columnheader" scope="col" data-right>
            Sent
          </th>
          <th role="columnheader" scope="col" data-right className={styles.received}>
            Received
          </th>
          <th role="columnheader" scope="col" data-right className={styles.limit}>
            Limit
          </th>
          <th role="columnheader" scope="col">
            <HiddenText>Actions</HiddenText>
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {targets.map((target) => (
          <Row key={target.id} target={target} databases={databases} />
        ))}
      </tbody>
    </table>
  );
}

interface RowProps {
  readonly target: TargetState;
  readonly databases: readonly DatabaseState[];
}

function Row({ target, databases }: RowProps): ReactNode {
  const isSeen = useStore(selectIsSeen);
  const { id, name, usage, bandwidthBytes } = target;
  const standing = standingOf(target, databases);
  return (
    <tr role="row" className={styles.row}>
      <th role="rowheader" scope="row" className={styles.name}>
        <span className={styles.glyph} data-kind={target.kind}>
          <Icon of={iconOf(target, { isBroken: target.problem !== undefined })} size={16} />
        </span>
        <span className={styles.words}>
          <a className={styles.link} href={formatPlace({ kind: 'destination', targetId: id })}>
            {name}
          </a>
          <span className={styles.place} title={target.url}>
            {target.kind === 's3' && `${kindText(target)} · `}
            {placeText(target)}
          </span>
        </span>
      </th>
      <td role="cell" data-name="State">
        <StateBadge tone={isSeen ? standing.tone : 'unknown'}>{isSeen ? standing.word : 'Unknown'}</StateBadge>
      </td>
      <td role="cell" data-name="Keeps">
        {target.databases === 0 ? 'nothing yet' : plural(target.databases, 'database')}
      </td>
      <td role="cell" data-name="Requests" data-right title={requestKindsText(usage)}>
        {requestsText(usage)}
      </td>
      <td role="cell" data-name="Sent" data-right>
        {formatBytes(usage.sentBytes)}
      </td>
      <td role="cell" data-name="Received" data-right className={styles.received}>
        {formatBytes(usage.receivedBytes)}
      </td>
      <td role="cell" data-name="Limit" data-right className={styles.limit}>
        {bandwidthBytes === undefined ? 'none' : `${formatBytes(bandwidthBytes)}/s`}
      </td>
      <td role="cell" className={styles.more}>
        <MenuButton
          label={`More about ${name}`}
          items={[
            { text: 'Test the connection', icon: PlugZap, onPick: () => void openAndTest(id) },
            { text: 'Edit…', icon: Pencil, onPick: () => go({ kind: 'destination', targetId: id }) },
            { text: 'Remove…', icon: Trash2, isDanger: true, onPick: () => askToRemoveTarget(id) },
          ]}
        />
      </td>
    </tr>
  );
}
