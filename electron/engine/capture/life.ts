// What there is while a database is joined.
import fs from 'node:fs';
import type { Connections } from '../source/connections.ts';
import type { FileLook, IdentityGuard } from '../source/identity.ts';
import type { WalReader } from '../source/wal-reader.ts';
import type { WalUpkeep } from '../upkeep/wal-upkeep.ts';
import type { Traces } from './verify.ts';

export interface Life {
  readonly connections: Connections;
  reader: WalReader;
  /** From the beginning of the WAL. */
  readonly readAnew: () => void;
  /** Asked whether the file is still the database that is open. */
  readonly guard: IdentityGuard;
  readonly upkeep: WalUpkeep;
  /** Reading goes on behind what was captured before. */
  goesOn: boolean;
  /** What the WAL held when it was joined was read. */
  isAnchored: boolean;
  /** How many WALs were begun. */
  wals: number;
  /** How the file and the WAL looked at the last look. */
  traces: Traces | undefined;
  /** Pages of the present WAL. */
  readonly walPages: Set<number>;
  /** Since when its sidecars do not lie beside the database any more while somebody has them open. */
  aloneSince: number | undefined;
}

/** How the file that is open looks. */
export function lookThrough({ connections }: Life): FileLook {
  const { size, mtimeMs } = fs.fstatSync(connections.fd);
  return { size, modifiedAt: mtimeMs };
}

/** The sidecars that are open here do not lie beside the database any more. */
export function isAlone({ connections, guard }: Life): boolean {
  return connections.isBeside === false || guard.isWalLost;
}
