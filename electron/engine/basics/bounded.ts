// Bounded concurrency: several at once, never more than told, and none once one has failed.

/**
 * The results of `action` for every item, in order, at most `limit` at a time. The first failure aborts the signal that
 * the others got, and is thrown when all have ended.
 */
export async function mapBounded<T, R>(
  items: readonly T[],
  options: { readonly limit: number; readonly signal: AbortSignal },
  action: (item: T, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const results: R[] = [];
  const queue = items.entries();
  const worker = async () => {
    for (const [i, item] of queue) {
      signal.throwIfAborted();
      results[i] = await action(item, signal);
    }
  };
  const failures: unknown[] = [];
  const workers = Array.from({ length: Math.min(options.limit, items.length) }, async () => {
    try {
      await worker();
    } catch (error) {
      failures.push(error);
      stop.abort(error);
    }
  });
  await Promise.all(workers);
  options.signal.throwIfAborted();
  if (failures.length > 0) throw failures[0];
  return results;
}
