// `retain` on a real replica: a dry run touches nothing and says what would go; the same without -dry-run is that.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { listHistory } from '../../electron/engine/restore/look-up.ts';
import type { RetentionPreview } from '../../shared/model.ts';
import { runCommand } from '../support/command-line.ts';
import { newPlace, restore, writeHistory } from '../support/replica-place.ts';
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
  const dry = await runCommand(['retain', '-dry-run', '-keep', '1h', replica]);
  expect(dry).toMatchObject({ code: 0, stderr: '' });
  expect(dry.stdout).toMatch(/kept for\n.*newest\n.*would be deleted.*would stay\. Every transaction since/s);
  expect(await count()).toBe(all);

  const done = await runCommand(['retain', '-keep', '1h', '-json', replica]);
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
