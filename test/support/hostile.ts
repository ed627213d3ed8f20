// What somebody may make of sound bytes on purpose, for properties: flipped, cut, doubled, put in another order, spliced with others,
// and numbers set to the greatest and the strangest values that their field can hold.
import fc from 'fast-check';
import { formatSkippable } from '../../electron/engine/replica/lz4-frame.ts';
import { formatHash, hashing } from '../../electron/engine/replica/state-hash.ts';

/** What is done to bytes; `at` and `to` are parts of a thousand of their length. */
export type Twist =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'cut' | 'cut-start'; readonly at: number }
  | { readonly kind: 'double' | 'swap' | 'remove'; readonly at: number; readonly to: number }
  | { readonly kind: 'word'; readonly at: number; readonly word: number; readonly isBig: boolean }
  | { readonly kind: 'fill'; readonly at: number; readonly byte: number; readonly length: number }
  | { readonly kind: 'splice'; readonly at: number };

const part = fc.nat({ max: 1000 });
/** Lengths, sizes and counts at which somebody may have stopped thinking. */
export const extremeWord = fc.constantFrom(0, 1, 7, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_fffe, 0xffff_ffff);

export const twist: fc.Arbitrary<Twist> = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: part, bit: fc.nat({ max: 7 }) }),
  fc.record({ kind: fc.constantFrom('cut' as const, 'cut-start' as const), at: part }),
  fc.record({ kind: fc.constantFrom('double' as const, 'swap' as const, 'remove' as const), at: part, to: part }),
  fc.record({ kind: fc.constant('word' as const), at: part, word: extremeWord, isBig: fc.boolean() }),
  fc.record({
    kind: fc.constant('fill' as const),
    at: part,
    byte: fc.constantFrom(0, 0xff),
    length: fc.nat({ max: 200 }),
  }),
  fc.record({ kind: fc.constant('splice' as const), at: part }),
);

/** Does it; `other` is what is spliced in. */
export function applyTwist(bytes: Uint8Array, done: Twist, other: Uint8Array): Buffer {
  const whole = Buffer.from(bytes);
  const placeOf = (n: number): number => Math.floor((whole.length * n) / 1001);
  const at = placeOf(done.at);
  switch (done.kind) {
    case 'flip':
      if (at < whole.length) whole[at] = (whole[at] ?? 0) ^ (1 << done.bit);
      return whole;
    case 'cut':
      return whole.subarray(0, at);
    case 'cut-start':
      return whole.subarray(at);
    case 'double':
    case 'swap':
    case 'remove': {
      const [from, to] = [at, placeOf(done.to)].sort((a, b) => a - b) as [number, number];
      const [before, between, after] = [whole.subarray(0, from), whole.subarray(from, to), whole.subarray(to)];
      if (done.kind === 'remove') return Buffer.concat([before, after]);
      return Buffer.concat(done.kind === 'double' ? [before, between, between, after] : [between, before, after]);
    }
    case 'word':
      if (at + 4 <= whole.length) {
        if (done.isBig) whole.writeUInt32BE(done.word, at);
        else whole.writeUInt32LE(done.word, at);
      }
      return whole;
    case 'fill':
      return whole.fill(done.byte, at, Math.min(whole.length, at + done.length));
    case 'splice':
      return Buffer.concat([whole.subarray(0, at), other.subarray(Math.floor((other.length * done.at) / 1001))]);
  }
}

/** Values for a field of JSON that somebody writes who wants harm. */
export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(0, -1, -0, 1.5, 1e300, -1e300, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 63, 1e-320),
  fc.constantFrom<unknown>(null, true, '', '0', 'x'.repeat(10_000), '\u0000', '\u001b[2J', '\ud800', '__proto__'),
  fc.constantFrom<unknown>(
    [],
    {},
    [[]],
    [null],
    Array.from({ length: 5000 }, () => [1, 1]),
    { v: 1 },
  ),
);

/** A copy of a value with one of the leaves in it, or a whole branch, exchanged for another value. */
export function exchangeLeaf(value: unknown, n: number, other: unknown): unknown {
  const copy: unknown = structuredClone(value);
  const places: (readonly [object, string])[] = [];
  const collect = (within: unknown): void => {
    if (typeof within !== 'object' || within === null) return;
    for (const [name, inner] of Object.entries(within)) {
      places.push([within, name]);
      collect(inner);
    }
  };
  collect(copy);
  const place = places[n % Math.max(1, places.length)];
  if (place !== undefined) Object.assign(place[0], { [place[1]]: other });
  return copy;
}

/** The trailer that says this, with a checksum that is right: as somebody makes it who knows how. */
export function forgeTrailer(fields: unknown): Buffer {
  const text = JSON.stringify(fields);
  const json = Buffer.from(`${text.slice(0, -1)},"check":"${formatHash(hashing.h64(text))}"}`);
  const footer = Buffer.alloc(8);
  footer.writeUInt32LE(json.length, 0);
  footer.write('TIDE', 4);
  return Buffer.from(formatSkippable(0xd, Buffer.concat([json, footer])));
}
