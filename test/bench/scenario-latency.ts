// Scenario `latency`: how soon a commit lies at its destination.
import { formatCount } from '../../shared/format.ts';
import { type Capturer, tidemark } from './capturers.ts';
import { formatMs, quantile } from './figures.ts';
import { measureLatency, rotate } from './measures.ts';
import { type Bench, heading, table } from './report.ts';

/** How soon a commit lies at its destination. */
export async function benchLatency({ folder, rounds, seconds, other }: Bench): Promise<void> {
  const eager = 'sync-interval: 10ms';
  const subjects: readonly Capturer[] = [
    tidemark('Tidemark, default (1 s)'),
    ...other('Litestream, default (1 s + 1 s)'),
    tidemark('Tidemark, sync-interval 0s', ['sync-interval: 0s']),
    ...other('Litestream, both intervals 10ms', { database: ['monitor-interval: 10ms'], replica: [eager] }),
  ];
  const delays = new Map<string, number[]>(subjects.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const subject of rotate(subjects, round)) {
      delays.get(subject.name)?.push(...(await measureLatency(subject, { folder, seconds })));
    }
  }
  heading('From a commit to its object in a folder, about 50 commits a second (smaller is better)');
  table(
    ['program', 'commits', 'p50 ms', 'p99 ms', 'longest ms', 'never seen'],
    [...delays].map(([name, all]) => {
      const seen = all.filter((ms) => !Number.isNaN(ms));
      return [
        name,
        formatCount(all.length),
        formatMs(quantile(seen, 0.5)),
        formatMs(quantile(seen, 0.99)),
        formatMs(Math.max(...seen)),
        formatCount(all.length - seen.length),
      ];
    }),
  );
}
