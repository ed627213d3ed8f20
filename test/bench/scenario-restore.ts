// Scenario `restore`: how long until the file is back.
import { formatBytes, formatCount } from '../../shared/format.ts';
import { tidemark } from './capturers.ts';
import { formatMs, formatRatio, median } from './figures.ts';
import { makeReplica, measureRestores, weigh } from './measures.ts';
import { type Bench, heading, table } from './report.ts';

/** How long until the file is back. */
export async function benchRestore({ folder, rounds, seconds, other }: Bench): Promise<void> {
  const programs = [tidemark(), ...other()];
  for (const maker of programs) {
    const replica = await makeReplica(maker, { folder, seconds });
    const { objects, bytes } = weigh(replica);
    const times = await measureRestores(programs, replica, { folder, rounds: Math.max(rounds, 5) });
    heading(
      `Restore of a replica by ${maker.name}: ${formatCount(objects)} objects, ${formatBytes(bytes)} (whole process; smaller is better)`,
    );
    const reference = median(times.get('Litestream') ?? []);
    table(
      ['restored by', 'median ms', 'of Litestream', 'shortest ms', 'longest ms', 'result checked'],
      [...times].map(([name, list]) => [
        name,
        formatMs(median(list)),
        formatRatio(median(list), reference),
        formatMs(Math.min(...list)),
        formatMs(Math.max(...list)),
        name === 'Litestream' ? 'no' : 'yes',
      ]),
    );
  }
}
