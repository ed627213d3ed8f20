// Counts what is asked of a target and what passes: the figures that a bill is made of.
import type { TargetUsage } from '../../../shared/targets.ts';
import { nothingAmiss, type Target } from '../targets/target.ts';
import { hearStream, hearTraffic, type RequestKind, type Traffic } from '../targets/traffic.ts';

export type MutableUsage = { -readonly [K in keyof TargetUsage]: TargetUsage[K] };

/** Nothing yet. */
export function newUsage(): MutableUsage {
  return { puts: 0, gets: 0, lists: 0, deletes: 0, sentBytes: 0, receivedBytes: 0 };
}

/** The same target; every request counts, also one that fails. */
export function countTarget(target: Target, usage: MutableUsage): Target {
  const isTelling = target.tellsTraffic === true;
  const heard: Partial<Traffic> = {
    request: (kind) => usage[`${kind}s`]++,
    send: async (bytes) => {
      usage.sentBytes += bytes;
      return await Promise.resolve(bytes);
    },
  };
  const count = <T>(kind: RequestKind, work: () => T): T => {
    if (isTelling) return hearTraffic(heard, work);
    usage[`${kind}s`]++;
    return work();
  };
  return {
    url: target.url,
    list: async (prefix, options) => await count('list', async () => await target.list(prefix, options)),
    put: async (key, body, options) => {
      const counted = isTelling ? body : countBody(body, (bytes) => (usage.sentBytes += bytes));
      return await count('put', async () => await target.put(key, counted, options));
    },
    get: (key, options) => {
      const stream = count('get', () => target.get(key, options));
      return counting(isTelling ? hearStream(heard, stream) : stream, (bytes) => (usage.receivedBytes += bytes));
    },
    delete: async (keys, options) => {
      await count('delete', async () => await target.delete(keys, options));
    },
    removeLeftovers: async (options) => {
      if (target.removeLeftovers === undefined) return;
      await count('list', async () => await target.removeLeftovers?.(options));
    },
    // Only folders keep times, and there it is no request.
    dateBack: async (options) => await target.dateBack?.(options),
    // A look at a folder is no request.
    look: async (folders, options) =>
      (await hearTraffic(isTelling ? heard : {}, async () => await target.look?.(folders, options))) ?? nothingAmiss,
  };
}

function countBody(
  body: Uint8Array | AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void,
): Uint8Array | AsyncIterable<Uint8Array> {
  if (!(body instanceof Uint8Array)) return counting(body, onBytes);
  onBytes(body.length);
  return body;
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
