// `databases`, `generations`, `snapshots`, `wal`: what lies in replicas, as tables or JSON. Columns are Litestream's;
// indices are hexadecimal throughout, as `restore -index` takes them.
import { formatDuration } from '../../shared/format.ts';
import type { ReplicaListing } from '../../shared/replica-listing.ts';
import { formatHex8 } from '../../shared/position.ts';
import { formatTable } from '../../shared/table.ts';
import { formatError, formatJson, formatRfc3339 } from './output.ts';
import { type Source, type SourceCommand, type SourceOptions, findSources } from './sources.ts';
import { showUrl } from './s3.ts';

export interface ListOptions extends SourceOptions {
  readonly generation?: string;
  readonly json?: boolean;
}

export type ListKind = 'databases' | 'generations' | 'snapshots' | 'wal';

interface Column {
  readonly title: string;
  readonly cell: (row: Row) => string;
}

type Row = Readonly<Record<string, string | number | readonly object[] | undefined>>;

const columns: Readonly<Record<ListKind, readonly Column[]>> = {
  databases: [text('path'), text('replica', 'replicas'), text('url')],
  generations: [
    text('replica', 'name'),
    text('generation'),
    { title: 'lag', cell: (row) => formatDuration(Number(row['lagMs'])).replaceAll(' ', '') },
    text('start'),
    text('end'),
  ],
  snapshots: [text('replica'), text('generation'), text('index'), text('size'), text('created')],
  wal: [text('replica'), text('generation'), text('index'), text('offset'), text('size'), text('created')],
};

/** Prints one listing; answers the exit code. */
export async function list(kind: ListKind, command: SourceCommand<ListOptions>): Promise<number> {
  const { subject, options, terminal } = command;
  const sources = await findSources(subject, { ...options, note: terminal.note });
  const isFromConfig = sources.every((source) => source.databasePath !== undefined);
  const { rows, failures } =
    kind === 'databases' && isFromConfig
      ? { rows: sources.map((source) => declaredRow(source)), failures: [] }
      : await readRows(kind, sources, command);
  const wanted = rows.filter((row) => options.generation === undefined || row['generation'] === options.generation);
  if (options.json === true) terminal.out(formatJson(wanted));
  else if (failures.length < sources.length) terminal.out(formatRows(kind, wanted));
  for (const failure of failures) terminal.note(formatError(failure));
  return failures.length > 0 ? 1 : 0;
}

async function readRows(
  kind: ListKind,
  sources: readonly Source[],
  { openEngine }: SourceCommand<ListOptions>,
): Promise<{ readonly rows: readonly Row[]; readonly failures: readonly unknown[] }> {
  const engine = await openEngine();
  try {
    const answers = await Promise.allSettled(
      sources.map(async (source) => listingRows(kind, source, await engine.call('listReplica', { url: source.url }))),
    );
    return {
      rows: answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : [])),
      failures: answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as unknown] : [])),
    };
  } finally {
    await engine.stop();
  }
}

/** A replica's listing as rows of one kind; the same rows are the JSON. */
export function listingRows(kind: ListKind, source: Source, listing: ReplicaListing): readonly Row[] {
  const replica = source.replicaName;
  switch (kind) {
    case 'databases':
      return [
        {
          path: listing.record?.path ?? source.databasePath,
          replica,
          url: listing.url,
          database: listing.record?.database,
          machine: listing.record?.machine,
          named: listing.record?.namedPoints.map(({ name, position, at }) => ({
            name,
            generation: position.generation,
            index: formatHex8(position.index),
            offset: position.offset,
            at: formatRfc3339(at),
          })),
        },
      ];
    case 'generations':
      return listing.generations.map((found) => ({
        replica,
        generation: found.generation,
        lagMs: found.lagMs,
        start: formatRfc3339(found.startAt),
        end: formatRfc3339(found.endAt),
      }));
    case 'snapshots':
      return listing.snapshots.map((found) => ({
        replica,
        generation: found.generation,
        index: formatHex8(found.index),
        size: found.sizeBytes,
        created: formatRfc3339(found.createdAt),
      }));
    case 'wal':
      return listing.segments.map((found) => ({
        replica,
        generation: found.generation,
        index: formatHex8(found.index),
        offset: found.offset,
        size: found.sizeBytes,
        created: formatRfc3339(found.createdAt),
      }));
  }
}

/** Rows under their titles. */
export function formatRows(kind: ListKind, rows: readonly Row[]): string {
  const shown = columns[kind];
  return formatTable([shown.map(({ title }) => title), ...rows.map((row) => shown.map(({ cell }) => cell(row)))]);
}

function declaredRow(source: Source): Row {
  return { path: source.databasePath, replica: source.replicaName, url: showUrl(source.url) };
}

function text(key: string, title = key): Column {
  return { title, cell: (row) => asText(row[key]) };
}

function asText(value: Row[string]): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '-';
}
