// A tiny S3 in this process that answers as services do, and fails as they do where a test says so: by action, with the
// status, headers and body of real ones. Looks at no signature. Over HTTP, or over TLS with a certificate that is given.
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';

export type S3Action =
  'hello' | 'list' | 'put' | 'replace' | 'get' | 'delete' | 'versions' | 'versioning' | 'lock' | 'location';

export interface S3Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface ScriptedS3 extends AsyncDisposable {
  readonly origin: string;
  readonly port: number;
  /** What lies there, by full key. */
  readonly objects: Map<string, Buffer>;
  /** Former versions and delete markers, where versioning is on. */
  readonly versions: { readonly key: string; readonly id: string }[];
  /** Every request so far, such as `put backup/a`. */
  readonly requests: string[];
  /** Credential scopes of signed requests: `20260101/us-east-1/s3/aws4_request`. */
  readonly scopes: string[];
}

export interface S3Script {
  /** What is answered instead; undefined: as it should be. */
  readonly answer?: (action: S3Action, request: { readonly region: string | undefined }) => S3Answer | undefined;
  readonly versioning?: 'Enabled' | 'Suspended';
  readonly hasLock?: boolean;
  readonly hasConditionalWrites?: boolean;
  /** Does not answer at all. */
  readonly isSilent?: (action: S3Action) => boolean;
  readonly date?: () => string;
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** The error body of S3. */
export function s3Error(
  status: number,
  code: string,
  { more = '', headers = {} }: { readonly more?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): S3Answer {
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${code} it is</Message>${more}</Error>`;
  return { status, headers: { 'content-type': 'application/xml', 'x-amz-request-id': 'R1', ...headers }, body };
}

export async function startScriptedS3(script: S3Script = {}): Promise<ScriptedS3> {
  const objects = new Map<string, Buffer>();
  const versions: { key: string; id: string }[] = [];
  const requests: string[] = [];
  const scopes: string[] = [];
  const state = { objects, versions, script };
  const onRequest = (request: http.IncomingMessage, response: http.ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://s3');
      const [, , ...rest] = url.pathname.split('/');
      const key = decodeURIComponent(rest.join('/'));
      const action = actionOf(request, url, key);
      requests.push(`${action} ${key || (url.searchParams.get('prefix') ?? '')}`);
      const scope = /Credential=[^/]+\/([^,]+)/.exec(request.headers.authorization ?? '')?.[1];
      if (scope !== undefined) scopes.push(scope);
      if (script.isSilent?.(action) === true) return;
      const region = scope?.split('/')[1];
      const answer =
        script.answer?.(action, { region }) ?? perform(state, { action, key, url, body: Buffer.concat(chunks) });
      if (script.date !== undefined) {
        response.sendDate = false;
        response.setHeader('date', script.date());
      }
      response.writeHead(answer.status, { 'x-amz-request-id': 'R1', ...answer.headers });
      response.end(answer.body);
    });
  };
  const server =
    script.tls === undefined ? http.createServer(onRequest) : https.createServer({ ...script.tls }, onRequest);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `${script.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    objects,
    versions,
    requests,
    scopes,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function actionOf(request: http.IncomingMessage, url: URL, key: string): S3Action {
  const has = (name: string) => url.searchParams.has(name);
  if (request.method === 'PUT') return request.headers['if-none-match'] === undefined ? 'put' : 'replace';
  if (request.method === 'DELETE') return 'delete';
  if (has('versioning')) return 'versioning';
  if (has('object-lock')) return 'lock';
  if (has('location')) return 'location';
  if (has('versions')) return 'versions';
  if (has('list-type')) return 'list';
  return key === '' ? 'hello' : 'get';
}

interface State {
  readonly objects: Map<string, Buffer>;
  readonly versions: { key: string; id: string }[];
  readonly script: S3Script;
}

function perform(
  { objects, versions, script }: State,
  {
    action,
    key,
    url,
    body,
  }: { readonly action: S3Action; readonly key: string; readonly url: URL; readonly body: Buffer },
): S3Answer {
  const prefix = url.searchParams.get('prefix') ?? '';
  const xml = (text: string): S3Answer => ({ status: 200, headers: { 'content-type': 'application/xml' }, body: text });
  const isVersioned = script.versioning === 'Enabled';
  switch (action) {
    case 'hello':
      return s3Error(403, 'AccessDenied');
    case 'list': {
      const found = [...objects.keys()].filter((one) => one.startsWith(prefix)).sort();
      const rows = found.map((one) => `<Contents><Key>${one}</Key><Size>1</Size></Contents>`);
      return xml(`<ListBucketResult>${rows.join('')}<IsTruncated>false</IsTruncated></ListBucketResult>`);
    }
    case 'replace':
      if (script.hasConditionalWrites === true && objects.has(key)) return s3Error(412, 'PreconditionFailed');
      objects.set(key, body);
      return { status: 200 };
    case 'put':
      objects.set(key, body);
      if (isVersioned) versions.push({ key, id: `v${versions.length}` });
      return { status: 200 };
    case 'get': {
      const found = objects.get(key);
      return found === undefined ? s3Error(404, 'NoSuchKey') : { status: 200, body: found.toString('utf8') };
    }
    case 'delete': {
      const id = url.searchParams.get('versionId');
      if (id !== null) versions.splice(0, versions.length, ...versions.filter((one) => one.id !== id));
      else {
        objects.delete(key);
        if (isVersioned) versions.push({ key, id: `m${versions.length}` });
      }
      return { status: 204 };
    }
    case 'versions': {
      const rows = versions.map(
        ({ key: one, id }) => `<Version><Key>${one}</Key><VersionId>${id}</VersionId></Version>`,
      );
      return xml(`<ListVersionsResult>${rows.join('')}<IsTruncated>false</IsTruncated></ListVersionsResult>`);
    }
    case 'versioning':
      return xml(
        `<VersioningConfiguration>${script.versioning === undefined ? '' : `<Status>${script.versioning}</Status>`}</VersioningConfiguration>`,
      );
    case 'lock':
      return script.hasLock === true
        ? xml('<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>')
        : s3Error(404, 'ObjectLockConfigurationNotFoundError');
    case 'location':
      return xml('<LocationConstraint></LocationConstraint>');
  }
}
