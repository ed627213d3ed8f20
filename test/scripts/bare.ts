// `npm run test:bare`: the README's two commands on machines that have git, nodejs and npm of Debian and nothing else, as root and as
// a user who may install nothing. Needs root, for fresh Debians in folders of their own (debootstrap).
//   npm run test:bare -- [--full] [trixie] [bookworm] [root] [user]
// Without --full, `npm test` runs all checks, the build, and a few files of each kind of test.
import { setTimeout as delay } from 'node:timers/promises';
import { installWithApt, mayUseApt } from '../support/apt.ts';
import { type BareRoot, makeBareRoot } from './bare-root.ts';
import { say } from './steps.ts';

const words = new Set(process.argv.slice(2));
const isFull = words.has('--full');
const named = (all: readonly string[]): readonly string[] => {
  const some = all.filter((one) => words.has(one));
  return some.length === 0 ? all : some;
};
/** Debian 13 and 12; both have npm 9. */
const releases = named(['trixie', 'bookworm']);
const users = named(['root', 'user']);
/** Of each kind of test some that start programs, threads, browsers and other people's servers. */
const few = [
  'unit/runtime',
  'unit/launch',
  'unit/supply',
  'unit/s3-address',
  'engine/protect',
  'engine/cli-usage',
  'interop/restore-litestream',
  'interop/target-s3-swift',
  'e2e/start',
  'e2e/headless-output',
  'e2e/headless-secrets',
].map((file) => `test/${file}.test.ts`);
const startsWithinMs = 5 * 60_000;

if (!mayUseApt) throw new Error('Fresh Debians are made as root, on a Debian.');
const reason = await installWithApt(['debootstrap']);
if (reason !== undefined) throw new Error(`debootstrap is not here and could not be installed: ${reason}`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
const failed: string[] = [];
let count = 0;
for (const release of releases) {
  say(`\nA fresh Debian (${release}) with git, nodejs and npm…`);
  await using root = await makeBareRoot(release);
  for (const user of users) {
    await root.clone(user);
    const { output } = await root.run(user, ['sh', '-c', 'echo Node $(node --version), npm $(npm --version)']);
    say(`${release}, as ${user}: ${output.trim()}`);
    // Debian 12 has one for which npm leaves out parts.
    const proofs = /Node v1\d\./.test(output) ? [saysThatNodeIsOld] : [installs, starts, isFoundByNpx, tests];
    for (const prove of proofs) {
      count++;
      const startedAt = performance.now();
      const wrong = await prove(root, user);
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
      say(
        `${wrong === undefined ? 'in order' : 'NOT in order'}: ${prove.name}, ${seconds} s${wrong === undefined ? '' : `\n${wrong}`}`,
      );
      if (wrong !== undefined) failed.push(`${release} as ${user}: ${prove.name}`);
    }
  }
}
say(
  `\n${failed.map((one) => `NOT in order: ${one}\n`).join('')}${count - failed.length} passed, ${failed.length} failed`,
);
process.exitCode = failed.length === 0 ? 0 : 1;

/** `npm ci` ends well and warns of nothing. */
async function installs(root: BareRoot, user: string): Promise<string | undefined> {
  const { code, output } = await root.run(user, ['npm', 'ci']);
  return code === 0 && !/warn|error/i.test(output) ? undefined : `status ${code}: ${output.slice(-4000)}`;
}

/** `npm start` says that nothing can be done with this Node, and what can. */
async function saysThatNodeIsOld(root: BareRoot, user: string): Promise<string | undefined> {
  await root.run(user, ['npm', 'ci']);
  const { code, output } = await root.run(user, ['npm', 'start']);
  return code !== 0 && output.includes('Tidemark is installed with Node 20.19 or newer.') ? undefined : output;
}

/** `npm start` prints an address that answers. */
async function starts(root: BareRoot, user: string): Promise<string | undefined> {
  const child = root.start(user, ['npm', 'start']);
  let output = '';
  let hasEnded = false;
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve(((hasEnded = true), undefined))));
  for (
    const endAt = Date.now() + startsWithinMs;
    !output.includes('Press Ctrl+C') && !hasEnded && Date.now() < endAt;
  ) {
    await delay(50);
  }
  const [, origin] = /open at (http:\/\/127\.0\.0\.1:\d+)\//.exec(output) ?? [];
  const answer = origin === undefined ? undefined : await fetch(`${origin}/enter`);
  // `unshare` hears nothing else; with it goes everything that it started.
  child.kill('SIGKILL');
  await ended;
  return answer?.ok === true ? undefined : `no answer (${answer?.status}): ${output.slice(-4000)}`;
}

/** `npx tidemark` runs what was built. */
async function isFoundByNpx(root: BareRoot, user: string): Promise<string | undefined> {
  const { code, output } = await root.run(user, ['npx', 'tidemark', 'version']);
  return code === 0 && /^\d+\.\d+\.\d+$/m.test(output) ? undefined : `status ${code}: ${output.slice(-2000)}`;
}

/** `npm test` ends well; who may install nothing reads what is left out. */
async function tests(root: BareRoot, user: string): Promise<string | undefined> {
  const { code, output } = await root.run(user, ['npm', 'test', ...(isFull ? [] : ['--', ...few])]);
  const found = /^(\d+) passed, 0 failed$/m.exec(output);
  say(
    output
      .split('\n')
      .filter((line) => /^(?:Chromium|The tests need|Left out|Swift|moto|\d+ (?:skipped|passed))/.test(line))
      .join('\n'),
  );
  const saysWhatIsLeftOut = user === 'root' || output.includes('Left out, for want of it: ');
  return code === 0 && Number(found?.[1]) > 50 && saysWhatIsLeftOut
    ? undefined
    : `status ${code}: ${output.slice(-8000)}`;
}
