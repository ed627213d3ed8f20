// The metadata trailer of an object: what Tidemark knows about it, as a schema. Where it lies in the bytes is object.ts.
import { z } from 'zod';

const hash = z.string().regex(/^[0-9a-f]{16}$/);
const instant = z.int();

/** Entries of `commits` that one segment carries at the most; longer ones are thinned. */
export const maxCommits = 1000;

export const trailerSchema = z.object({
  v: z.literal(1),
  /** Bytes after decompression. */
  size: z.int().min(0),
  /** XXH64 of the decompressed bytes. */
  hash,
  /** State hash of the database after this object, and its construction. */
  state: z.object({ kind: z.string(), hash }).optional(),
  /** Size of the database after this object. */
  pages: z.int().min(0),
  pageSize: z.int().min(512).max(65_536),
  /** Segments: `[end offset in the index, unix milliseconds]` per restorable transaction, ascending, thinned. */
  commits: z.array(z.tuple([z.int(), instant])).optional(),
  /** Segments: per entry of `commits`, `[state hash, pages]` then: what proves a restore that cuts inside the segment. */
  states: z.array(z.tuple([hash, z.int()])).optional(),
  /** Snapshots: capture time and position of the image. */
  at: z.object({ time: instant, index: z.int().min(0), offset: z.int().min(0) }).optional(),
  /** Segments at offset 0: where the index before ended, so that a missing last segment of it is seen before a fetch. */
  follows: z.object({ index: z.int().min(0), offset: z.int().min(0) }).optional(),
  /** Where the frames came from: the application's WAL, or composed for changes in a time that was not watched. */
  origin: z
    .discriminatedUnion('kind', [
      z.object({ kind: z.literal('wal') }),
      z.object({ kind: z.literal('composed'), from: instant, to: instant }),
    ])
    .optional(),
  by: z.object({ tidemark: z.string(), sqlite: z.string() }),
});

export type Trailer = z.infer<typeof trailerSchema>;
