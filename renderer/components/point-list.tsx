// The timeline's twin: the same restore points as a list, newest first, as long as the history is.
import { useVirtualizer } from '@tanstack/react-virtual';
import { Flag } from 'lucide-react';
import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef } from 'react';
import { formatAgo, formatBytes, formatCount, formatInstantLocal } from '../../shared/format.ts';
import type { RestorePoint } from '../../shared/history.ts';
import { findNamed, type NamedPoint } from '../../shared/named-points.ts';
import { formatPosition } from '../../shared/position.ts';
import { classNames } from './class-names.ts';
import { HiddenText } from './hidden-text.tsx';
import { Icon } from './icon.tsx';
import styles from './point-list.module.css';

interface PointListProps {
  readonly label: string;
  /** Newest first. */
  readonly points: readonly RestorePoint[];
  readonly named: readonly NamedPoint[];
  readonly isComplete: boolean;
  readonly selected: RestorePoint | undefined;
  readonly now: number;
  readonly onSelect: (point: RestorePoint) => void;
  readonly onRestore: () => void;
  readonly onName: () => void;
  /** The end of what is loaded came into view. */
  readonly onMore: () => void;
}

const rowHeight = 30;

export function PointList(props: PointListProps): ReactNode {
  const { label, points, named, isComplete, selected, now, onSelect, onRestore, onName, onMore } = props;
  const id = useId();
  const scroller = useRef<HTMLDivElement>(null);
  const selectedKey = selected === undefined ? undefined : formatPosition(selected.position);
  const active = points.findIndex((point) => formatPosition(point.position) === selectedKey);
  // oxlint-disable-next-line react-hooks/incompatible-library
  const virtual = useVirtualizer({
    count: points.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => keyAt(points, index),
    overscan: 8,
  });
  const rows = virtual.getVirtualItems();
  const isAtEnd = (rows.at(-1)?.index ?? 0) >= points.length - 20;

  useEffect(() => {
    if (isAtEnd && !isComplete && points.length > 0) onMore();
  }, [isAtEnd, isComplete, points.length, onMore]);

  function handleKey(event: KeyboardEvent): void {
    const target = targetOf(event.key, active, points.length);
    if (target !== undefined) {
      event.preventDefault();
      const point = points[target];
      if (point !== undefined) onSelect(point);
      virtual.scrollToIndex(target, { align: 'auto' });
    } else if (event.key === 'Enter' && active >= 0) {
      event.preventDefault();
      onRestore();
    } else if (event.key.toLowerCase() === 'p' && active >= 0 && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      onName();
    }
  }

  return (
    <div className={styles.frame}>
      <div className={styles.head} aria-hidden>
        <span>Restore point</span>
        <span className={styles.ago}>Age</span>
        <span className={styles.right}>Pages written</span>
        <span className={styles.right}>Size then</span>
      </div>
      <div
        ref={scroller}
        className={styles.scroller}
        role="listbox"
        tabIndex={0}
        aria-label={label}
        aria-activedescendant={active < 0 ? undefined : `${id}-${active}`}
        onKeyDown={handleKey}
      >
        <div className={styles.space} role="presentation" style={{ '--height': `${virtual.getTotalSize()}px` }}>
          {rows.map((row) => {
            const point = points[row.index];
            if (point === undefined) return undefined;
            const name = findNamed(named, point.position)?.name;
            return (
              <div
                key={row.key}
                id={`${id}-${row.index}`}
                role="option"
                aria-selected={row.index === active}
                aria-posinset={row.index + 1}
                aria-setsize={isComplete ? points.length : -1}
                className={classNames(styles.row, row.index === active && styles.active)}
                style={{ '--top': `${row.start}px` }}
                onClick={() => onSelect(point)}
                onDoubleClick={onRestore}
              >
                <span className={styles.point}>
                  {formatInstantLocal(point.at, now, { precision: 'millisecond' })}
                  {name !== undefined && (
                    <span className={styles.name}>
                      <Icon of={Flag} size={13} className={styles.flag} />
                      <HiddenText>, named </HiddenText>
                      <span className={styles.words}>{name}</span>
                    </span>
                  )}
                </span>
                <span className={styles.ago}>{formatAgo(point.at, now)}</span>
                <span className={styles.right}>
                  {formatCount(point.pages)}
                  <HiddenText> {point.pages === 1 ? 'page' : 'pages'} written, </HiddenText>
                </span>
                <span className={styles.right}>{formatBytes(point.sizeBytes)}</span>
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

function keyAt(points: readonly RestorePoint[], index: number): string {
  const point = points[index];
  return point === undefined ? String(index) : formatPosition(point.position);
}

function targetOf(key: string, active: number, count: number): number | undefined {
  const last = count - 1;
  const at = Math.max(0, active);
  switch (key) {
    case 'ArrowDown':
      return Math.min(last, active + 1);
    case 'ArrowUp':
      return Math.max(0, active - 1);
    case 'PageDown':
      return Math.min(last, at + 8);
    case 'PageUp':
      return Math.max(0, at - 8);
    case 'Home':
      return 0;
    case 'End':
      return last;
    default:
      return undefined;
  }
}
