// What a replica record says of the process that claimed it, so that a new installation on the same computer can tell whether the
// former one is gone for good. Pure; what the system knows of it is ../holder.ts.
import { z } from 'zod';

const word = z.string().max(4096);

export const holderSchema = z.object({
  /** A name for the computer, of which nothing can be read. */
  computer: word,
  /** Which start of the computer it was. */
  boot: word,
  /** The process, when it began in ticks of that start, and the space of processes whose number that is. */
  pid: z.int().min(0),
  begun: word,
  space: word,
  /** The data folder that it kept its state in. */
  folder: word,
});

export type HolderNote = z.infer<typeof holderSchema>;
