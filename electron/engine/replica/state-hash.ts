// Page hashes and the state hash: one 64-bit XXH64 per page, seeded with its page number, and their XOR over all pages
// of the database but SQLite's lock page. Pure once loaded: the hash itself is a WebAssembly module without I/O.
import loadHashing from 'xxhash-wasm';

// A module constant, since every user needs it before its first byte.
export const hashing = await loadHashing();

/** Names the construction in trailers, so that another one can follow it. */
export const stateHashName = 'xxh64-page-xor';

const lockByte = 0x4000_0000;

/** The page that holds SQLite's lock bytes; never written, and left out of the state hash. */
export function lockPage(pageSize: number): number {
  return lockByte / pageSize + 1;
}

/** XXH64 of one page's bytes, seeded with its number (from 1). */
export function hashPage(page: number, bytes: Uint8Array): bigint {
  return hashing.h64Raw(bytes, BigInt(page));
}

/** XXH64 of any bytes: what trailers carry for an object's content. */
export function hashBytes(bytes: Uint8Array): bigint {
  return hashing.h64Raw(bytes);
}

/** 16 lowercase hex digits. */
export function formatHash(hash: bigint): string {
  return hash.toString(16).padStart(16, '0');
}
