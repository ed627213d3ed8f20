// The headless host: the application without Electron, for a browser on the same machine, and for machines without a
// display. Entry of `npm start` where Electron cannot run. Owns the engine, the demo and the server, and their orderly end.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, errorSentence, reasonOf } from '../shared/errors.ts';
import type { HostInfo } from '../shared/model.ts';
import { plainText } from '../shared/plain-text.ts';
import { findHome, resolveDataDir } from './host/data-dir.ts';
import { startNodeProcess } from './demo/process.ts';
import { createDemo } from './demo/demo.ts';
import { startEngine, workerBeside } from './host/engine-host.ts';
import { type HeadlessOptions, headlessUsage, readHeadlessOptions, readTlsFiles } from './headless/options.ts';
import { startHeadlessServer } from './headless/server.ts';
import { createHostApi, notAvailable } from './host/host-api.ts';
import { leave } from './host/leave.ts';
import { openOutside } from './host/open-browser.ts';
import { guardProcess } from './host/process-guards.ts';
import { readKeyFile } from './host/secret-key.ts';
import {
  addressWith,
  doorName,
  issueKey,
  keyLifeMs,
  noteDoor,
  redeemKey,
  sweepKeys,
  writeRedirect,
} from './host/way-in.ts';

guardProcess();
try {
  const options = readHeadlessOptions(process.argv.slice(2));
  if (options.isHelp) process.stdout.write(headlessUsage);
  else {
    const { hangs } = await serve(options);
    if (hangs) leave(0, { hangs });
  }
} catch (error) {
  const sentence = error instanceof AppError ? errorSentence(error.toData()) : `Tidemark failed: ${reasonOf(error)}.`;
  process.stderr.write(`${plainText(sentence)}\n`);
  process.exitCode = 1;
}

async function serve(options: HeadlessOptions): Promise<{ readonly hangs: boolean }> {
  // @NOTE Whoever read it is gone: that ends no protection.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const dataDir = resolveDataDir(options.dataDir);
  const contentDir = findContent();
  const tls = readTlsFiles(options);
  await using owned = new AsyncDisposableStack();
  const engine = await startEngine({
    dataDir,
    secretKey: readKeyFile(dataDir),
    workerUrl: workerBeside(import.meta.url),
  });
  owned.defer(() => engine.stop());
  const stopped = stopSignal(() => void engine.kill().finally(() => leave(1, engine)));

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
  const name = doorName(dataDir);
  const redeem = (key: string) => redeemKey(dataDir, key);
  const { host, port, origins } = options;
  const server = owned.use(await startHeadlessServer({ api, contentDir, host, port, origins, tls, name, redeem }));
  owned.defer(() => sweepKeys(dataDir, 'all'));

  invite({ dataDir, name, origin: origins[0] ?? server.origin, shouldOpen: options.shouldOpen });
  const signal = await stopped;
  process.stdout.write(`${signal}: shipping what is captured, then stopping. A second one stops at once.\n`);
  await owned.disposeAsync();
  return engine;
}

interface Invitation {
  readonly dataDir: string;
  readonly name: string;
  readonly origin: string;
  readonly shouldOpen: boolean;
}

/** Says how to come in, and opens the browser where that is wanted. */
function invite({ dataDir, name, origin, shouldOpen }: Invitation): void {
  const say = (sentence: string) => process.stdout.write(`${sentence}\n`);
  try {
    noteDoor(dataDir, { origin, pid: process.pid, name });
    say(`Tidemark is open at ${addressWith(issueKey(dataDir), { origin })}`);
    say(`This address works once, within ${keyLifeMs / 60_000} minutes. For another one: tidemark open`);
    if (shouldOpen) openOutside(writeRedirect(dataDir, issueKey(dataDir), { origin }));
  } catch (error) {
    // A full disk keeps nobody from being protected.
    say(`Tidemark is open at ${origin}, but no key could be made (${reasonOf(error)}). For one: tidemark open`);
  }
  say('Press Ctrl+C to stop.');
}

/** Resolves with the first signal to stop; from the second on calls `onImpatience`. */
function stopSignal(onImpatience: () => void): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let signals = 0;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'] as const) {
    process.on(name, (signal) => {
      signals += 1;
      if (signals === 1) resolve(signal);
      else onImpatience();
    });
  }
  return promise;
}

/** The built window, beside the built hosts. */
function findContent(): string {
  const { dirname, filename } = import.meta;
  const folder = join(dirname, filename.endsWith('.ts') ? '../dist/renderer' : '../renderer');
  if (existsSync(join(folder, 'index.html'))) return folder;
  throw new Error('the window is not built yet; run: npm run build');
}

function hostInfo(): HostInfo {
  const platform = process.platform === 'darwin' || process.platform === 'win32' ? process.platform : 'linux';
  return {
    kind: 'headless',
    hasDialogs: false,
    canShowInFolder: false,
    hasTray: false,
    secretsKeptBy: 'file',
    platform,
    home: findHome() ?? '/',
  };
}
