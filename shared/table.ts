// Plain text tables for terminals.
import { plainLine } from './plain-text.ts';

/** Columns padded to their widest cell, two spaces apart, a line's end after each row. Columns in `end` align right. */
export function formatTable(
  texts: readonly (readonly string[])[],
  { end = new Set() }: { readonly end?: ReadonlySet<number> } = {},
): string {
  const rows = texts.map((row) => row.map((cell) => plainLine(cell)));
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const pad = (cell: string, column: number): string =>
    end.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0);
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => pad(cell, column))
      .join('  ')
      .trimEnd();
  return rows.map((row) => `${line(row)}\n`).join('');
}
