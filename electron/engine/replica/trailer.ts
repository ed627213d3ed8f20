// The metadata trailer of an object: what Tidemark knows about it, as a schema. Where it lies in the bytes is object.ts.
import { z } from 'zod';
import {
  generationSchema,
  indexSchema,
  instantSchema,
  offsetSchema,
  pageSizeSchema,
  pagesSchema,
  sequenceSchema,
} from './bounds.ts';

const hash = z.string().regex(/^[0-9a-f]{16}$/);
const instant = instantSchema;
const place = { index: indexSchema, offset: offsetSchema };

/** Entries of `commits` that one segment carries at the most; longer ones are thinned. */
export const maxCommits = 1000;

export const trailerSchema = z.object({
  v: z.literal(1),
  /** Bytes after decompression. */
  size: z.int().min(0),
  /** XXH64 of the decompressed bytes. */
  hash,
  /** State hash of the database after this object, and its construction. */
  state: z.object({ kind: z.string().max(64), hash }).optional(),
  /** Size of the database after this object. */
  pages: pagesSchema,
  pageSize: pageSizeSchema,
  /** Where it was put: a copy under another name is none of that place's history. Absent in what earlier versions wrote. */
  place: z.object({ generation: generationSchema, ...place }).optional(),
  /**
   * Orders the generations of a replica by when they were begun: more than that of every one that was known there before. No clock
   * says that.
   */
  sequence: sequenceSchema.optional(),
  /** Segments: `[end offset in the index, unix milliseconds]` per restorable transaction, ascending, thinned. */
  commits: z
    .array(z.tuple([offsetSchema, instant]))
    .max(10 * maxCommits)
    .optional(),
  /** Segments: per entry of `commits`, `[state hash, pages]` then: what proves a restore that cuts inside the segment. */
  states: z
    .array(z.tuple([hash, pagesSchema]))
    .max(10 * maxCommits)
    .optional(),
  /** Snapshots: capture time and position of the image; `confirmed`: what the clock was known to have reached, whatever it showed. */
  at: z.object({ time: instant, ...place, confirmed: instant.optional() }).optional(),
  /** Segments at offset 0: where the index before ended, so that a missing last segment of it is seen before a fetch. */
  follows: z.object(place).optional(),
  /** Where the frames came from: the application's WAL, or composed for changes in a time that was not watched. */
  origin: z
    .discriminatedUnion('kind', [
      z.object({ kind: z.literal('wal') }),
      z.object({ kind: z.literal('composed'), from: instant, to: instant }),
    ])
    .optional(),
  by: z.object({ tidemark: z.string().max(256), sqlite: z.string().max(256) }),
});

export type Trailer = z.infer<typeof trailerSchema>;
