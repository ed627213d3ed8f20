// A history that is shipped to a bucket through a proxy that breaks one request in a few, and what comes back of it: with us
// through the same proxy, with the real litestream from the server itself.
import fs from 'node:fs';
import { findLitestream, runLitestream } from '../../electron/demo/litestream-binary.ts';
import { must } from '../../shared/assert.ts';
import { openTestEngine } from './engine.ts';
import {
  type FaultyProxy,
  internalError,
  type ProxiedRequest,
  type ProxyFault,
  slowDown,
  startFaultyProxy,
  tooMany,
} from './faulty-proxy.ts';
import { startScript } from './processes.ts';
import { startS3Server } from './s3-server.ts';
import { makeDatabase } from './application.ts';
import { type TempFolder, until } from './temp.ts';

export interface ShippedThroughFaults {
  readonly requests: number;
  readonly faults: number;
  /** The database, and what was restored of it. */
  readonly source: string;
  readonly ours: string;
  readonly theirs: string;
  readonly tables: readonly string[];
  /** What the engine told anybody, as text. */
  readonly told: string;
}

const faults: readonly ProxyFault[] = [
  slowDown,
  { kind: 'cut-answer', bytes: 40 },
  { kind: 'latency', ms: 60 },
  { kind: 'lose-answer' },
  tooMany,
  { kind: 'cut-request', bytes: 500 },
  internalError,
  { kind: 'truncate', bytes: 90 },
];

/** Breaks every third request, by turns. */
function breakSome(proxy: FaultyProxy, count: { faults: number }): void {
  proxy.fault = ({ number, url }: ProxiedRequest) => {
    if (number % 3 > 0) return undefined;
    const fault = faults[(number / 3) % faults.length];
    // Cut to a size that its header names, a body does not tell what is missing; no server does that to an object.
    if (fault?.kind === 'truncate' && !url.includes('list-type')) return undefined;
    count.faults++;
    return fault;
  };
}

export async function shipThroughFaults(
  folder: TempFolder,
  options: { readonly seed: number; readonly transactions: number; readonly secret: string },
): Promise<ShippedThroughFaults> {
  await using server = await startS3Server();
  await using proxy = await startFaultyProxy({ upstream: server.endpoint });
  const bucket = await server.makeBucket();
  const source = folder.at('shop.db');
  makeDatabase(source, 'CREATE TABLE before(a)');
  const count = { faults: 0 };
  const keys = `access-key-id=tester&secret-access-key=${options.secret}`;
  const url = `s3://${bucket}/shop.db?endpoint=${proxy.endpoint}&region=us-east-1&${keys}`;
  const told: string[] = [];
  const databases = [{ path: source, enableWal: false, replicas: [{ url, syncIntervalMs: 50 }] }];
  const setup = { isDeclaredOnly: true };
  const tables = ['t0', 't1'];
  {
    await using engine = openTestEngine(folder.at('data'), setup);
    told.push(JSON.stringify(await engine.call('protectDeclared', { databases })));
    const { id } = await until('it is known', () => engine.state().databases[0]);
    breakSome(proxy, count);
    const writers = tables.map((table, i) =>
      startScript('writer.ts', [
        `--database=${source}`,
        `--table=${table}`,
        `--mode=${i === 0 ? 'small' : 'truncate'}`,
        `--seed=${options.seed + i}`,
        `--count=${options.transactions}`,
        '--pause=15',
      ]),
    );
    for (const writer of writers) {
      const code = await writer.ended;
      if (code !== 0) throw new Error(writer.output());
    }
    await engine.waitFor(id, 'everything is shipped', ({ lag }) => lag.bytes === 0);
    told.push(JSON.stringify(engine.state()));
  }
  const ours = folder.at('ours.db');
  {
    await using engine = openTestEngine(folder.at('data'), setup);
    await engine.call('protectDeclared', { databases });
    const { id } = await until('it is known', () => engine.state().databases[0]);
    const points = await engine.points(id);
    told.push(JSON.stringify(await engine.restore(id, must(points.at(-1), 'there is history'), ours)));
    told.push(JSON.stringify(engine.state()));
  }
  const theirs = folder.at('theirs.db');
  // This form of an address is the one that makes litestream speak to a server on this computer.
  const address = `s3://${bucket}.localhost:${new URL(server.endpoint).port}/shop.db`;
  await runLitestream(must(findLitestream(), 'npm brought it'), ['restore', '-o', theirs, address]);
  for (const file of fs.readdirSync(folder.at('data'), { recursive: true, encoding: 'utf8' })) {
    const path = folder.at('data', file);
    if (fs.statSync(path).isFile()) told.push(fs.readFileSync(path, 'latin1'));
  }
  return { requests: proxy.requests.length, faults: count.faults, source, ours, theirs, tables, told: told.join('\n') };
}
