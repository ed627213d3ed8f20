// `retain`: deletes from replicas what is not to be kept any longer, or says what that would be. What goes and in which order
// is the engine's; here is what is asked and how it is told.
import { dayMs, formatBytes, plural } from '../../shared/format.ts';
import { defaultRetention, type Retention, type RetentionPreview } from '../../shared/retention.ts';
import { formatTable } from '../../shared/table.ts';
import { formatHex8 } from '../../shared/position.ts';
import { type Reading, readDuration } from './options.ts';
import { formatError, formatJson, formatRfc3339 } from './output.ts';
import { type Source, type SourceCommand, type SourceOptions, UsageError, findSources } from './sources.ts';

export interface RetainOptions extends SourceOptions {
  readonly dryRun?: boolean;
  readonly keep?: Retention;
  /** As if it were this instant. Only for a dry run. */
  readonly at?: number;
  readonly json?: boolean;
}

/** Carries retention out on every replica that is named; answers the exit code. */
export async function retain(command: SourceCommand<RetainOptions>): Promise<number> {
  const { subject, options, terminal, openEngine } = command;
  const isDryRun = options.dryRun === true;
  const sources = await findSources(subject, { ...options, note: terminal.note });
  if (options.at !== undefined && !isDryRun) throw new UsageError('-at only goes with -dry-run');
  if (!isDryRun && sources.some((source) => retentionOf(source, options) === undefined)) {
    throw new UsageError('say what stays with -keep, or see with -dry-run what would');
  }
  const engine = await openEngine();
  let hasFailed = false;
  const results: object[] = [];
  try {
    for (const source of sources) {
      const retention = retentionOf(source, options) ?? defaultRetention;
      try {
        const { preview } = await engine.call('retainReplica', {
          url: source.url,
          retention,
          at: options.at,
          isDryRun,
        });
        results.push({ replica: source.replicaName, isDryRun, ...preview });
        if (options.json !== true) terminal.out(formatPreview(preview, { isDryRun }));
      } catch (error) {
        hasFailed = true;
        terminal.note(formatError(error));
      }
    }
  } finally {
    await engine.stop();
  }
  if (options.json === true) terminal.out(formatJson(results));
  return hasFailed ? 1 : 0;
}

/** What stays, as a table, and what goes, as a sentence. */
function formatPreview(preview: RetentionPreview, { isDryRun }: { readonly isDryRun: boolean }): string {
  const rows = preview.keptSnapshots.map(({ generation, index, at, why, names = [] }) => [
    generation,
    formatHex8(index),
    formatRfc3339(at),
    [why, ...names].join(' · '),
  ]);
  const { deletedObjects, deletedBytes, keptObjects, keptBytes, windowFromAt, held } = preview;
  const going = `${plural(deletedObjects, 'object')} (${formatBytes(deletedBytes)})`;
  const staying = `${plural(keptObjects, 'object')} (${formatBytes(keptBytes)})`;
  const [go, stay] = isDryRun ? ['would be deleted', 'would stay'] : ['deleted', 'stay'];
  const since =
    windowFromAt === undefined ? '' : ` Every transaction since ${formatRfc3339(windowFromAt)} is restorable.`;
  return [
    formatTable([['generation', 'index', 'created', 'kept for'], ...rows]),
    `${going} ${go}, ${staying} ${stay}.${held === undefined ? since : ` ${held}`}\n`,
  ].join('');
}

/** `7d`, or `7d,30d,365d`: how long every transaction, a snapshot a day and one a week stay. */
export function readRetention(text: string): Reading<Retention> {
  const [windowMs, dailyMs = 0, weeklyMs = 0, ...more] = text.split(',').map((part) => readAge(part.trim()));
  if (windowMs === undefined || Number.isNaN(windowMs + dailyMs + weeklyMs) || more.length > 0) {
    const reason = `“${text}” is no retention. Write 7d, or 7d,30d,365d: how long every transaction, a snapshot a day and one a week stay.`;
    return { kind: 'unclear', reason };
  }
  if (windowMs + dailyMs + weeklyMs === 0) {
    const reason = `“${text}” would keep the newest image alone. Write how long history stays, such as 1h or 7d,30d,365d.`;
    return { kind: 'unclear', reason };
  }
  return { kind: 'read', value: { kind: 'thinned', windowMs, dailyMs, weeklyMs } };
}

/** Milliseconds; NaN for what is no duration. */
function readAge(text: string): number {
  if (/^\d{1,5}d$/.test(text)) return Number.parseInt(text, 10) * dayMs;
  const reading = readDuration(text);
  return reading.kind === 'read' ? reading.value : Number.NaN;
}

function retentionOf(source: Source, { keep }: RetainOptions): Retention | undefined {
  return keep ?? source.retention;
}
