// What the desktop host remembers of itself between starts: window bounds, and what was explained already.
// One small JSON file in the data folder; losing it costs nothing, so a damaged one is forgotten.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const memory = z.object({
  bounds: z.object({ x: z.int(), y: z.int(), width: z.int().min(1), height: z.int().min(1) }).optional(),
  isMaximized: z.boolean().optional(),
  hasExplainedClosing: z.boolean().optional(),
});

export type DesktopMemory = Readonly<z.infer<typeof memory>>;

/** What was remembered; empty at first. */
export function readMemory(dataDir: string): DesktopMemory {
  try {
    return memory.parse(JSON.parse(readFileSync(fileIn(dataDir), 'utf8')));
  } catch {
    // @NOTE first start, or damaged: the defaults are as good.
    return {};
  }
}

/** Adds to what is remembered. */
export function remember(dataDir: string, change: DesktopMemory): void {
  const file = fileIn(dataDir);
  try {
    writeFileSync(`${file}.tmp`, JSON.stringify({ ...readMemory(dataDir), ...change }), { mode: 0o600 });
    renameSync(`${file}.tmp`, file);
  } catch {
    // @NOTE a full disk must not keep a window from closing.
  }
}

function fileIn(dataDir: string): string {
  return join(dataDir, 'desktop.json');
}
