// What the headless host was started with, checked; mistakes become a sentence rather than a stack.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { AppError, reasonOf } from '../../shared/errors.ts';
import { isLoopback } from './names.ts';

export interface HeadlessOptions {
  readonly dataDir: string | undefined;
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Origins under which a browser comes by way of something else. */
  readonly origins: readonly string[];
  /** Paths of a certificate and its key, as PEM. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** Opens the browser. */
  readonly shouldOpen: boolean;
  readonly isHelp: boolean;
}

export const headlessUsage = `Serves Tidemark to a browser on this computer.

  --data-dir <folder>   where Tidemark keeps its own data (else TIDEMARK_DATA_DIR, else the platform's place)
  --port <number>       port to listen on (else any free one)
  --host <address>      address to listen on (else 127.0.0.1); others need --cert and --key, or --plain-http
  --origin <origin>     where a browser reaches it by way of something else: a forwarded port (http://localhost:8080), a
                        proxy (https://backup.example); may be given several times
  --cert, --key <file>  speak HTTPS, with this certificate and its key (PEM)
  --plain-http          speak HTTP on other addresses too: whoever listens on the way reads and copies every database
  --no-open             only print the address
  --background          the same: start without showing anything
  --help
`;

/** Reads a command line without its program; throws `invalid-argument`. */
export function readHeadlessOptions(args: readonly string[]): HeadlessOptions {
  const values = parse(args);
  const port = Number(values.port);
  if (!/^\d+$/.test(values.port) || port > 65_535) throw invalid(`--port ${values.port} is not a port number`);
  const origins = values.origin.map((text) => readOrigin(text));
  const { host, cert, key } = values;
  if ((cert === undefined) !== (key === undefined)) throw invalid('--cert and --key are given together');
  const tls = cert === undefined || key === undefined ? undefined : { cert, key };
  const isPlain = tls === undefined && !values['plain-http'];
  if (isPlain && !isLoopback(host)) throw invalid(plainOn(`--host ${host}`));
  const exposed = origins.find((origin) => origin.startsWith('http:') && !isLoopback(new URL(origin).hostname));
  if (exposed !== undefined && !values['plain-http']) throw invalid(plainOn(`--origin ${exposed}`));
  return {
    dataDir: values['data-dir'],
    host,
    port,
    origins,
    tls,
    shouldOpen: values.open && !values.background,
    isHelp: values.help,
  };
}

/** The content of the files that HTTPS needs; throws `invalid-argument` where one cannot be read. */
export function readTlsFiles({ tls }: Pick<HeadlessOptions, 'tls'>): { cert: Buffer; key: Buffer } | undefined {
  if (tls === undefined) return undefined;
  const read = (option: string, file: string): Buffer => {
    try {
      return readFileSync(file);
    } catch (error) {
      throw invalid(`${option} ${file} cannot be read: ${reasonOf(error)}`);
    }
  };
  return { cert: read('--cert', tls.cert), key: read('--key', tls.key) };
}

/** An origin as browsers write it. */
function readOrigin(text: string): string {
  const url = URL.parse(text);
  const isOrigin =
    url !== null &&
    /^https?:$/.test(url.protocol) &&
    /^https?:\/\/[^/?#@\\]+\/?$/i.test(text) &&
    url.username === '' &&
    url.password === '';
  if (!isOrigin)
    throw invalid(`--origin ${text} is no origin: write it as https://backup.example or http://localhost:8080`);
  return url.origin;
}

function plainOn(option: string): string {
  return (
    `${option} would send what your databases hold over the network for anybody on the way to read. ` +
    'Give it a certificate with --cert and --key, leave it on 127.0.0.1 behind ssh -L or a proxy with --origin, ' +
    'or say --plain-http as well'
  );
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
        origin: { type: 'string', multiple: true, default: [] },
        cert: { type: 'string' },
        key: { type: 'string' },
        'plain-http': { type: 'boolean', default: false },
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
