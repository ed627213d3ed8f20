// The connection test of buckets: an outcome for each way in which a service answers, and nothing left behind by any of them.
import { execFile, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testTarget, type TargetTestOptions } from '../../electron/engine/probe/test-target.ts';
import type { Place } from '../../shared/contract.ts';
import type { TargetTest } from '../../shared/targets.ts';
import { recordOf } from '../support/replica-record.ts';
import { type S3Action, type S3Answer, type S3Script, s3Error, startScriptedS3 } from '../support/scripted-s3.ts';
import { tempFolder, type TempFolder, until } from '../support/temp.ts';

const secret = 'MARKER-SECRET-0123456789';

function placeAt(endpoint: string, over: Partial<Extract<Place, { kind: 's3' }>> = {}): Place {
  return {
    kind: 's3',
    provider: 'other',
    bucket: 'backups',
    prefix: 'home',
    region: 'us-east-1',
    endpoint,
    isPathStyle: true,
    credentials: { kind: 'keys', accessKeyId: 'AKIATEST', secretAccessKey: secret },
    ...over,
  };
}

async function probe(place: Place, over: Partial<TargetTestOptions> = {}): Promise<TargetTest> {
  const found = await testTarget({
    place,
    databasePath: '/app/shop.db',
    machineId: 'desk',
    kept: () => undefined,
    now: () => Date.now(),
    signal: new AbortController().signal,
    ...over,
  });
  // Whatever comes out, the secret is not in it.
  expect(JSON.stringify(found)).not.toContain('MARKER');
  return found;
}

/** Runs a test against a server with a script; the server's objects are checked to be as before. */
async function against(
  script: S3Script,
  { place = {}, before = [], left = 0 }: { place?: object; before?: readonly string[]; left?: number } = {},
) {
  await using server = await startScriptedS3(script);
  for (const key of before) server.objects.set(key, Buffer.from('{}'));
  const found = await probe(placeAt(server.origin, place));
  expect([...server.objects.keys()]).toHaveLength(before.length + left);
  return { found, requests: server.requests, scopes: server.scopes, versions: server.versions };
}

/** The stages in short: `address`, `write!` failed, `clock?` warning, `read-` skipped. */
const inShort = ({ stages }: TargetTest) =>
  stages.map(({ name, state }) => `${name}${{ ok: '', warning: '?', failed: '!', skipped: '-' }[state]}`).join(' ');
const failure = ({ stages }: TargetTest) => stages.find(({ state }) => state === 'failed')?.error?.code;
const warnings = ({ stages }: TargetTest) =>
  stages.filter(({ state }) => state === 'warning').map(({ error }) => error?.code);
/** Fails at a stage: what is before is fine, what follows is skipped. */
const order = ['address', 'tls', 'clock', 'credentials', 'region', 'bucket', 'list', 'write', 'read', 'delete'];
const failsAt = (stage: string) =>
  order.map((name, i) => (name === stage ? `${name}!` : i > order.indexOf(stage) ? `${name}-` : name)).join(' ');
const on =
  (action: S3Action | readonly S3Action[], answer: S3Answer) =>
  (asked: S3Action): S3Answer | undefined =>
    asked === action || (Array.isArray(action) && action.includes(asked)) ? answer : undefined;

