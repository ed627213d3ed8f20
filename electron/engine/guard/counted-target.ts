// Counts what is asked of a target and what passes: the figures that a bill is made of.
import type { TargetUsage } from '../../../shared/model.ts';
import type { Target } from '../targets/target.ts';

export type MutableUsage = { -readonly [K in keyof TargetUsage]: TargetUsage[K] };

/** Nothing yet. */
export function newUsage(): MutableUsage {
  return { puts: 0, gets: 0, lists: 0, deletes: 0, sentBytes: 0, receivedBytes: 0 };
}

/** The same target; every request counts, also one that fails. */
export function countTarget(target: Target, usage: MutableUsage): Target {
  return {
    url: target.url,
    list: async (prefix, options) => {
      usage.lists++;
      return await target.list(prefix, options);
    },
    put: async (key, body, options) => {
      usage.puts++;
      if (body instanceof Uint8Array) usage.sentBytes += body.length;
      const counted = body instanceof Uint8Array ? body : counting(body, (bytes) => (usage.sentBytes += bytes));
      return await target.put(key, counted, options);
    },
    get: (key, options) => {
      usage.gets++;
      return counting(target.get(key, options), (bytes) => (usage.receivedBytes += bytes));
    },
    delete: async (keys, options) => {
      usage.deletes++;
      await target.delete(keys, options);
    },
    removeLeftovers: async (options) => {
      if (target.removeLeftovers === undefined) return;
      usage.lists++;
      await target.removeLeftovers(options);
    },
  };
}

async function* counting(
  body: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    onBytes(chunk.length);
    yield chunk;
  }
}
