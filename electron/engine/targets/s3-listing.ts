// Listings of S3, read by hand: of a history of 100,000 objects, the SDK's own way through its XML costs seconds of the
// processor. What is not an object of the page is left to the SDK.
import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { AppError } from '../../../shared/errors.ts';
import type { S3Context } from './s3-context.ts';
import { mustBeListing } from './s3-foreign.ts';
import type { StoredObject } from './target.ts';

interface Listed {
  readonly key: string;
  readonly bytes: number;
  readonly modifiedAt: number;
  readonly tag: string | undefined;
}

/** All objects whose key begins with `prefix`, page after page, in bytewise order. */
export async function listObjects(
  context: S3Context,
  prefix: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<readonly StoredObject[]> {
  const { connection, address } = context;
  const root = context.fullKey('');
  const found: StoredObject[] = [];
  let token: string | undefined;
  do {
    const request = {
      Bucket: address.bucket,
      Prefix: root + prefix,
      EncodingType: 'url',
      ...(token === undefined ? {} : { ContinuationToken: token }),
    } as const;
    const { page, objects } = await connection.send(
      context.place('list objects'),
      async (client, { abortSignal }) => await listPage(client, request, abortSignal),
      { signal },
    );
    for (const { key: listed, bytes, modifiedAt, tag } of objects) {
      const key = decodeKey(listed, page.EncodingType === 'url', root);
      // Consoles leave empty objects that stand for folders.
      if (key === undefined || key === '' || key.endsWith('/')) continue;
      found.push({ key, bytes, modifiedAt, ...(tag === undefined ? {} : { tag }) });
    }
    const next = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    // A part must never be taken for all: what is not listed counts as lost.
    if (page.IsTruncated === true && (next === undefined || next === token)) {
      const reason = 'its listing says that there is more, but not where it goes on';
      throw new AppError('target-failed', { path: context.place('list objects').url, reason });
    }
    token = next;
  } while (token !== undefined);
  return sortBytewise(found);
}

/** The names before the first slash below the root, as one request; undefined where there are more than that tells. */
export async function listFolders(
  context: S3Context,
  { signal }: { readonly signal: AbortSignal },
): Promise<ReadonlySet<string> | undefined> {
  const { connection, address } = context;
  const root = context.fullKey('');
  const request = { Bucket: address.bucket, Prefix: root, Delimiter: '/', EncodingType: 'url' } as const;
  const { page } = await connection.send(
    context.place('list objects'),
    async (client, { abortSignal }) => await listPage(client, request, abortSignal),
    { signal },
  );
  if (page.IsTruncated === true) return undefined;
  const prefixes = (page.CommonPrefixes ?? []).flatMap(({ Prefix }) => Prefix ?? []);
  const names = prefixes.flatMap((prefix) => decodeKey(prefix, page.EncodingType === 'url', root) ?? []);
  return new Set(names);
}

async function listPage(
  client: S3Client,
  request: ConstructorParameters<typeof ListObjectsV2Command>[0],
  abortSignal: AbortSignal,
) {
  const command = new ListObjectsV2Command(request);
  const objects: Listed[] = [];
  command.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { response } = result;
      if (isAnswer(response) && response.statusCode === 200) {
        const xml = await textOf(response.body);
        mustBeListing(xml, { status: response.statusCode, headers: response.headers });
        response.body = Buffer.from(takeObjects(xml, objects));
      }
      return result;
    },
    // Nearer to the network than what makes the answer an object.
    { step: 'deserialize', priority: 'low', name: 'tidemarkListing' },
  );
  const page = await client.send(command, { abortSignal });
  return { page, objects };
}

interface Answer {
  readonly statusCode: number;
  readonly headers?: unknown;
  body: AsyncIterable<Uint8Array> | Uint8Array;
}

function isAnswer(response: unknown): response is Answer {
  if (typeof response !== 'object' || response === null || !('statusCode' in response) || !('body' in response)) {
    return false;
  }
  const { body } = response;
  return body instanceof Uint8Array || (typeof body === 'object' && body !== null && Symbol.asyncIterator in body);
}

async function textOf(body: Answer['body']): Promise<string> {
  const chunks: Uint8Array[] = [];
  if (body instanceof Uint8Array) chunks.push(body);
  else for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const opening = '<Contents>';
const closing = '</Contents>';

/** Moves the objects of a page into `objects` and returns what is left of its XML. */
function takeObjects(xml: string, objects: Listed[]): string {
  let rest = '';
  let at = 0;
  for (;;) {
    const from = xml.indexOf(opening, at);
    const to = from < 0 ? -1 : xml.indexOf(closing, from);
    // What was cut off there the SDK cannot read either, and says so.
    if (to < 0) return rest + xml.slice(at);
    rest += xml.slice(at, from);
    const object = xml.slice(from + opening.length, to);
    objects.push({
      key: field(object, 'Key') ?? '',
      bytes: Number(field(object, 'Size') ?? 0),
      modifiedAt: Date.parse(field(object, 'LastModified') ?? '') || 0,
      tag: field(object, 'ETag'),
    });
    at = to + closing.length;
  }
}

function field(xml: string, name: string): string | undefined {
  const from = xml.indexOf(`<${name}>`);
  const to = from < 0 ? -1 : xml.indexOf(`</${name}>`, from);
  if (to < 0) return undefined;
  const text = xml.slice(from + name.length + 2, to);
  return text.includes('&') ? text.replaceAll(/&(#x?[0-9a-f]+|[a-z]+);/gi, unescape) : text;
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function unescape(whole: string, name: string): string {
  if (!name.startsWith('#')) return entities[name] ?? whole;
  const isHex = name[1] === 'x' || name[1] === 'X';
  return String.fromCodePoint(Number.parseInt(name.slice(isHex ? 2 : 1), isHex ? 16 : 10));
}

/** The key below the root; some servers say that they encoded keys and did not. */
function decodeKey(key: string, isEncoded: boolean, root: string): string | undefined {
  if (isEncoded) {
    try {
      const decoded = decodeURIComponent(key.replaceAll('+', ' '));
      if (decoded.startsWith(root)) return decoded.slice(root.length);
    } catch {
      // @NOTE not encoded: a per cent sign of the key itself.
    }
  }
  return key.startsWith(root) ? key.slice(root.length) : undefined;
}

/** Servers list in this order already, most of them: looking costs nothing beside sorting 100,000 keys. */
function sortBytewise(objects: StoredObject[]): readonly StoredObject[] {
  // Up to the surrogates, the order of UTF-16 is that of bytes.
  const isSorted = objects.every(({ key }, i) => {
    const before = objects[i - 1]?.key;
    return (before === undefined || before < key) && !/[\ud800-\uffff]/.test(key);
  });
  return isSorted ? objects : objects.sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
}
