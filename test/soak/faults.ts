// Preloaded into an engine's process (node --import): makes its files fail on request, finds every place where it awaits
// or touches a file, and kills it at one of them. The engine itself knows nothing of it.
// TIDEMARK_FAULTS holds JSON: { control?: folder, target?: folder, data?: folder, record?: file, crash?: { site, occurrence } }.
// `control/cut` makes everything below `target` fail with the error code it contains; `control/full` makes writing below
// `data` fail with ENOSPC; `control/clock` holds by how many milliseconds the clock is wrong.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { promiseHooks } from 'node:v8';

interface Faults {
  readonly control?: string;
  readonly target?: string;
  readonly data?: string;
  readonly record?: string;
  readonly crash?: { readonly site: string; readonly occurrence: number };
}

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

const faults = JSON.parse(process.env['TIDEMARK_FAULTS'] ?? '{}') as Faults;
const engineFolder = path.resolve(import.meta.dirname, '../../electron/engine');
const { existsSync, readFileSync, writeFileSync } = fs;
const isCrashing = faults.record !== undefined || faults.crash !== undefined;

const seen = new Map<string, number>();
const paths = new Map<number, string>();
const handles = new WeakMap<object, string>();

/** A place was reached: counts it, and dies there when told so. */
function reach(kind: string): void {
  const where = engineFrame();
  if (where === undefined) return;
  const site = `${kind} ${where}`;
  const count = (seen.get(site) ?? 0) + 1;
  seen.set(site, count);
  if (faults.crash?.site === site && faults.crash.occurrence === count) process.kill(process.pid, 'SIGKILL');
}

/** The innermost frame, when it is the engine's own code. */
function engineFrame(): string | undefined {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 6;
  const { stack = '' } = new Error('where');
  Error.stackTraceLimit = limit;
  for (const line of stack.split('\n').slice(3)) {
    if (line.includes(import.meta.filename) || line.includes('node:') || line.includes('(<anonymous>)')) continue;
    const [, file = '', at = ''] = /(?:file:\/\/)?(\/[^:]+):(\d+):\d+\)?$/.exec(line) ?? [];
    return file.startsWith(engineFolder) ? `${path.relative(engineFolder, file)}:${at}` : undefined;
  }
  return undefined;
}

function isBelow(file: unknown, folder: string | undefined): boolean {
  const name = file instanceof Buffer ? file.toString() : file;
  return folder !== undefined && typeof name === 'string' && (name === folder || name.startsWith(`${folder}/`));
}

function failWhenCut(file: unknown): void {
  if (!isBelow(file, faults.target)) return;
  const marker = path.join(faults.control ?? '', 'cut');
  if (!existsSync(marker)) return;
  const code = readFileSync(marker, 'utf8') || 'EIO';
  throw Object.assign(new Error(`${code}: the target is cut off, '${String(file)}'`), { code, path: file });
}

/** True while the disk is to be full. */
function isFull(file: unknown): boolean {
  return isBelow(file, faults.data) && existsSync(path.join(faults.control ?? '', 'full'));
}

function noSpace(): Error {
  return Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
}

/** Replaces a function by one that asks `before` first. */
function wrap(owner: object, name: string, before: (args: unknown[]) => void): void {
  const members = owner as Record<string, AnyFunction>;
  const original = members[name];
  if (original === undefined) throw new Error(`no ${name}`);
  const replaced = function (this: unknown, ...args: unknown[]): unknown {
    if (isCrashing) reach(name);
    before.call(this, args);
    return original.apply(this, args);
  };
  // Those that promise never throw by themselves.
  members[name] =
    owner === fs.promises
      ? async function (this: unknown, ...args: unknown[]) {
          return await replaced.apply(this, args);
        }
      : replaced;
}

const { control } = faults;
if (control !== undefined) {
  const now = Date.now.bind(Date);
  const clock = path.join(control, 'clock');
  Date.now = () => now() + (existsSync(clock) ? Number(readFileSync(clock, 'utf8')) : 0);
}

const openSync = fs.openSync.bind(fs);
const writeSync = fs.writeSync.bind(fs) as (...args: unknown[]) => number;
fs.openSync = (file, flags, mode) => {
  if (isCrashing) reach('openSync');
  if (flags !== undefined && flags !== 'r' && isFull(file)) throw noSpace();
  const fd = openSync(file, flags, mode);
  paths.set(fd, String(file));
  return fd;
};
(fs as unknown as Record<string, AnyFunction>)['writeSync'] = function (...args) {
  if (isCrashing) reach('writeSync');
  const [fd, bytes] = args;
  if (isFull(paths.get(Number(fd)))) throw noSpace();
  // A kill in the middle of a write leaves its first half.
  if (isCrashing && bytes instanceof Uint8Array) {
    const [, , offset, length, position] = args as [unknown, unknown, number?, number?, number?];
    const half = (length ?? bytes.length) >> 1;
    if (half > 0) {
      const done = writeSync(fd, bytes, offset ?? 0, half, position ?? null);
      reach('writeSync half');
      return done;
    }
  }
  return writeSync(...args);
};
for (const name of ['renameSync', 'fsyncSync', 'truncateSync', 'rmSync', 'mkdirSync']) wrap(fs, name, () => {});
for (const name of ['readdir', 'stat', 'unlink', 'mkdir', 'rmdir', 'utimes']) {
  wrap(fs.promises, name, ([file]) => failWhenCut(file));
}
wrap(fs.promises, 'rename', ([from]) => failWhenCut(from));

const openFile = fs.promises.open.bind(fs.promises);
fs.promises.open = async (file, ...rest) => {
  if (isCrashing) reach('open');
  failWhenCut(file);
  const handle = await openFile(file, ...rest);
  handles.set(handle, String(file));
  return handle;
};
{
  const handle = await openFile(process.execPath, 'r');
  const prototype = Object.getPrototypeOf(handle) as object;
  await handle.close();
  for (const name of ['read', 'write', 'writev', 'sync', 'stat', 'utimes']) {
    wrap(prototype, name, function (this: unknown) {
      failWhenCut(handles.get(this as object));
    });
  }
}
syncBuiltinESMExports();

if (isCrashing) {
  promiseHooks.createHook({ init: () => reach('await') });
}
const { record } = faults;
if (record !== undefined) {
  process.on('exit', () => writeFileSync(record, JSON.stringify(Object.fromEntries(seen))));
}
