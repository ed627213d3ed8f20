// The timeline of a database: density of transactions per bin, generations as bands, events and gaps. Aggregated here, so
// that a window never gets more than it can draw.
import type { GenerationBand, Timeline, TimelineEvent } from '../../../shared/history.ts';
import type { DatabaseId } from '../../../shared/ids.ts';
import { binWidthsMs } from '../../../shared/viewport.ts';
import type { Catalogue, GenerationRow } from '../state/catalogue.ts';
import type { Store } from '../state/store.ts';
import type { Points } from './points.ts';

const overviewBins = 400;
/** Events that one answer carries at the most. */
const maxEvents = 500;

export interface TimelineQuery {
  readonly fromAt: number | undefined;
  readonly toAt: number | undefined;
  readonly bins: number;
  readonly now: number;
}

interface Sources {
  readonly catalogue: Catalogue;
  readonly store: Store;
  readonly points: Points;
}

/** What lies between two instants; the whole history without them. */
export function readTimeline(sources: Sources, databaseId: DatabaseId, query: TimelineQuery): Timeline {
  const { catalogue, points } = sources;
  const generations = catalogue.generations(databaseId);
  const newest = points.newest(databaseId);
  const firstAt = oldestRestorableAt(catalogue, databaseId);
  const oldest = firstAt === undefined ? undefined : points.atOrBefore(databaseId, firstAt);
  const historyFrom = firstAt ?? generations[0]?.startedAt ?? query.now;
  const fromAt = query.fromAt ?? historyFrom;
  const toAt = Math.max(query.toAt ?? query.now, fromAt + 1000);
  const binMs = binWidth(toAt - fromAt, query.bins);
  // Bins lie on a grid of their width, so that they do not dance while the window moves.
  const gridFrom = Math.floor(fromAt / binMs) * binMs;
  const bins = Math.min(4000, Math.ceil((toAt - gridFrom) / binMs) + 1);
  const overviewMs = binWidth(query.now - historyFrom, overviewBins);
  const overviewFrom = Math.floor(historyFrom / overviewMs) * overviewMs;
  const overviewCount = Math.min(4000, Math.ceil((query.now - overviewFrom) / overviewMs) + 1);
  return {
    databaseId,
    fromAt: gridFrom,
    toAt: gridFrom + bins * binMs,
    binMs,
    counts: catalogue.countTransactions(databaseId, { fromAt: gridFrom, binMs, bins }),
    overview: {
      fromAt: overviewFrom,
      toAt: overviewFrom + overviewCount * overviewMs,
      binMs: overviewMs,
      counts: catalogue.countTransactions(databaseId, { fromAt: overviewFrom, binMs: overviewMs, bins: overviewCount }),
    },
    generations: generationBands(generations),
    events: readEvents(sources, databaseId, { fromAt, toAt }),
    first: oldest && { position: oldest.position, at: oldest.at },
    last: newest && { position: newest.position, at: newest.at },
  };
}

/** The instant of the oldest image that lies on a target; undefined without any. */
export function oldestRestorableAt(catalogue: Catalogue, databaseId: DatabaseId): number | undefined {
  const firsts = catalogue.shipped(databaseId).map(({ first }) => first.at);
  return firsts.length === 0 ? undefined : Math.min(...firsts);
}

/** Generations as bands: each lasts until the next begins. */
function generationBands(rows: readonly GenerationRow[]): readonly GenerationBand[] {
  return rows.map((row, i) => ({
    generation: row.generation,
    fromAt: row.startedAt,
    toAt: row.lastAt,
    reason: row.reason,
    isCurrent: i === rows.length - 1,
  }));
}

function binWidth(spanMs: number, bins: number): number {
  return binWidthsMs.find((width) => spanMs / width <= bins) ?? Math.ceil(spanMs / bins);
}

function readEvents(
  { catalogue, store }: Sources,
  databaseId: DatabaseId,
  range: { readonly fromAt: number; readonly toAt: number },
): readonly TimelineEvent[] {
  const isInside = ({ at }: { readonly at: number }) => at >= range.fromAt && at <= range.toAt;
  const snapshots = catalogue
    .snapshots(databaseId)
    .filter(isInside)
    .map(({ at, pages, pageSize }) => ({ kind: 'snapshot' as const, at, sizeBytes: pages * pageSize }));
  const gaps = catalogue
    .gaps(databaseId, range)
    .map(({ fromAt, toAt, text }) => ({ kind: 'gap' as const, at: fromAt, toAt, text }));
  const restores = store.activity
    .list({ databaseId, limit: maxEvents })
    .filter((entry) => entry.kind === 'restored' && isInside(entry))
    .map(({ at, text }) => ({ kind: 'restore' as const, at, text }));
  // Of images there may be many; a gap is never left out for them.
  const others = [...gaps, ...restores].slice(-maxEvents);
  const newest = snapshots.slice(snapshots.length - Math.min(snapshots.length, maxEvents - others.length));
  return [...newest, ...others].sort((a, b) => a.at - b.at);
}
