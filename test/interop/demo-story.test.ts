// `npm run demo`, as a newcomer runs it: it keeps its promises, says so, and leaves nothing behind.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { startScript } from '../support/processes.ts';
import { tempFolder } from '../support/temp.ts';

const script = path.resolve(import.meta.dirname, '../../electron/demo/story.ts');

test('protects, survives the writer’s death, restores three moments, and litestream agrees', async () => {
  using folder = tempFolder();
  await using story = startScript(script, [], { env: { TMPDIR: folder.path } });
  expect(await story.ended, story.output()).toBe(0);
  expect(story.output().match(/^Tidemark .* equal$/gm)).toHaveLength(3);
  expect(story.output()).toMatch(/^litestream +newest .* equal$/m);
  expect(story.output()).toContain('no commit is missing');
  expect(story.output()).toContain('All equal, in ');
  expect(readdirSync(folder.path)).toEqual([]);
});

test('an interrupt ends it and leaves nothing behind', async () => {
  using folder = tempFolder();
  await using story = startScript(script, [], { env: { TMPDIR: folder.path } });
  await story.printed('Protected after');
  story.child.kill('SIGINT');
  expect(await story.ended).toBe(130);
  expect(readdirSync(folder.path)).toEqual([]);
});