describe('a bucket that works', () => {
  test('passes every stage, and is as it was', async () => {
    const { found } = await against({});
    expect(inShort(found)).toBe(order.join(' '));
    expect(found).toMatchObject({
      isUsable: true,
      contents: 'empty',
      versioning: 'off',
      hasObjectLock: false,
      canDelete: true,
      hasConditionalWrites: false,
      corrected: [],
      place: { kind: 's3', bucket: 'backups', credentials: { kind: 'keys', accessKeyId: 'AKIATEST' } },
    });
    expect(found.stages.every(({ text }) => /^[A-Z0-9].*\.$/.test(text))).toBe(true);
  });

  test('knows conditional writes', async () => {
    expect((await against({ hasConditionalWrites: true })).found).toMatchObject({ hasConditionalWrites: true });
    const { found } = await against({ answer: on('replace', s3Error(501, 'NotImplemented')) });
    expect(found).toMatchObject({ hasConditionalWrites: false, isUsable: true });
  });

  test('keeps versions: those of the test are removed too', async () => {
    const { found, versions } = await against({ versioning: 'Enabled' });
    expect(found).toMatchObject({ versioning: 'on', canDelete: true });
    expect(versions).toEqual([]);
  });

  test('keeps versions that may not be removed, and says so', async () => {
    const { found } = await against({ versioning: 'Enabled', answer: on('versions', s3Error(403, 'AccessDenied')) });
    expect(found.isUsable).toBe(true);
    expect(found.stages.at(-1)?.text).toContain('keeps former versions');
  });

  test('can lock objects', async () => {
    expect((await against({ hasLock: true, versioning: 'Enabled' })).found).toMatchObject({ hasObjectLock: true });
  });

  test('may be written but not deleted: usable, and there is only ever one object', async () => {
    const script = { answer: on('delete', s3Error(403, 'AccessDenied')) };
    const { found } = await against(script, { left: 1 });
    expect(inShort(found)).toBe(`${order.slice(0, -1).join(' ')} delete?`);
    expect(found).toMatchObject({ isUsable: true, canDelete: false });
    expect(found.stages.at(-1)?.error).toMatchObject({
      code: 'target-no-delete',
      message: expect.stringContaining('retention is left') as string,
      hint: expect.stringContaining('home/tidemark-connection-test.tmp') as string,
    });
    await using server = await startScriptedS3(script);
    await probe(placeAt(server.origin));
    await probe(placeAt(server.origin));
    expect([...server.objects.keys()]).toEqual(['home/tidemark-connection-test.tmp']);
  });
});

describe('what lies there', () => {
  const generation = 'generations/0123456789abcdef';
  test.each<[string, readonly string[]]>([
    ['empty', []],
    ['empty', ['home/tidemark-connection-test.tmp', 'elsewhere/photo.jpg']],
    ['other-things', ['home/photo.jpg']],
    ['tidemark-history', ['home/shop.db/tidemark.json', `home/shop.db/${generation}/snapshots/00000000.snapshot.lz4`]],
    ['tidemark-history', ['home/tidemark.json']],
    ['litestream-history', [`home/${generation}/wal/00000000_00000000.wal.lz4`]],
    ['litestream-history', [`home/db/${generation}/snapshots/00000000.snapshot.lz4`]],
    ['litestream-05-history', ['home/0000/0000000000000001-0000000000000001.ltx']],
    ['litestream-05-history', ['home/db/ltx/9/0000000000000001-0000000000000009.ltx']],
  ])('is told as %s for %j', async (contents, before) => {
    const left = before.includes('home/tidemark-connection-test.tmp') ? -1 : 0;
    expect((await against({}, { before, left })).found.contents).toBe(contents);
  });

  test('is the history of this very database', async () => {
    await using server = await startScriptedS3();
    server.objects.set('home/shop.db/tidemark.json', Buffer.from(JSON.stringify(recordOf())));
    expect((await probe(placeAt(server.origin))).contents).toBe('history-of-this');
    expect((await probe(placeAt(server.origin), { machineId: 'other' })).contents).toBe('tidemark-history');
  });
});

