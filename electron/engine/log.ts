// Structured logging: JSON lines with a constant phrase and facts, to a file in the data folder that is rotated at start.
// No secrets, no row data.
import fs from 'node:fs';
import path from 'node:path';
import pino from 'pino';

export type Logger = pino.Logger;

const largestLogBytes = 10 * 1024 * 1024;

/** Opens the log in `<dataDir>/logs`; without a data folder nothing is kept. */
export function openLog(dataDir: string | undefined): Logger {
  if (dataDir === undefined) return pino({ level: 'silent' });
  const folder = path.join(dataDir, 'logs');
  fs.mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'tidemark.log');
  const { size = 0 } = fs.statSync(file, { throwIfNoEntry: false }) ?? {};
  if (size > largestLogBytes) fs.renameSync(file, `${file}.1`);
  return pino(
    { base: null, serializers: { error: pino.stdSerializers.errWithCause } },
    pino.destination({ dest: file, sync: true, append: true }),
  );
}
