// What the headless host was started with, checked; mistakes become a sentence rather than a stack.
import { parseArgs } from 'node:util';
import { AppError, reasonOf } from '../shared/errors.ts';

export interface HeadlessOptions {
  readonly dataDir: string | undefined;
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Opens the browser. */
  readonly shouldOpen: boolean;
  readonly isHelp: boolean;
}

export const headlessUsage = `Serves Tidemark to a browser on this computer.

  --data-dir <folder>   where Tidemark keeps its own data (else TIDEMARK_DATA_DIR, else the platform's place)
  --port <number>       port to listen on (else any free one)
  --host <address>      address to listen on (else 127.0.0.1); what crosses the network is not encrypted
  --no-open             only print the address
  --background          the same: start without showing anything
  --help
`;

/** Reads a command line without its program; throws `invalid-argument`. */
export function readHeadlessOptions(args: readonly string[]): HeadlessOptions {
  const values = parse(args);
  const port = Number(values.port);
  if (!/^\d+$/.test(values.port) || port > 65_535) throw invalid(`--port ${values.port} is not a port number`);
  return {
    dataDir: values['data-dir'],
    host: values.host,
    port,
    shouldOpen: values.open && !values.background,
    isHelp: values.help,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowNegative: true,
      options: {
        'data-dir': { type: 'string' },
        port: { type: 'string', default: '0' },
        host: { type: 'string', default: '127.0.0.1' },
        open: { type: 'boolean', default: true },
        background: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw invalid(reasonOf(error));
  }
}

function invalid(reason: string): AppError {
  return new AppError('invalid-argument', { reason });
}