describe('a request that is refused', () => {
  test.each<[string, string, S3Answer, S3Action | readonly S3Action[]]>([
    ['clock', 'target-clock-skew', s3Error(403, 'RequestTimeTooSkewed'), 'list'],
    ['credentials', 'target-credentials', s3Error(403, 'SignatureDoesNotMatch'), 'list'],
    ['credentials', 'target-credentials', s3Error(403, 'InvalidAccessKeyId'), 'list'],
    ['credentials', 'target-credentials', { status: 401 }, 'list'],
    ['credentials', 'target-credentials-expired', s3Error(400, 'ExpiredToken'), 'list'],
    ['region', 'target-region', s3Error(301, 'PermanentRedirect'), 'list'],
    ['bucket', 'target-no-bucket', s3Error(404, 'NoSuchBucket'), 'list'],
    ['bucket', 'target-throttled', s3Error(503, 'SlowDown'), 'list'],
    ['list', 'target-forbidden', s3Error(403, 'AccessDenied'), 'list'],
    ['write', 'target-forbidden', s3Error(403, 'AccessDenied'), 'put'],
    ['write', 'target-quota', s3Error(403, 'QuotaExceeded'), 'put'],
    ['write', 'target-storage-class', s3Error(400, 'InvalidStorageClass'), 'put'],
    ['write', 'target-encryption', s3Error(400, 'KMS.DisabledException'), 'put'],
    ['read', 'target-forbidden', s3Error(403, 'AccessDenied'), 'get'],
    ['read', 'target-mismatch', { status: 200, body: 'something else' }, 'get'],
    ['delete', 'target-failed', s3Error(500, 'InternalError'), 'delete'],
  ])('fails at %s with %s', async (stage, code, answer, action) => {
    // A record is looked for before: only the test's own object is answered otherwise.
    const { found } = await against({ answer: on(action, answer) }, { left: stage === 'delete' ? 1 : 0 });
    expect([inShort(found), failure(found), found.isUsable]).toEqual([failsAt(stage), code, false]);
    const failed = found.stages.find(({ state }) => state === 'failed');
    expect(failed?.error).toMatchObject({ hint: expect.any(String) as string });
    expect(found.stages.at(-1)?.text).toBe(stage === 'delete' ? failed?.text : 'Not tried.');
  });
});

describe('the region', () => {
  const malformed = s3Error(400, 'AuthorizationHeaderMalformed', { more: '<Region>eu-central-1</Region>' });
  const redirect = s3Error(301, 'PermanentRedirect', { headers: { 'x-amz-bucket-region': 'eu-central-1' } });
  const isWrong = (region: string | undefined) => region !== undefined && region !== 'eu-central-1';

  test.each<[string, NonNullable<S3Script['answer']>]>([
    ['of an error', (action, { region }) => (action === 'list' && isWrong(region) ? malformed : undefined)],
    ['of a redirect', (action, { region }) => (action === 'list' && isWrong(region) ? redirect : undefined)],
    ['of the first answer', (action) => (action === 'hello' ? redirect : undefined)],
    [
      'of the location',
      (action, { region }) => {
        if (action === 'location')
          return {
            status: 200,
            body: '<?xml version="1.0"?><LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">eu-central-1</LocationConstraint>',
          };
        return action === 'list' && isWrong(region) ? s3Error(301, 'PermanentRedirect') : undefined;
      },
    ],
  ])('%s is taken over', async (_where, answer) => {
    const { found, scopes } = await against({ answer });
    expect(inShort(found)).toBe(order.join(' '));
    expect(found.place).toMatchObject({ region: 'eu-central-1' });
    expect(found.corrected).toEqual(['The bucket is in eu-central-1, not in us-east-1; the region was corrected.']);
    expect(scopes.at(-1)).toContain('/eu-central-1/');
  });

  test('is filled in where nobody named one', async () => {
    const answer: S3Script['answer'] = (action) => (action === 'hello' ? redirect : undefined);
    const { found } = await against({ answer }, { place: { provider: 'aws', region: undefined } });
    expect(found.corrected).toEqual(['The bucket is in eu-central-1; the region was filled in.']);
  });
});

describe('the clock', () => {
  const script = { date: () => new Date(Date.now() - 600_000).toUTCString() };
  test('is told to differ before services refuse it', async () => {
    const { found } = await against(script);
    expect([inShort(found).includes('clock?'), warnings(found)]).toEqual([true, ['target-clock-differs']]);
    expect(found.stages[2]?.text).toContain('10 minutes');
  });
});

describe('a connection that is not encrypted', () => {
  test('is nothing to tell where it stays on this computer', async () => {
    const { found } = await against({});
    expect([found.stages[1]?.state, found.stages[1]?.text]).toEqual(['ok', expect.stringContaining('Not encrypted')]);
  });

  // An address of this computer that does not say so.
  test.skipIf(process.platform === 'win32')('is warned of where it may leave it', async () => {
    await using server = await startScriptedS3();
    const found = await probe(placeAt(server.origin.replace('127.0.0.1', '0.0.0.0')));
    expect([warnings(found), found.isUsable]).toEqual([['target-not-encrypted'], true]);
  });
});

