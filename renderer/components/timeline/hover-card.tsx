// What lies under the pointer: its time, the restore point that a click would select (of a flag, the named one), and the event
// or gap there.
import type { ReactNode } from 'react';
import { formatBytes, formatClock, formatDay, formatDuration } from '../../../shared/format.ts';
import type { RestorePoint, TimelineEvent } from '../../../shared/history.ts';
import { eventText } from './geometry.ts';
import styles from './hover-card.module.css';

interface HoverCardProps {
  readonly hover: { readonly at: number; readonly isKnown: boolean; readonly point: RestorePoint | undefined };
  readonly event: TimelineEvent | undefined;
  readonly x: number;
  readonly width: number;
  readonly now: number;
}

export function HoverCard({ hover, event, x, width, now }: HoverCardProps): ReactNode {
  const { at, isKnown, point } = hover;
  return (
    <div className={styles.card} data-side={x > width - 250 ? 'left' : 'right'} style={{ '--x': `${x}px` }} aria-hidden>
      <div className={styles.time}>
        {formatDay(at, now)} {formatClock(at)}
      </div>
      {event !== undefined && <div className={styles.event}>{eventText(event)}</div>}
      {event?.kind === 'named' ? (
        <div className={styles.point}>
          <span className={styles.dot} />
          Restores to {formatClock(event.at)}
        </div>
      ) : point === undefined ? (
        isKnown && <div className={styles.none}>No restore point at or before this</div>
      ) : (
        <div className={styles.point} data-old={!isKnown || undefined}>
          <span className={styles.dot} />
          Restores to {at - point.at > 12 * 3_600_000 ? `${formatDay(point.at, now)} ` : ''}
          {formatClock(point.at)}
          <span className={styles.apart}>
            {formatDuration(Math.max(0, at - point.at))} before · {formatBytes(point.sizeBytes)}
          </span>
        </div>
      )}
    </div>
  );
}
