// The headless host: the application without Electron, for a browser on the same machine, and for machines without a
// display. Entry of `npm start` where Electron cannot run. Owns the engine, the demo and the server, and their orderly end.
import { homedir } from 'node:os';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { AppError, errorSentence, reasonOf } from '../shared/errors.ts';
import type { HostInfo } from '../shared/model.ts';
import { resolveDataDir } from './data-dir.ts';
import { startNodeProcess } from './demo-process.ts';
import { createDemo } from './demo.ts';
import { startEngine, workerBeside } from './engine-host.ts';
import { startHeadlessServer } from './headless-server.ts';
import { createHostApi, notAvailable } from './host-api.ts';
import { openInBrowser } from './open-browser.ts';

const usage = `Serves Tidemark to a browser on this computer.

  --data-dir <folder>   where Tidemark keeps its own data (else TIDEMARK_DATA_DIR, else the platform's place)
  --port <number>       port to listen on (else any free one)
  --host <address>      address to listen on (else 127.0.0.1); what crosses the network is not encrypted
  --no-open             only print the address
  --background          the same: start without showing anything
  --help
`;

const { values } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: {
    'data-dir': { type: 'string' },
    port: { type: 'string', default: '0' },
    host: { type: 'string', default: '127.0.0.1' },
    open: { type: 'boolean', default: true },
    background: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) process.stdout.write(usage);
else await main();

async function main(): Promise<void> {
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) return fail(`--port ${values.port} is not a port number.`);
  const contentDir = join(
    import.meta.dirname,
    import.meta.filename.endsWith('.ts') ? '../dist/renderer' : '../renderer',
  );
  if (!existsSync(join(contentDir, 'index.html'))) return fail('The window is not built yet. Run: npm run build');
  try {
    await serve(resolveDataDir(values['data-dir']), contentDir, port);
  } catch (error) {
    fail(error instanceof AppError ? errorSentence(error.toData()) : `Tidemark could not start: ${reasonOf(error)}.`);
  }
}

async function serve(dataDir: string, contentDir: string, port: number): Promise<void> {
  await using owned = new AsyncDisposableStack();
  const engine = await startEngine({ dataDir, workerUrl: workerBeside(import.meta.url) });
  owned.defer(() => engine.stop());
  const stopped = stopSignal(() => void engine.kill().finally(() => process.exit(1)));

  const demo = owned.use(createDemo({ dataDir, hostUrl: import.meta.url, startProcess: startNodeProcess, engine }));
  const api = createHostApi({
    engine,
    host: hostInfo(),
    demo,
    handlers: {
      chooseDatabase: notAvailable('A file dialog'),
      chooseFolder: notAvailable('A file dialog'),
      chooseOutput: notAvailable('A file dialog'),
      showInFolder: notAvailable('The file manager'),
      startDemo: () => demo.start(),
      stopDemo: () => demo.stop(),
    },
  });
  const server = owned.use(await startHeadlessServer({ api, contentDir, host: values.host, port }));

  process.stdout.write(`Tidemark is open at ${server.url}\nPress Ctrl+C to stop.\n`);
  if (values.open && !values.background) openInBrowser(server.url);
  const signal = await stopped;
  process.stdout.write(`${signal}: shipping what is captured, then stopping.\n`);
}

/** Resolves with the first signal to stop; from the second on calls `onImpatience`. */
function stopSignal(onImpatience: () => void): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let signals = 0;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, (signal) => {
      signals += 1;
      if (signals === 1) resolve(signal);
      else onImpatience();
    });
  }
  return promise;
}

function hostInfo(): HostInfo {
  const platform = process.platform === 'darwin' || process.platform === 'win32' ? process.platform : 'linux';
  return { kind: 'headless', hasDialogs: false, canShowInFolder: false, hasTray: false, platform, home: homedir() };
}

function fail(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
  process.exitCode = 1;
}
