// Histories that Litestream 0.5 writes (LTX), known by the names of their files: below `ltx` in a folder, by levels of four digits in a
// bucket. They are not read here, only recognised, so that nothing is written beside one unawares, and none is passed over.
import { AppError } from '../../../shared/errors.ts';
import type { ObjectInfo, ObjectReader } from './object.ts';

/** A file of such a history at the root of a replica: its level, its first and its last transaction. */
const ltxKey = /^(?:ltx\/\d|000[0-9])\/[0-9a-f]{16}-([0-9a-f]{16})\.ltx$/;
const prefixes = ['ltx/', '000'];
const headerBytes = 100;
const timeOffset = 32;
const latestMs = 8.64e15;

interface LtxReader extends ObjectReader {
  readonly url: string;
  list(prefix: string, options: { readonly signal: AbortSignal }): Promise<readonly ObjectInfo[]>;
}

/** When the newest transaction of such a history at a place was made; undefined where there is none. */
export async function findLtx(
  target: LtxReader,
  options: { readonly signal: AbortSignal },
): Promise<{ readonly newestAt: number } | undefined> {
  const newest = (await listLtx(target, options)).reduce<ObjectInfo | undefined>(
    (a, b) => (a === undefined || lastOf(b) > lastOf(a) ? b : a),
    undefined,
  );
  return newest && { newestAt: (await readTime(target, newest, options)) ?? newest.modifiedAt };
}

/** Fails with `target-holds-ltx` where there is such a history at a place that is to be written to. */
export async function mustHoldNoLtx(
  target: Pick<LtxReader, 'url' | 'list'>,
  options: { readonly signal: AbortSignal },
): Promise<void> {
  if ((await listLtx(target, options)).length > 0) throw new AppError('target-holds-ltx', { path: target.url });
}

async function listLtx(
  target: Pick<LtxReader, 'list'>,
  options: { readonly signal: AbortSignal },
): Promise<readonly ObjectInfo[]> {
  const listed = await Promise.all(prefixes.map(async (prefix) => await target.list(prefix, options)));
  return listed.flat().filter(({ key }) => ltxKey.test(key));
}

/** Equally many digits are in the order of their numbers. */
function lastOf({ key }: ObjectInfo): string {
  return ltxKey.exec(key)?.[1] ?? '';
}

/** The instant in the header of a file, which copies keep; undefined where there is none that can be. */
async function readTime(
  target: LtxReader,
  { key }: ObjectInfo,
  { signal }: { readonly signal: AbortSignal },
): Promise<number | undefined> {
  const header = Buffer.alloc(headerBytes);
  let filled = 0;
  for await (const chunk of target.get(key, { range: { start: 0, end: headerBytes }, signal })) {
    header.set(chunk.subarray(0, headerBytes - filled), filled);
    filled = Math.min(headerBytes, filled + chunk.length);
  }
  if (filled < headerBytes || header.toString('latin1', 0, 4) !== 'LTX1') return undefined;
  const at = Number(header.readBigInt64BE(timeOffset));
  return at > 0 && at <= latestMs ? at : undefined;
}
