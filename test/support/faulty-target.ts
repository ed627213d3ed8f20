// A target that fails on purpose: wraps a real one and injects, call by call, what networks and disks do. What the rules
// do not name goes through unharmed.
import { setTimeout as delay } from 'node:timers/promises';
import type { Target } from '../../electron/engine/targets/target.ts';
import { AppError, type ErrorCode } from '../../shared/errors.ts';

export type Fault =
  /** Fails before anything happened. */
  | { readonly kind: 'before'; readonly code?: ErrorCode }
  /** Fails after about this many bytes of the body. */
  | { readonly kind: 'mid-body'; readonly bytes: number; readonly code?: ErrorCode }
  /** Does not answer before this resolves. On abort it ends, unless it is deaf. */
  | { readonly kind: 'hang'; readonly until: Promise<void>; readonly isDeaf?: boolean }
  /** Does the work, then fails all the same: the answer was lost. */
  | { readonly kind: 'after'; readonly code?: ErrorCode }
  /** Ends a read early, without an error. */
  | { readonly kind: 'short-read'; readonly bytes: number }
  /** Changes one byte of a read. */
  | { readonly kind: 'flip'; readonly at: number };

export interface FaultyTarget extends Target {
  /** Every call so far, such as `get generations/…`. */
  readonly calls: readonly string[];
}

export interface FaultRules {
  /** The fault of a call, if any. */
  readonly fault?: (verb: 'list' | 'put' | 'get' | 'delete', key: string) => Fault | undefined;
  /** Waits this long before each call and each chunk. */
  readonly latencyMs?: number;
  /** Cuts what is read into pieces of at most this size. */
  readonly pieceBytes?: number;
}

/** A target that does what `inner` does, but for the faults. */
export function faultyTarget(inner: Target, rules: FaultRules): FaultyTarget {
  const calls: string[] = [];
  const begin = async (verb: 'list' | 'put' | 'get' | 'delete', key: string, signal: AbortSignal) => {
    calls.push(`${verb} ${key}`);
    if (rules.latencyMs !== undefined) await delay(rules.latencyMs);
    signal.throwIfAborted();
    const fault = rules.fault?.(verb, key);
    if (fault?.kind === 'before') throw failure(fault.code);
    if (fault?.kind === 'hang')
      await Promise.race([fault.until, fault.isDeaf === true ? fault.until : aborted(signal)]);
    signal.throwIfAborted();
    return fault;
  };
  return {
    calls,
    url: inner.url,
    removeLeftovers: async (options) => await inner.removeLeftovers?.(options),
    dateBack: async (options) => await inner.dateBack?.(options),
    async list(prefix, options) {
      const fault = await begin('list', prefix, options.signal);
      const listed = await inner.list(prefix, options);
      if (fault?.kind === 'after') throw failure(fault.code);
      return listed;
    },
    async put(key, body, options) {
      const fault = await begin('put', key, options.signal);
      const sent = fault?.kind === 'mid-body' ? breakOff(streamOf(body), fault) : body;
      const stored = await inner.put(key, sent, options);
      if (fault?.kind === 'after') throw failure(fault.code);
      return stored;
    },
    async *get(key, options) {
      const fault = await begin('get', key, options.signal);
      let stream = inner.get(key, options);
      if (fault?.kind === 'mid-body') stream = breakOff(stream, fault);
      if (fault?.kind === 'short-read') stream = cutShort(stream, fault.bytes);
      if (fault?.kind === 'flip') stream = flip(stream, fault.at);
      for await (const chunk of stream) {
        for (let at = 0; at < chunk.length; at += rules.pieceBytes ?? chunk.length) {
          if (rules.latencyMs !== undefined) await delay(rules.latencyMs);
          options.signal.throwIfAborted();
          yield chunk.subarray(at, at + (rules.pieceBytes ?? chunk.length));
        }
      }
      if (fault?.kind === 'after') throw failure(fault.code);
    },
    async delete(keys, options) {
      const fault = await begin('delete', keys.join(' '), options.signal);
      await inner.delete(keys, options);
      if (fault?.kind === 'after') throw failure(fault.code);
    },
  };
}

async function aborted(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

function failure(code: ErrorCode = 'target-failed'): AppError {
  return new AppError(code, { path: '/faulty', reason: 'injected by a test' });
}

async function* streamOf(body: Uint8Array | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (body instanceof Uint8Array) yield await Promise.resolve(body);
  else yield* body;
}

async function* breakOff(
  stream: AsyncIterable<Uint8Array>,
  fault: { readonly bytes: number; readonly code?: ErrorCode },
): AsyncGenerator<Uint8Array> {
  yield* cutShort(stream, fault.bytes);
  throw failure(fault.code);
}

async function* cutShort(stream: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  let left = bytes;
  for await (const chunk of stream) {
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) return;
  }
}

async function* flip(stream: AsyncIterable<Uint8Array>, place: number): AsyncGenerator<Uint8Array> {
  let at = 0;
  for await (const chunk of stream) {
    const changed = Uint8Array.from(chunk);
    if (place >= at && place < at + chunk.length) changed[place - at] = (changed[place - at] ?? 0) ^ 0x20;
    yield changed;
    at += chunk.length;
  }
}
