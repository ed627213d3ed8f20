// Structured logging: JSON lines with a constant phrase and facts, to a file in the data folder. No secrets, no row data.
// Nothing that happens to that file matters to whoever logs: log-file.ts.
import path from 'node:path';
import pino from 'pino';
import { LogFile } from './log-file.ts';

export type Logger = pino.Logger;

export interface Log extends AsyncDisposable {
  readonly logger: Logger;
}

/** Opens the log in `<dataDir>/logs`, never failing; without a data folder nothing is kept. Disposing writes what waits. */
export function openLog(dataDir: string | undefined): Log {
  if (dataDir === undefined) return { logger: pino({ level: 'silent' }), [Symbol.asyncDispose]: async () => {} };
  const file = new LogFile(path.join(dataDir, 'logs', 'tidemark.log'));
  const logger = pino({ base: null, serializers: { error: pino.stdSerializers.errWithCause } }, file);
  return { logger, [Symbol.asyncDispose]: async () => await file[Symbol.asyncDispose]() };
}
