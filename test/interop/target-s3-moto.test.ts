// The contract of all targets against moto's server of S3, and a history that goes there and comes back.
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testTarget } from '../../electron/engine/probe/test-target.ts';
import { openTarget } from '../../electron/engine/targets/open-target.ts';
import { runCommand, startCommand } from '../support/command-line.ts';
import { startMoto, whyNoMoto } from '../support/moto.ts';
import { calm, collect, failureOf, inPieces, noise } from '../support/replica-scratch.ts';
import type { S3Server } from '../support/s3-server.ts';
import { describeTargetContract } from '../support/target-contract.ts';
import { tempFolder } from '../support/temp.ts';

const missing = await whyNoMoto();
if (missing !== undefined) process.stdout.write(`${missing}\n`);

describe.skipIf(missing !== undefined)('moto', () => {
  let server: S3Server;
  beforeAll(async () => {
    server = await startMoto();
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  const openNew = async () => {
    return openTarget(server.urlOf(await server.makeBucket(), 'app.db'), { credentials: server.credentials });
  };
  describeTargetContract('a bucket of moto', openNew);

  test('takes a stream in parts, many deletes at once, and a put on a condition, or says that it does not compare', async () => {
    const target = await openNew();
    const bytes = noise((17 << 20) + 3);
    await target.put('large', inPieces(bytes), { signal: calm });
    expect((await collect(target.get('large', { signal: calm }))).equals(bytes)).toBe(true);
    const absent = { condition: { kind: 'absent' }, signal: calm } as const;
    const { isChecked } = await target.put('tidemark.json', noise(1), absent);
    const again = target.put('tidemark.json', noise(2), absent);
    if (isChecked === true) expect(await failureOf(again)).toMatchObject({ code: 'object-changed' });
    else expect(await again).toMatchObject({ isChecked: false });
    await target.delete(['large', 'tidemark.json', 'none'], { signal: calm });
    expect(await target.list('', { signal: calm })).toEqual([]);
  });

  test('passes the test of a destination', async () => {
    const found = await testTarget({
      place: {
        kind: 's3',
        provider: 'other',
        bucket: await server.makeBucket(),
        prefix: 'home',
        region: 'us-east-1',
        endpoint: server.endpoint,
        credentials: server.credentials,
      },
      databasePath: '/app/shop.db',
      machineId: 'desk',
      kept: () => undefined,
      now: () => Date.now(),
      signal: calm,
    });
    expect(found.stages.map(({ name, state }) => [name, state])).toEqual(found.stages.map(({ name }) => [name, 'ok']));
    expect(found.isUsable).toBe(true);
  });

  test('gives back what was replicated there', async () => {
    using folder = tempFolder();
    const { accessKeyId, secretAccessKey } = server.credentials;
    const keys = `accessKeyId=${accessKeyId}&secretAccessKey=${secretAccessKey}`;
    const url = `${server.urlOf(await server.makeBucket(), 'app.db')}&${keys}`;
    const app = new Database(folder.at('app.db'));
    app.pragma('journal_mode = wal');
    app.exec('CREATE TABLE t(v)');
    await using replicating = startCommand(['replicate', '-data-dir', folder.at('own'), folder.at('app.db'), url]);
    await replicating.printed('protected');
    for (let i = 0; i < 50; i += 1) app.prepare('INSERT INTO t VALUES (?)').run(i);
    replicating.child.kill('SIGINT');
    expect(await replicating.ended).toBe(0);
    expect(await runCommand(['restore', '-o', folder.at('out.db'), url])).toMatchObject({ code: 0 });
    const out = new Database(folder.at('out.db'));
    expect(out.prepare('SELECT count(*) FROM t').pluck().get()).toBe(50);
    out.close();
    app.close();
    expect(fs.readdirSync(folder.path).filter((name) => name.startsWith('out'))).toEqual(['out.db']);
  });
});
