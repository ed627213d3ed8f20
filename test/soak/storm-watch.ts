// Watches what an engine says of a database that rests: whether it comes to say that it is protected and nothing waits, and
// stays with it.
import { setTimeout as delay } from 'node:timers/promises';
import { type Running, states } from './running.ts';

/** What is said for this long is meant. */
const meantMs = 2000;
/** By then a database that can be reached is protected. */
const withinMs = 20_000;
/** One that nobody else can reach is looked at for this long: it must only not be called protected. */
const unreachableMs = 3500;

/** Until the engine has said “protected, nothing waits” for a while, or for long did not. */
export async function watchUntilTrue(
  engine: Running,
  { file, isReachable }: { readonly file: string; readonly isReachable: boolean },
): Promise<{ readonly isProtected: boolean; readonly complaint?: string }> {
  const startedAt = performance.now();
  const seen = new Set<string>();
  let since: number | undefined;
  for (;;) {
    const now = performance.now();
    const stands = states(engine).find(([, , , of]) => of === file);
    seen.add(stands === undefined ? 'unknown' : `${stands[0]} ${stands[1]}`.trim());
    const isFine = stands?.[0] === 'protected' && stands[2] === 0;
    since = isFine ? (since ?? now) : undefined;
    if (since !== undefined && now - since >= meantMs) return { isProtected: true };
    if (now - startedAt > (isReachable || since !== undefined ? withinMs : unreachableMs)) {
      if (!isReachable) return { isProtected: false };
      const waits = stands === undefined ? '' : `, ${stands[2]} bytes wait`;
      return {
        isProtected: false,
        complaint: `not protected after ${withinMs / 1000} s: ${[...seen].join(', ')}${waits}`,
      };
    }
    await delay(20);
  }
}