describe('what is no S3', () => {
  test.each<[string, S3Answer]>([
    ['a page to sign in', { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>Welcome</html>' }],
    ['a page without a type', { status: 200, body: '<!DOCTYPE html><html>' }],
    ['a way to another page', { status: 302, headers: { location: 'http://portal/login' } }],
  ])('is noticed by %s, before a key is sent', async (_what, answer) => {
    const asked: (string | undefined)[] = [];
    const server = http.createServer((request, response) => {
      asked.push(request.headers.authorization);
      response.writeHead(answer.status, answer.headers);
      response.end(answer.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const found = await probe(placeAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
    expect([inShort(found), failure(found), asked]).toEqual([failsAt('tls'), 'target-not-s3', [undefined]]);
    server.close();
  });

  test('is noticed where no HTTP is spoken', async () => {
    const server = net.createServer((socket) => socket.on('error', () => {}).end('220 ready\r\n'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const found = await probe(placeAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
    expect([inShort(found), failure(found)]).toEqual([failsAt('tls'), 'target-not-s3']);
    server.close();
  });
});

describe('a server that is not there', () => {
  test('because its name is not known', async () => {
    const found = await probe(placeAt('http://nowhere.invalid:9000'));
    expect([inShort(found), failure(found)]).toEqual([failsAt('address'), 'target-unreachable']);
  });

  test('because nothing listens', async () => {
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const found = await probe(placeAt(`http://127.0.0.1:${port}`));
    expect([inShort(found), failure(found)]).toEqual([failsAt('address'), 'target-unreachable']);
    expect(found.stages[0]?.text).toContain('nothing answers there');
  });

  test('because it does not answer', async () => {
    await using server = await startScriptedS3({ isSilent: (action) => action === 'put' });
    const found = await probe(placeAt(server.origin), { stageMs: 300 });
    expect([inShort(found), failure(found)]).toEqual([failsAt('write'), 'target-unreachable']);
  });
});

describe('TLS', () => {
  let folder: TempFolder;
  beforeAll(() => {
    folder = tempFolder();
  });
  afterAll(() => folder[Symbol.dispose]());

  /** A certificate that signed itself, for a name or an address; it is good for two days unless it is past. */
  function certificate(name: string, { san = 'DNS:localhost', isPast = false } = {}): { key: string; cert: string } {
    const [key, cert, request, config] = ['key', 'crt', 'csr', 'cnf'].map((end) => folder.at(`${name}.${end}`));
    const run = (text: string) => execFileSync('openssl', text.split(' '), { cwd: folder.path, stdio: 'ignore' });
    fs.writeFileSync(folder.at('index.txt'), '');
    fs.writeFileSync(
      config ?? '',
      `[ca]\ndefault_ca = c\n[c]\ndatabase = index.txt\nnew_certs_dir = .\nrand_serial = yes\npolicy = p\n` +
        `[p]\ncommonName = supplied\n[e]\nsubjectAltName = ${san}\nbasicConstraints = CA:TRUE\n`,
    );
    run(`req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ${key} -out ${request} -subj /CN=${name}`);
    const days = isPast ? '-startdate 20200101000000Z -enddate 20200102000000Z' : '-days 2';
    run(
      `ca -batch -selfsign -keyfile ${key} -in ${request} -out ${cert} -config ${config} -md sha256 -notext -extensions e ${days}`,
    );
    return { key: fs.readFileSync(key ?? '', 'utf8'), cert: fs.readFileSync(cert ?? '', 'utf8') };
  }

  test('a certificate that signed itself is named', async () => {
    const tls = certificate('self');
    await using server = await startScriptedS3({ tls });
    const found = await probe(placeAt(server.origin));
    expect([inShort(found), failure(found)]).toEqual([failsAt('tls'), 'target-tls']);
    expect(found.stages[1]?.text).toContain('signed its certificate itself');
    expect(server.requests).toEqual([]);
  });

  // What this process trusts is fixed when it starts: a process of its own trusts the test's certificates.
  test.each<[string, string | RegExp, { san: string; isPast?: boolean }]>([
    ['other', 'is for another name', { san: 'DNS:elsewhere' }],
    ['past', 'has expired', { san: 'IP:127.0.0.1', isPast: true }],
    ['right', /is good until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/, { san: 'IP:127.0.0.1' }],
  ])('a certificate (%s) that %s is told', async (name, words, options) => {
    const tls = certificate(name, options);
    await using server = await startScriptedS3({ tls });
    const script = `
      const { checkCertificate, parseEndpoint } = await import(${JSON.stringify(new URL('../../electron/engine/probe/connection.ts', import.meta.url).href)});
      try {
        console.log('its certificate is good until', await checkCertificate(parseEndpoint(${JSON.stringify(server.origin)}), new AbortController().signal));
      } catch (error) { console.log(error.code, error.message); }`;
    const said = await new Promise<string>((resolve, reject) =>
      execFile(
        process.execPath,
        ['--input-type=module', '-e', script],
        { env: { ...process.env, NODE_EXTRA_CA_CERTS: folder.at(`${name}.crt`) } },
        (error, stdout, stderr) => (error === null ? resolve(stdout) : reject(new Error(stderr))),
      ),
    );
    expect(said.trim()).toMatch(words);
  });

  test('a port that speaks none is told', async () => {
    await using server = await startScriptedS3();
    const found = await probe(placeAt(server.origin.replace('http:', 'https:')));
    expect([inShort(found), failure(found)]).toEqual([failsAt('tls'), 'target-tls']);
    expect(found.stages[1]?.text).toContain('does not speak TLS');
  });

  test('a port that speaks nothing else is told', async () => {
    const tls = certificate('only');
    await using server = await startScriptedS3({ tls });
    const found = await probe(placeAt(server.origin.replace('https:', 'http:')));
    expect([inShort(found), found.isUsable]).toEqual([failsAt('tls'), false]);
  });
});

describe('a test', () => {
  test('that is cancelled leaves nothing behind', async () => {
    let isWritten = false;
    await using server = await startScriptedS3({
      isSilent: (action) => {
        isWritten ||= action === 'put';
        return action === 'replace';
      },
    });
    const abort = new AbortController();
    const running = probe(placeAt(server.origin), { signal: abort.signal });
    await until('the object is there', () => isWritten && server.objects.size === 1);
    abort.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    expect(server.objects.size).toBe(0);
  });

  test('takes the kept secret where none was typed, and asks for it where there is none', async () => {
    await using server = await startScriptedS3();
    const place = placeAt(server.origin, { credentials: { kind: 'keys', accessKeyId: 'AKIATEST' } });
    await expect(probe(place)).rejects.toMatchObject({ code: 'target-secret-missing' });
    const kept = { kind: 'keys', accessKeyId: 'AKIATEST', secretAccessKey: secret } as const;
    expect(await probe(place, { kept: () => kept })).toMatchObject({ isUsable: true });
  });

  test('finds that AWS’s settings hold no credentials, and which key they hold once they do', async () => {
    using home = tempFolder();
    const before = { ...process.env };
    const credentials = { kind: 'chain' } as const;
    const toldIn = ({ stages }: TargetTest) => stages.find(({ name }) => name === 'credentials')?.text;
    for (const name of Object.keys(process.env))
      if (/^(AWS|LITESTREAM)_/.test(name)) Reflect.deleteProperty(process.env, name);
    Object.assign(process.env, {
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_CONFIG_FILE: home.at('config'),
      AWS_SHARED_CREDENTIALS_FILE: home.at('credentials'),
      HOME: home.path,
    });
    try {
      const { found } = await against({}, { place: { credentials } });
      expect([inShort(found), failure(found)]).toEqual([failsAt('credentials'), 'target-credentials-missing']);
      const profile = `[default]\naws_access_key_id = AKIAFOUND\naws_secret_access_key = ${secret}\n`;
      fs.writeFileSync(home.at('credentials'), profile);
      const { found: again } = await against({}, { place: { credentials } });
      expect([again.isUsable, toldIn(again)]).toEqual([
        true,
        'The access key AKIAFOUND, which this computer has, is accepted.',
      ]);
    } finally {
      process.env = before;
    }
  });
});
