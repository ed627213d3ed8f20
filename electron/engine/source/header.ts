// The first bytes of a database file: https://www.sqlite.org/fileformat2.html#the_database_header. Pure.

/** Bytes that {@link parseDatabaseHeader} needs. */
export const databaseHeaderBytes = 100;

export interface DatabaseHeader {
  readonly pageSize: number;
  readonly isWal: boolean;
  /** Size in pages; 0 where an old writer did not keep it. */
  readonly pages: number;
}

/** Reads the header of a SQLite database; undefined when these are not the bytes of one. */
export function parseDatabaseHeader(bytes: Uint8Array): DatabaseHeader | undefined {
  if (bytes.length < databaseHeaderBytes) return undefined;
  if (new TextDecoder('latin1').decode(bytes.subarray(0, 16)) !== 'SQLite format 3\0') return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, databaseHeaderBytes);
  const stored = view.getUint16(16);
  const pageSize = stored === 1 ? 65_536 : stored;
  if (pageSize < 512 || (pageSize & (pageSize - 1)) !== 0) return undefined;
  return { pageSize, isWal: view.getUint8(18) === 2 && view.getUint8(19) === 2, pages: view.getUint32(28) };
}
