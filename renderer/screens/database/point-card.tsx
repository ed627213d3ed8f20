// The selected restore point: when exactly, what it is, where it lies, and the way back to it.
import { ChevronLeft, ChevronRight, Copy, Flag, FlagOff, History, Pencil } from 'lucide-react';
import type { ReactNode } from 'react';
import {
  formatAgo,
  formatBytes,
  formatClockUtc,
  formatInstantLocal,
  formatZone,
  plural,
} from '../../../shared/format.ts';
import type { DatabaseState } from '../../../shared/databases.ts';
import { healthOf } from '../../../shared/standing.ts';
import type { GenerationBand, RestorePoint } from '../../../shared/history.ts';
import { findNamed, type NamedPoint } from '../../../shared/named-points.ts';
import { formatPosition } from '../../../shared/position.ts';
import { stepPoint } from '../../actions/history.ts';
import { askToRemoveName, openNaming } from '../../actions/naming.ts';
import { openRestore } from '../../actions/restore.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { Empty } from '../../components/empty.tsx';
import { Facts } from '../../components/facts.tsx';
import { Icon } from '../../components/icon.tsx';
import { IconButton } from '../../components/icon-button.tsx';
import { StateBadge } from '../../components/state-badge.tsx';
import { selectNow } from '../../store/selectors.ts';
import { historyOf, useStore } from '../../store/store.ts';
import { iconOf } from '../parts/destination-words.ts';
import styles from './point-card.module.css';
import { spacedPosition } from './spaced-position.ts';

export function PointCard({ database }: { readonly database: DatabaseState }): ReactNode {
  const now = useStore(selectNow);
  const { selection, timeline } = useStore((store) => historyOf(store.view, database.id));
  const targets = useStore(({ remote }) => remote?.targets);
  const { point } = selection;
  if (point === undefined) {
    return (
      <Card label="Restore point">
        <Empty icon={History}>
          <p>
            {healthOf(database, now) === 'working'
              ? 'There is nothing to restore yet; the first image is on its way.'
              : 'There is nothing to restore.'}
          </p>
        </Empty>
      </Card>
    );
  }
  const isNewest = selection.kind === 'newest';
  const named = findNamed(database.namedPoints, point.position);
  const band = bandOf(point, timeline?.generations ?? (database.generation === undefined ? [] : [database.generation]));
  const places = point.targetIds.map((id) => {
    const target = targets?.find((one) => one.id === id);
    const isAway = target?.problem !== undefined;
    const name = target?.name ?? 'Destination';
    return { id, icon: iconOf(target, { isBroken: isAway }), name: isAway ? `${name}, not working at present` : name };
  });
  return (
    <Card label="Restore point" isPadded>
      <div className={styles.top}>
        <span className={styles.kind}>{isNewest ? 'Newest restore point' : 'Selected restore point'}</span>
        <IconButton icon={ChevronLeft} label="Previous restore point" onPress={() => void stepPoint(database.id, -1)} />
        <IconButton
          icon={ChevronRight}
          label="Next restore point"
          isDisabled={isNewest}
          onPress={() => void stepPoint(database.id, 1)}
        />
      </div>
      <div className={styles.when}>{formatInstantLocal(point.at, now)}</div>
      <div className={styles.about}>
        {formatAgo(point.at, now)} · {formatZone(point.at)} · {formatClockUtc(point.at)}
      </div>
      {named !== undefined && <PointName named={named} database={database} />}
      <div className={styles.facts}>
        <Facts
          facts={[
            {
              name: 'Size then',
              value: `${formatBytes(point.sizeBytes)} in ${plural(Math.round(point.sizeBytes / database.pageSize), 'page')}`,
            },
            { name: 'Wrote', value: plural(point.pages, 'page') },
            band === undefined ? undefined : { name: 'History', value: bandSentence(band, now) },
            {
              name: 'Position',
              value: (
                <span className={styles.position}>
                  <span className={styles.mono}>{spacedPosition(point.position)}</span>
                  <IconButton
                    icon={Copy}
                    label="Copy the position"
                    onPress={() => void navigator.clipboard.writeText(formatPosition(point.position))}
                  />
                </span>
              ),
            },
            {
              name: 'Lies on',
              value:
                places.length === 0 ? (
                  <StateBadge tone="working">this computer only, on its way to the destination</StateBadge>
                ) : (
                  <span className={styles.places}>
                    {places.map((place) => (
                      <span key={place.id} className={styles.place}>
                        <Icon of={place.icon} />
                        {place.name}
                      </span>
                    ))}
                  </span>
                ),
            },
            database.provenAt === undefined
              ? undefined
              : {
                  name: 'Last proof',
                  value: <StateBadge tone="good">Restored identically {formatAgo(database.provenAt, now)}</StateBadge>,
                },
          ]}
        />
      </div>
      <div className={styles.actions}>
        <Button kind="primary" icon={History} onPress={() => void openRestore(database.id, point)}>
          Restore to a new file…
        </Button>
        {named === undefined && (
          <Button kind="quiet" icon={Flag} onPress={() => openNaming(database.id, point)}>
            Name this point…
          </Button>
        )}
      </div>
    </Card>
  );
}

interface PointNameProps {
  readonly named: NamedPoint;
  readonly database: DatabaseState;
}

function PointName({ named, database }: PointNameProps): ReactNode {
  return (
    <div className={styles.named}>
      <Icon of={Flag} size={16} className={styles.flag} />
      <div>
        <div className={styles.name}>{named.name}</div>
        <div className={styles.meaning}>Stays until you remove the name</div>
      </div>
      <span className={styles.tools}>
        <IconButton icon={Pencil} label="Rename…" shortcut="P" onPress={() => openNaming(database.id, named)} />
        <IconButton icon={FlagOff} label="Remove the name…" onPress={() => askToRemoveName(database.id, named)} />
      </span>
    </div>
  );
}

function bandOf(point: RestorePoint, bands: readonly GenerationBand[]): GenerationBand | undefined {
  return bands.find((band) => band.generation === point.position.generation);
}

function bandSentence(band: GenerationBand, now: number): string {
  const since = formatInstantLocal(band.fromAt, now, { precision: 'minute' });
  return `since ${since.replace(/^(Today|Yesterday)/, (day) => day.toLowerCase())} · ${band.reason}`;
}
