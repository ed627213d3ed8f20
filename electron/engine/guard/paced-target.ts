// A target whose bodies pass no faster than allowed, in both directions. Without a limit everything passes untouched.
import type { Lane } from '../basics/rows.ts';
import type { Target } from '../targets/target.ts';
import { hearTraffic } from '../targets/traffic.ts';
import type { Bandwidth } from './bandwidth.ts';

interface Pacing {
  /** The target holds bodies back and tells when bytes leave: they are paced there. */
  readonly isTelling: boolean;
  readonly sent: Bandwidth;
  readonly received: Bandwidth;
  readonly lane: Lane;
}

/** The same target, paced. A limit that is set later counts for bodies that are on their way. */
export function paceTarget(target: Target, { isTelling, sent, received, lane }: Pacing): Target {
  return {
    url: target.url,
    list: async (prefix, options) => await target.list(prefix, options),
    put: async (key, body, options) => {
      const { signal } = options;
      if (isTelling) {
        const send = async (bytes: number): Promise<number> => {
          const slice = Math.min(bytes, sent.sliceBytes);
          await sent.take(slice, { lane, signal });
          return slice;
        };
        return await hearTraffic({ send }, async () => await target.put(key, body, options));
      }
      const isWhole = body instanceof Uint8Array;
      const sliced = isWhole && sent.limit === undefined ? body : slices(body, sent, { lane, signal });
      return await target.put(key, sliced, options);
    },
    get: (key, options) => slices(target.get(key, options), received, { lane, signal: options.signal }),
    delete: async (keys, options) => await target.delete(keys, options),
    removeLeftovers: async (options) => await target.removeLeftovers?.(options),
    dateBack: async (options) => await target.dateBack?.(options),
  };
}

/** A body in slices, each handed on when its bytes may pass. */
async function* slices(
  body: Uint8Array | AsyncIterable<Uint8Array>,
  bandwidth: Bandwidth,
  options: { readonly lane: Lane; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  for await (const chunk of body instanceof Uint8Array ? [body] : body) {
    for (let at = 0; at < chunk.length;) {
      const slice = chunk.subarray(at, at + Math.min(chunk.length - at, bandwidth.sliceBytes));
      await bandwidth.take(slice.length, options);
      yield slice;
      at += slice.length;
    }
  }
}
