// Debian's Swift with its S3 API: a second server of S3, written by other people, which checks signatures and regions. Installed
// by apt where that is possible; all its files lie in a folder that goes away, and it listens on ports of its own that only this
// computer reaches.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { parseS3Url } from '../../electron/engine/targets/s3-address.ts';
import { makeS3Client } from '../../electron/engine/targets/s3-client.ts';
import { installWithApt, mayUseApt } from './apt.ts';
import { type S3Server, s3UrlOf } from './s3-server.ts';

const run = promisify(execFile);
const packages = ['swift-proxy', 'swift-account', 'swift-container', 'swift-object', 'memcached'];
const parts = ['account', 'container', 'object'] as const;
const startsWithinMs = 30_000;
const credentials = { kind: 'keys', accessKeyId: 'test:tester', secretAccessKey: 'testing' } as const;

/** Why there is none, as a sentence; undefined where it can be started. Installs it where that is possible. */
export async function whyNoSwift(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'Swift, the second server of S3 for the tests, runs on Linux only.';
  if (isInstalled()) return undefined;
  if (!mayUseApt) {
    return `Swift, the second server of S3 for the tests, is not installed (Debian: apt-get install ${packages.join(' ')}).`;
  }
  process.stdout.write('No Swift here; fetching it for the tests…\n');
  const reason = await installWithApt(packages);
  if (reason !== undefined) return `Swift, the second server of S3 for the tests, could not be installed: ${reason}`;
  return isInstalled() ? undefined : 'Swift was installed, and is not there.';
}

function isInstalled(): boolean {
  return ['proxy', ...parts].every((part) => existsSync(`/usr/bin/swift-${part}-server`));
}

export async function startSwift(): Promise<S3Server> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-swift-'));
  const children: ChildProcess[] = [];
  const stop = async () => {
    await Promise.all(children.map(end));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const [proxyPort = 0, cachePort = 0, ...partPorts] = await freePorts(2 + parts.length);
    await mkdir(join(folder, 'srv/d1'), { recursive: true });
    await writeFile(join(folder, 'swift.conf'), swiftConf);
    const preparePart = async (part: (typeof parts)[number], i: number) => {
      const port = partPorts[i] ?? 0;
      await writeFile(join(folder, `${part}-server.conf`), partConf(part, folder, port));
      await makeRing(folder, part, port);
    };
    await Promise.all(parts.map(preparePart));
    await writeFile(join(folder, 'proxy-server.conf'), proxyConf(folder, proxyPort, cachePort));
    children.push(
      spawn('memcached', ['-u', 'nobody', '-l', '127.0.0.1', '-p', String(cachePort)], { stdio: 'ignore' }),
    );
    for (const part of [...parts, 'proxy']) children.push(startPart(folder, part));
    const endpoint = `http://127.0.0.1:${proxyPort}`;
    // The proxy answers before the parts do, and avoids for long what did not answer it once.
    for (const port of partPorts) await answers(`http://127.0.0.1:${port}/healthcheck`);
    await answers(`${endpoint}/healthcheck`);
    return {
      endpoint,
      credentials,
      makeBucket: bucketMaker(endpoint),
      urlOf: (bucket, prefix) => s3UrlOf(endpoint, bucket, prefix),
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function bucketMaker(endpoint: string): () => Promise<string> {
  let buckets = 0;
  return async () => {
    const name = `bucket-${++buckets}`;
    const client = makeS3Client(parseS3Url(s3UrlOf(endpoint, name)), { credentials });
    await client.send(new CreateBucketCommand({ Bucket: name }));
    client.destroy();
    return name;
  };
}

/** Its own folder for settings instead of the system's, and no workers that would outlive their parent. */
function startPart(folder: string, part: string): ChildProcess {
  const program = [
    'import runpy, sys',
    'from swift.common import utils',
    `utils.set_swift_dir(${JSON.stringify(folder)})`,
    `sys.argv = ['swift-${part}-server', ${JSON.stringify(join(folder, `${part}-server.conf`))}]`,
    `runpy.run_path('/usr/bin/swift-${part}-server', run_name='__main__')`,
  ].join('\n');
  return spawn('/usr/bin/python3', ['-W', 'ignore', '-c', program], { stdio: 'ignore' });
}

async function makeRing(folder: string, part: string, port: number): Promise<void> {
  const builder = async (...args: readonly string[]) =>
    await run('swift-ring-builder', [join(folder, `${part}.builder`), ...args]).catch((error: unknown) => {
      // A warning ends with status 1.
      if (!(error instanceof Error && 'code' in error && error.code === 1)) throw error;
    });
  await builder('create', '4', '1', '1');
  await builder('add', `r1z1-127.0.0.1:${port}/d1`, '1');
  await builder('rebalance');
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
      return server;
    }),
  );
  return await Promise.all(
    servers.map(async (server) => {
      const address = server.address();
      await new Promise((closed) => server.close(closed));
      return typeof address === 'object' && address !== null ? address.port : 0;
    }),
  );
}

async function answers(url: string): Promise<void> {
  for (const endAt = Date.now() + startsWithinMs; ;) {
    try {
      if ((await fetch(url)).ok) return;
    } catch (error) {
      if (Date.now() > endAt) throw error;
    }
    await delay(100);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((closed) => child.once('close', closed));
  child.kill('SIGKILL');
  await ended;
}

const swiftConf = `[swift-hash]
swift_hash_path_suffix = s
swift_hash_path_prefix = p
[storage-policy:0]
name = gold
default = yes
`;

function common(folder: string, port: number): string {
  return `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
workers = 0
user = ${process.getuid?.() === 0 ? 'root' : (process.env['USER'] ?? 'nobody')}
swift_dir = ${folder}
log_address = ${join(folder, 'no-log')}
`;
}

function partConf(part: string, folder: string, port: number): string {
  return `${common(folder, port)}devices = ${join(folder, 'srv')}
mount_check = false
fallocate_reserve = 0
[pipeline:main]
pipeline = healthcheck ${part}-server
[filter:healthcheck]
use = egg:swift#healthcheck
[app:${part}-server]
use = egg:swift#${part}
`;
}

function proxyConf(folder: string, port: number, cachePort: number): string {
  const plain = ['catch_errors', 'gatekeeper', 'healthcheck', 'listing_formats', 'bulk', 'dlo'];
  return `${common(folder, port)}[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats s3api tempauth bulk slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:${cachePort}
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:slo]
use = egg:swift#slo
min_segment_size = 1
${plain.map((name) => `[filter:${name}]\nuse = egg:swift#${name}\n`).join('')}`;
}
