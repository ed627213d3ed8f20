// Puts objects by the shortest way. For each command the SDK puts a chain of some thirty steps together and looks up again
// where the bucket is and how one signs there, which costs several times what a small request itself does. So only the first
// PUT to a bucket goes the SDK's way; what was found out is kept, and those that follow go from the SDK's serializer straight
// to its signer and to the network. Whenever one fails, what was kept is forgotten: the next one goes the SDK's way again,
// which opens sessions and looks everything up anew.
import { crc32 } from 'node:zlib';
import { PutObject$, PutObjectCommand, type PutObjectCommandInput, type S3Client } from '@aws-sdk/client-s3';
import type { Provider } from '../../../shared/providers.ts';
import { mustComeFromS3 } from './s3-foreign.ts';
import { addQuirks, type HttpRequest, isHttpRequest } from './s3-quirks.ts';
import { tellRequest } from './s3-traffic.ts';

/** Larger ones are few, and the SDK asks the server first whether it takes them. */
const directUpToBytes = 1 << 20;
const octets = 'application/octet-stream';
const errorTail = '</Error>';

interface PutRequest extends PutObjectCommandInput {
  readonly Bucket: string;
  readonly Body: Buffer;
}

/** What the SDK found out about a bucket. */
interface Route {
  /** What its serializer and its deserializer ask for. */
  readonly serde: object;
  /** Those that say who is asked, and by whom. */
  readonly headers: Readonly<Record<string, string>>;
  /** Signs with the credentials and the clock of the moment. */
  readonly signer: Signer;
  readonly signing: Readonly<Record<string, unknown>>;
}

interface Signer {
  sign(request: unknown, identity: unknown, properties: object): Promise<HttpRequest>;
  successHandler?(response: unknown, properties: object): void;
  errorHandler?(properties: object): (error: unknown) => never;
}

interface Response {
  statusCode: number;
  body: unknown;
}

type Protocol = Record<'serializeRequest' | 'deserializeResponse', (...given: readonly unknown[]) => Promise<unknown>>;

const routes = new WeakMap<S3Client, Map<string, Route>>();
const [, namespace, name, traits, input, output] = PutObject$;
const operation = { namespace, name, traits, input, output };

/** Stores an object; throws what the SDK throws. */
export async function putObject(
  client: S3Client,
  request: PutRequest,
  { provider, abortSignal }: { readonly provider: Provider; readonly abortSignal: AbortSignal },
): Promise<void> {
  const known = routes.get(client) ?? new Map<string, Route>();
  routes.set(client, known);
  const checked = { ...request, ...checksumOf(request.Body, provider) };
  const route = request.Body.length > directUpToBytes ? undefined : known.get(request.Bucket);
  if (route === undefined) {
    const found = await putBySdk(client, checked, abortSignal);
    if (found !== undefined) known.set(request.Bucket, found);
    return;
  }
  try {
    await putDirectly(client, route, { request: checked, provider, abortSignal });
  } catch (error) {
    if (!abortSignal.aborted && known.get(request.Bucket) === route) known.delete(request.Bucket);
    throw error;
  }
}

/** Amazon's own checksum, as the SDK would add it. */
function checksumOf(
  body: Buffer,
  { checksums }: Provider,
): Pick<PutObjectCommandInput, 'ChecksumAlgorithm' | 'ChecksumCRC32'> {
  if (checksums !== 'when-supported') return {};
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(body));
  return { ChecksumAlgorithm: 'CRC32', ChecksumCRC32: bytes.toString('base64') };
}

/** Returns what was found out on the way; undefined where only the SDK knows how it went. */
async function putBySdk(client: S3Client, request: PutRequest, abortSignal: AbortSignal): Promise<Route | undefined> {
  const command = new PutObjectCommand(request);
  let route: Route | undefined;
  command.middlewareStack.add(
    (next, context) => async (args) => {
      const result = await next(args);
      route = routeOf(client, context, args.request);
      return result;
    },
    { step: 'finalizeRequest', priority: 'low', name: 'tidemarkRoute' },
  );
  await client.send(command, { abortSignal });
  return route;
}

function routeOf(client: S3Client, context: Readonly<Record<string, unknown>>, request: unknown): Route | undefined {
  const { endpointV2, authSchemes } = context;
  const scheme = property(property(context, '__smithy_context'), 'selectedHttpAuthScheme');
  const option = property(scheme, 'httpAuthOption');
  const signer = property(scheme, 'signer');
  // Directory buckets have sessions, access points of several regions another signature.
  const isUsual = property(option, 'schemeId') === 'aws.auth#sigv4' && context['s3ExpressIdentity'] === undefined;
  if (!isUsual || !isSigner(signer) || endpointV2 === undefined || !isHttpRequest(request)) return undefined;
  const { host, 'user-agent': agent } = request.headers;
  return {
    serde: { ...client.config, endpoint: async () => await Promise.resolve(endpointV2) },
    headers: { ...(host === undefined ? {} : { host }), ...(agent === undefined ? {} : { 'user-agent': agent }) },
    signer,
    // The whole context would keep the first body.
    signing: { ...(property(option, 'signingProperties') as object), context: { endpointV2, authSchemes } },
  };
}

interface Direct {
  readonly request: PutRequest;
  readonly provider: Provider;
  readonly abortSignal: AbortSignal;
}

async function putDirectly(
  client: S3Client,
  { serde, headers, signer, signing }: Route,
  { request, provider, abortSignal }: Direct,
): Promise<void> {
  const { requestHandler, streamCollector } = client.config;
  const protocol = client.config.protocol as unknown as Protocol;
  const asked = (await protocol.serializeRequest(operation, { ContentType: octets, ...request }, serde)) as HttpRequest;
  Object.assign(asked.headers, headers, { 'content-length': String(request.Body.length) });
  addQuirks(asked, provider);
  // It keeps there when it was used, for what it learns of the server's clock.
  const properties = { ...signing };
  try {
    const signed = await signer.sign(asked, {}, properties);
    const told = (await tellRequest('put', signed)) as never;
    const sent: { readonly response: Response } = await requestHandler.handle(told, { abortSignal });
    await mustComeFromS3('PutObjectCommand', sent.response);
    const response = await finish(sent.response, streamCollector);
    if (response.statusCode >= 300) throw await errorOf(response, protocol, serde);
    signer.successHandler?.(response, properties);
  } catch (error) {
    signer.errorHandler?.(properties)(error);
    throw error;
  }
}

/** Reads an answer to its end. Some servers begin to answer before they know how it ends. */
async function finish(response: Response, collect: (stream: unknown) => Promise<Uint8Array>): Promise<Response> {
  const body = await collect(response.body);
  const isError = body.length > 0 && Buffer.from(body.subarray(-errorTail.length)).toString() === errorTail;
  if (isError && response.statusCode < 300) response.statusCode = 503;
  return Object.assign(response, { body });
}

/** The SDK's error for an answer, and with it the answer. */
async function errorOf(response: Response, protocol: Protocol, serde: object): Promise<unknown> {
  const error = await protocol.deserializeResponse(operation, serde, response).catch((thrown: unknown) => thrown);
  return error instanceof Error ? Object.defineProperty(error, '$response', { value: response }) : error;
}

function isSigner(signer: unknown): signer is Signer {
  return typeof signer === 'object' && signer !== null && 'sign' in signer;
}

function property(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}
