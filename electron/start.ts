// `npm start`: runs the built application in Electron where that can run here, else in the headless host, and says which
// and why. Never imports the package `electron`, whose mere import starts a download.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { hasDisplay } from './host/open-browser.ts';
import { guardProcess } from './host/process-guards.ts';
import { plainSurroundings } from './host/surroundings.ts';

guardProcess();
const root = join(import.meta.dirname, '..');
/** A first fetch is some 120 MB; where its site does not even answer, seconds must do. */
const fetchLimitMs = 10 * 60_000;
const unreachableLimitMs = 8000;
/** Dying by a signal this early means that the runtime cannot work here, for example because its sandbox may not. */
const earlyMs = 10_000;

const args = process.argv.slice(2).filter((argument) => argument !== '--headless');
const reason = process.argv.includes('--headless') ? 'as you asked' : reasonAgainstElectron();
if (reason === undefined) await startDesktop();
else await startHeadless(reason);

/** Why Electron cannot run on this machine, found without fetching anything; undefined where it may. */
function reasonAgainstElectron(): string | undefined {
  if (!hasDisplay()) return 'because there is no display here';
  if (process.platform === 'linux' && process.getuid?.() === 0) {
    return 'because Electron’s sandbox refuses to run as root';
  }
  return undefined;
}

async function startDesktop(): Promise<void> {
  const executable = findRuntime() ?? (await fetchRuntime());
  if (executable === undefined) return await startHeadless('because Electron’s runtime could not be fetched');
  say('Tidemark starts in Electron, since its runtime is here and there is a display.');
  const startedAt = performance.now();
  const child = spawn(executable, [root, ...args], { stdio: 'inherit' });
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  // A terminal's Ctrl+C reaches the child by itself; forwarding it would be a second one.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  const { promise, resolve } = Promise.withResolvers<number | string>();
  child.once('error', (error) => resolve(error.message));
  child.once('exit', (code, signal) => resolve(code ?? signal ?? 1));
  const end = await promise;
  const isBroken = typeof end === 'string' || end === 126 || end === 127;
  if (isBroken && !child.killed && performance.now() - startedAt < earlyMs) {
    return await startHeadless(`because Electron could not start (${end})`);
  }
  process.exitCode = typeof end === 'number' ? end : 1;
}

/** In this process, so that signals need no forwarding. */
async function startHeadless(why: string): Promise<void> {
  say(`Tidemark starts without Electron, ${why}: it serves itself to your browser instead.`);
  process.argv.splice(2, Number.POSITIVE_INFINITY, ...args);
  await import(pathToFileURL(join(root, 'dist/electron/headless.js')).href);
}

/** The runtime's executable where it was fetched before, found as the package `electron` finds it. */
function findRuntime(): string | undefined {
  const { ELECTRON_OVERRIDE_DIST_PATH: override } = process.env;
  const nameFile = join(electronPackage(), 'path.txt');
  const name = existsSync(nameFile) ? readFileSync(nameFile, 'utf8').trim() : override && 'electron';
  if (!name) return undefined;
  const executable = join(override ?? join(electronPackage(), 'dist'), name);
  return existsSync(executable) ? executable : undefined;
}

async function fetchRuntime(): Promise<string | undefined> {
  const installer = join(electronPackage(), 'install.js');
  if (!existsSync(installer)) return undefined;
  say('Fetching Electron’s runtime, once; this takes a minute or two…');
  const child = spawn(process.execPath, [installer], { stdio: 'ignore', env: fetchSurroundings() });
  const { promise: ended, resolve: onEnd } = Promise.withResolvers<void>();
  child.once('error', () => onEnd());
  child.once('exit', () => onEnd());
  let limit = setTimeout(() => child.kill(), unreachableLimitMs);
  void isReleaseSiteReachable().then((isReachable) => {
    if (!isReachable || child.exitCode !== null) return;
    clearTimeout(limit);
    limit = setTimeout(() => child.kill(), fetchLimitMs);
  });
  await ended;
  clearTimeout(limit);
  return findRuntime();
}

/** What Electron's installer needs beside what every program does: where to fetch from, and through which proxy. */
function fetchSurroundings(): NodeJS.ProcessEnv {
  const isWanted = /^(?:npm_config_.*|electron_.*|https?_proxy|no_proxy|all_proxy|node_extra_ca_certs|ssl_cert_\w+)$/i;
  const own = Object.entries(process.env).filter(([name]) => isWanted.test(name) && !/auth|token|passw/i.test(name));
  return { ...plainSurroundings(), ...Object.fromEntries(own) };
}

/** Any answer counts; behind a proxy only the installer itself can tell. */
async function isReleaseSiteReachable(): Promise<boolean> {
  const { env } = process;
  if (env['HTTPS_PROXY'] ?? env['https_proxy']) return true;
  const site = env['ELECTRON_MIRROR'] ?? env['npm_config_electron_mirror'] ?? 'https://github.com/electron/electron/';
  try {
    await fetch(site, { method: 'HEAD', signal: AbortSignal.timeout(unreachableLimitMs) });
    return true;
  } catch {
    // @NOTE no answer in time: the short limit stays.
    return false;
  }
}

function electronPackage(): string {
  return dirname(createRequire(import.meta.url).resolve('electron/package.json'));
}

function say(sentence: string): void {
  process.stdout.write(`${sentence}\n`);
}
