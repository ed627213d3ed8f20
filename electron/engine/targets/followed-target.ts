// A target that may become another one while it is in use: each call goes to the one of the moment. What opening it fails with is
// what the call fails with.
import { nothingAmiss, type Target } from './target.ts';

/** The target that `open` gives at each call; it is asked often, and keeps what it opened. All are of one kind. */
export function followTarget(
  { url, tellsTraffic }: Required<Pick<Target, 'url' | 'tellsTraffic'>>,
  open: () => Target,
): Target {
  return {
    url,
    tellsTraffic,
    list: async (prefix, options) => await open().list(prefix, options),
    put: async (key, body, options) => await open().put(key, body, options),
    async *get(key, options) {
      yield* open().get(key, options);
    },
    delete: async (keys, options) => await open().delete(keys, options),
    removeLeftovers: async (options) => await open().removeLeftovers?.(options),
    dateBack: async (options) => await open().dateBack?.(options),
    look: async (folders, options) => (await open().look?.(folders, options)) ?? nothingAmiss,
  };
}
