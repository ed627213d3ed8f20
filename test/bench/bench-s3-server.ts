// Servers of S3 for the benchmark, in a process of their own: a real one, which keeps what it is given in memory, and one that
// keeps nothing and lists a history of 100,000 objects, so that neither its memory nor its speed is what is measured.
// Prints one line of JSON with both endpoints; says at `/cpu` of the second how much processor both have used so far.
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { startS3Server } from '../support/s3-server.ts';

const objects = 100_000;
const segmentsPerIndex = 50;
const pageSize = 1000;

const kept = await startS3Server();
const bucket = await kept.makeBucket();

const pages = Array.from({ length: objects / pageSize }, (_, page) => renderPage(page));
const sink = http.createServer((asked, answer) => {
  const query = new URL(asked.url ?? '/', 'http://localhost').searchParams;
  asked.resume();
  asked.once('end', () => {
    if (asked.url === '/cpu') answer.end(JSON.stringify(process.cpuUsage()));
    else if (asked.method === 'GET') {
      answer.setHeader('content-type', 'application/xml');
      answer.end(pages[Number(query.get('continuation-token') ?? 0)]);
    } else if (query.has('uploads'))
      answer.end('<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>');
    else if (asked.method === 'POST')
      answer.end('<CompleteMultipartUploadResult><ETag>"1"</ETag></CompleteMultipartUploadResult>');
    else {
      answer.setHeader('etag', '"1"');
      answer.end();
    }
  });
});
await new Promise<void>((listening) => sink.listen(0, '127.0.0.1', listening));
const { port } = sink.address() as AddressInfo;
process.stdout.write(
  `${JSON.stringify({ kept: kept.urlOf(bucket), sink: `s3://sink?endpoint=http://127.0.0.1:${port}`, cpu: `http://127.0.0.1:${port}/cpu` })}\n`,
);

/** A page of a listing: indices of 50 segments each, of which every tenth has a snapshot. */
function renderPage(page: number): string {
  const rows = Array.from({ length: pageSize }, (_, i) => {
    const number = page * pageSize + i;
    const index = Math.floor(number / segmentsPerIndex);
    const hex = (value: number) => value.toString(16).padStart(8, '0');
    const isSnapshot = number % (segmentsPerIndex * 10) === segmentsPerIndex - 1;
    const name = isSnapshot
      ? `snapshots/${hex(index)}.snapshot.lz4`
      : `wal/${hex(index)}_${hex(number % segmentsPerIndex === 0 ? 0 : 32 + (number % segmentsPerIndex) * 4120)}.wal.lz4`;
    const at = new Date(1_700_000_000_000 + number * 1000).toISOString();
    return `<Contents><Key>generations/0123456789abcdef/${name}</Key><LastModified>${at}</LastModified><ETag>&quot;0123456789abcdef0123456789abcdef&quot;</ETag><Size>2345</Size><StorageClass>STANDARD</StorageClass></Contents>`;
  });
  const isLast = (page + 1) * pageSize === objects;
  const more = isLast ? '' : `<NextContinuationToken>${page + 1}</NextContinuationToken>`;
  return `<?xml version="1.0"?><ListBucketResult><Name>sink</Name><IsTruncated>${!isLast}</IsTruncated>${more}${rows.join('')}</ListBucketResult>`;
}
