// A target that keeps its objects in memory: for what is asked of targets, where how they store is not the point.
import type { Target } from '../../electron/engine/targets/target.ts';
import { AppError } from '../../shared/errors.ts';

export interface MemoryTarget extends Target {
  readonly objects: Map<string, Uint8Array>;
}

/** An empty target. */
export function memoryTarget(url = 'memory:'): MemoryTarget {
  const objects = new Map<string, Uint8Array>();
  return {
    url,
    objects,
    list: async (prefix, { signal }) => {
      signal.throwIfAborted();
      const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort();
      return await Promise.resolve(keys.map((key) => ({ key, bytes: objects.get(key)?.length ?? 0, modifiedAt: 0 })));
    },
    put: async (key, body, { signal }) => {
      signal.throwIfAborted();
      const chunks: Uint8Array[] = [];
      for await (const chunk of body instanceof Uint8Array ? [body] : body) chunks.push(Uint8Array.from(chunk));
      signal.throwIfAborted();
      objects.set(key, new Uint8Array(Buffer.concat(chunks)));
      return { bytes: objects.get(key)?.length ?? 0 };
    },
    get: async function* (key, { range, signal }) {
      signal.throwIfAborted();
      const body = await Promise.resolve(objects.get(key));
      if (body === undefined) throw new AppError('object-missing', { key, path: url });
      yield body.slice(range?.start, range?.end);
    },
    delete: async (keys, { signal }) => {
      signal.throwIfAborted();
      for (const key of keys) await Promise.resolve(objects.delete(key));
    },
  };
}
