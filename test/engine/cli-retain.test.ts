// `retain` on a real replica: a dry run touches nothing and says what would go; the same without -dry-run is that.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatNamed, writeRecord } from '../../electron/engine/replica/record.ts';
import { listHistory } from '../../electron/engine/destinations/look-up.ts';
import type { RetentionPreview } from '../../shared/retention.ts';
import { must } from '../../shared/assert.ts';
import { runCommand } from '../support/command-line.ts';
import { newPlace, positionOf, restore, writeHistory } from '../support/replica-place.ts';
import { recordOf } from '../support/replica-record.ts';
import { calm } from '../support/replica-scratch.ts';

test('says what would go, then lets it go', async () => {
  const place = await newPlace();
  using history = await writeHistory(place);
  const replica = join(place.folder, 'replica');
  const count = async () => {
    const [kept] = (await listHistory(place.target, { signal: calm })).generations;
    return (kept?.snapshots.length ?? 0) + (kept?.segments.length ?? 0);
  };
  const all = await count();
  const dry = await runCommand(['retain', '-dry-run', '-keep', '2s', replica]);
  expect(dry).toMatchObject({ code: 0, stderr: '' });
  expect(dry.stdout).toMatch(/kept for\n.*newest\n.*would be deleted.*would stay\. Every transaction since/s);
  expect(await count()).toBe(all);

  const done = await runCommand(['retain', '-keep', '2s', '-json', replica]);
  expect(done.code).toBe(0);
  const [preview] = JSON.parse(done.stdout) as [RetentionPreview];
  expect(preview.deletedObjects).toBeGreaterThan(0);
  expect(await count()).toBe(all - preview.deletedObjects);
  const restored = await restore(place, { kind: 'latest' });
  expect(restored.point.position).toMatchObject({ index: history.last.index, offset: history.last.offset });

  const nothing = await runCommand(['retain', '-dry-run', join(place.folder, 'restored')]);
  expect(nothing).toMatchObject({ code: 1, stdout: '' });
  expect(nothing.stderr).toContain('no history');
});

test('leaves what a record names, says so, and restores it by its name', async () => {
  const place = await newPlace();
  using history = await writeHistory(place);
  const replica = join(place.folder, 'replica');
  // In the middle of a segment of the second index.
  const point = must(history.points[2], 'nine were committed');
  const named = formatNamed([
    { name: 'Before the update', position: positionOf(history, point), at: point.at, namedAt: 5 },
  ]);
  await writeRecord(place.target, recordOf({ named }), { signal: calm });
  const listed = await runCommand(['databases', '-json', replica]);
  expect(JSON.parse(listed.stdout)).toMatchObject([{ named: [{ name: 'Before the update' }] }]);

  const dry = await runCommand(['retain', '-dry-run', '-keep', '2s', replica]);
  expect(dry.stdout).toMatch(/pinned · Before the update\n/);
  const done = await runCommand(['retain', '-keep', '2s', '-json', replica]);
  const [{ deletedObjects, keptSnapshots }] = JSON.parse(done.stdout) as [RetentionPreview];
  expect(deletedObjects).toBeGreaterThan(0);
  expect(keptSnapshots).toMatchObject([{ why: 'pinned', names: ['Before the update'] }, { why: 'newest' }]);

  const output = join(place.folder, 'restored', 'named.db');
  const restored = await runCommand(['restore', '-o', output, '-name', 'before the UPDATE', replica]);
  expect(restored).toMatchObject({ code: 0 });
  expect(readFileSync(output).equals(point.image)).toBe(true);
  const unknown = await runCommand(['restore', '-o', join(place.folder, 'no.db'), '-name', 'after', replica]);
  expect(unknown.code).toBe(1);
  expect(unknown.stderr).toContain('Named there: Before the update.');

  // A record that cannot be understood may name anything.
  writeFileSync(join(replica, 'tidemark.json'), '{');
  expect(await runCommand(['retain', '-keep', '2s', replica])).toMatchObject({ code: 1, stdout: '' });
});
