// A fresh Debian with git, nodejs and npm and nothing else, in a folder of its own, and commands that run in it. What this machine needs to
// reach its registries, it is given as well: names, certificates, proxies, the mirror of this machine's own apt.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const checkout = join(import.meta.dirname, '../..');
const limits = { maxBuffer: 256 << 20 };
const certificates = '/usr/local/share/ca-certificates';
const bundle = '/etc/ssl/certs/ca-certificates.crt';
/** In namespaces of its own: what is mounted and started ends with it. */
const enter = `root=$1 user=$2; shift 2
mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" &&
exec chroot --userspec="$user" "$root" env -i "$@"`;

export interface BareRoot extends AsyncDisposable {
  /** Starts a command as a user, in the clone that lies in his home. */
  readonly start: (user: string, command: readonly string[]) => ChildProcess;
  /** Runs one to its end: its status and all that it printed. */
  readonly run: (
    user: string,
    command: readonly string[],
  ) => Promise<{ readonly code: number; readonly output: string }>;
  /** Puts a fresh clone of what was committed here into the home of a user, who is made if he is not there. */
  readonly clone: (user: string) => Promise<void>;
}

/** Makes one of this release; needs root, and `debootstrap`. */
export async function makeBareRoot(release: string): Promise<BareRoot> {
  const root = await mkdtemp(join(tmpdir(), `tidemark-bare-${release}-`));
  // Not its maker alone lives in there.
  await chmod(root, 0o755);
  // However this program ends, nothing goes on in there, and nothing stays.
  const running = new Set<ChildProcess>();
  const onExit = (): void => {
    for (const child of running) child.kill('SIGKILL');
    rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  };
  process.once('exit', onExit);
  const remove = async () => await rm(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  const homeOf = (user: string): string => (user === 'root' ? '/root' : `/home/${user}`);
  const start = (user: string, command: readonly string[], folder = join(homeOf(user), 'tidemark')): ChildProcess => {
    const plain = [`HOME=${homeOf(user)}`, 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'LANG=C.UTF-8', ...surroundings()];
    const inFolder = ['sh', '-c', 'cd "$1" && shift && exec "$@"', 'sh', folder, ...command];
    const apart = ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', enter, 'sh'];
    const child = spawn('unshare', [...apart, root, user, ...plain, ...inFolder], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    child.once('close', () => running.delete(child));
    return child;
  };
  const runIn: BareRoot['run'] = async (user, command) => await toEnd(start(user, command));
  const asRoot = async (...command: readonly string[]): Promise<void> => {
    const { code, output } = await toEnd(start('root', command, '/'));
    if (code !== 0) throw new Error(`${command.join(' ')}: ${output.slice(-2000)}`);
  };
  try {
    await run('debootstrap', ['--variant=minbase', '--include=ca-certificates', release, root, await mirror()], limits);
    await giveSettings(root);
    await asRoot('update-ca-certificates');
    await asRoot('apt-get', 'update', '-qq');
    const quietly = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', 'install', '-y', '-qq'];
    await asRoot(...quietly, '--no-install-recommends', 'git', 'nodejs', 'npm');
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    start,
    run: runIn,
    async clone(user) {
      if (user !== 'root') await asRoot('useradd', '--create-home', user);
      const folder = join(homeOf(user), 'tidemark');
      await run('git', ['clone', '--quiet', '--no-local', checkout, join(root, folder)], limits);
      await asRoot('chown', '-R', `${user}:`, folder);
    },
    [Symbol.asyncDispose]: remove,
  };
}

/** Waits for the end of a program; all it printed, in order. */
async function toEnd(child: ChildProcess): Promise<{ readonly code: number; readonly output: string }> {
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await once(child, 'close');
  return { code: child.exitCode ?? 1, output };
}

/** Where this machine's own apt fetches Debian from. */
async function mirror(): Promise<string> {
  const wanted = ['Created-By: Packages', 'Origin: Debian', 'Label: Debian'];
  const { stdout } = await run('apt-get', ['indextargets', '--format', '$(REPO_URI)', ...wanted]);
  const [first] = stdout.split('\n');
  if (first === undefined || first === '') throw new Error('This machine’s apt knows no mirror of Debian.');
  return first;
}

async function giveSettings(root: string): Promise<void> {
  const give = async (from: string, to = from) => {
    await mkdir(dirname(join(root, to)), { recursive: true });
    // @NOTE what a machine does not have, it does not need.
    await cp(from, join(root, to), { recursive: true, dereference: true }).catch(() => undefined);
  };
  for (const name of ['/etc/resolv.conf', '/etc/hosts', certificates]) await give(name);
  const { stdout } = await run('apt-config', ['dump']);
  const acquiring = stdout.split('\n').filter((line) => /^Acquire::(?:https?|Check|Retries)/i.test(line));
  await writeFile(join(root, 'etc/apt/apt.conf.d/99machine'), `${acquiring.join('\n')}\n`);
}

/** For registries behind proxies or mirrors, as npm and Node take them from the environment. */
function surroundings(): readonly string[] {
  const isWanted = /^(?:npm_config_(?:registry|proxy|https_proxy|noproxy)|https?_proxy|no_proxy|all_proxy)$/i;
  const passed = Object.entries(process.env).filter(([name]) => isWanted.test(name));
  return [...passed.map(([name, value]) => `${name}=${value}`), `NODE_EXTRA_CA_CERTS=${bundle}`];
}
