// The replica record, on a real folder.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  findRecord,
  formatNamed,
  type FoundRecord,
  lookForRecord,
  parseNamed,
  readRecord,
  replaceRecord,
  type ReplicaRecord,
  writeRecord,
} from '../../electron/engine/replica/record.ts';
import { openFolderTarget } from '../../electron/engine/targets/folder.ts';
import type { Generation } from '../../shared/position.ts';
import { calm, failureOf, scratchFolder } from '../support/replica-scratch.ts';

const record: ReplicaRecord = {
  v: 1,
  database: 'shöp.db',
  databaseId: 'a1b2',
  path: '/srv/shöp.db',
  machine: { name: 'desk', id: 'f00d' },
  pageSize: 4096,
  createdAt: 1_700_000_000_000,
  by: '0.1.0',
  encryption: 'none',
};

const namedOnce = { name: 'one', generation: '0123456789abcdef', index: 0, offset: 0, at: 1, namedAt: 1 };

describe('the replica record', () => {
  test('is read as it was written, and is readable for people', async () => {
    const target = openFolderTarget({ path: await scratchFolder() });
    expect(await readRecord(target, { signal: calm })).toBeUndefined();
    await writeRecord(target, { ...record, database: 'before.db' }, { signal: calm });
    await writeRecord(target, record, { signal: calm });
    expect(await readRecord(target, { signal: calm })).toEqual(record);
    expect(await readFile(join(target.path, 'tidemark.json'), 'utf8')).toContain('  "database": "shöp.db",\n');
  });

  test('says which points have names, and says nothing where none has', async () => {
    const target = openFolderTarget({ path: await scratchFolder() });
    const position = { generation: '00000000000000aa' as Generation, index: 2, offset: 4152 };
    const points = [{ name: 'Über „alles“', position, at: 5, namedAt: 7 }];
    const named = formatNamed(points);
    await writeRecord(target, { ...record, named }, { signal: calm });
    const read = await readRecord(target, { signal: calm });
    expect(read && parseNamed(read)).toEqual(points);
    expect([formatNamed([]), parseNamed(record)]).toEqual([undefined, []]);
  });

  test('names points in a line that can be shown, whatever somebody else wrote', async () => {
    const target = openFolderTarget({ path: await scratchFolder() });
    const named = [{ ...namedOnce, name: `\u001B[2J\u202Eone\n${'x'.repeat(4000)}` }] as ReplicaRecord['named'];
    await writeRecord(target, { ...record, named }, { signal: calm });
    const read = await readRecord(target, { signal: calm });
    const name = (read && parseNamed(read))?.[0]?.name ?? '';
    expect(name).toMatch(/^\uFFFD\[2J\uFFFDone\uFFFDx+$/);
    expect(name).toHaveLength(200);
  });

  test('is refused where it names what cannot be understood: whoever deletes would take it for nothing', async () => {
    const target = openFolderTarget({ path: await scratchFolder() });
    const broken = {
      ...record,
      named: [{ name: 'one', generation: 'latest', index: 0, offset: 0, at: 1, namedAt: 1 }],
    };
    await writeFile(join(target.path, 'tidemark.json'), JSON.stringify(broken));
    expect(await failureOf(readRecord(target, { signal: calm }))).toMatchObject({ code: 'object-damaged' });
  });

  test('is replaced only where it is still the one that was found', async () => {
    const target = openFolderTarget({ path: await scratchFolder() });
    const replace = async (found: FoundRecord | undefined, by: string) =>
      await replaceRecord(target, found, { record: { ...record, by }, signal: calm });
    expect(await Promise.all([replace(undefined, 'first'), replace(undefined, 'second')])).toContain(false);
    const found = await findRecord(target, { signal: calm });
    expect(await replace(found, 'one that is longer')).toBe(true);
    expect(await replace(found, 'too late')).toBe(false);
    expect(await readRecord(target, { signal: calm })).toMatchObject({ by: 'one that is longer' });
  });

  test.each([
    ['not JSON', '{"v": 1, '],
    ['something else', '{"v": 1, "name": "x"}'],
    ['of a later version', JSON.stringify({ ...record, v: 2 })],
  ])('is refused when it is %s', async (_name, text) => {
    const target = openFolderTarget({ path: await scratchFolder() });
    await writeFile(join(target.path, 'tidemark.json'), text);
    expect(await failureOf(readRecord(target, { signal: calm }))).toMatchObject({
      code: 'object-damaged',
      details: { key: 'tidemark.json' },
    });
  });

  test.each([
    ['empty', '', 'it is empty'],
    ['cut', JSON.stringify(record).slice(0, -9), undefined],
    ['huge', `${JSON.stringify(record)}${' '.repeat(2 << 20)}`, 'it is longer than any record'],
    ['newer', JSON.stringify({ v: 2 }), 'a newer version of Tidemark wrote it'],
    ['of a time that no calendar has', JSON.stringify({ ...record, createdAt: 1e300 }), undefined],
    ['of names at such times', JSON.stringify({ ...record, named: [{ ...namedOnce, at: 1e300 }] }), undefined],
    ['of a page size that is none', JSON.stringify({ ...record, pageSize: 3000 }), undefined],
  ])('that is %s is refused, but hides nothing from who only reads', async (_what, json, reason) => {
    const target = openFolderTarget({ path: await scratchFolder() });
    await writeFile(join(target.path, 'tidemark.json'), json);
    const failure = await failureOf(readRecord(target, { signal: calm }));
    expect(failure).toMatchObject({
      code: 'object-damaged',
      details: { key: 'tidemark.json', ...(reason && { reason }) },
    });
    expect(await lookForRecord(target, { signal: calm })).toMatchObject({
      record: undefined,
      problem: { code: 'object-damaged' },
    });
  });
});
