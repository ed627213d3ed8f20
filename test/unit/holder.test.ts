// Whether the installation that claimed a replica is gone for good, by what it wrote of itself.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { bootIdentity } from '../../electron/engine/basics/boot.ts';
import { isGoneForGood, noteHolder } from '../../electron/engine/destinations/holder.ts';
import { tempFolder } from '../support/temp.ts';

const isLinux = process.platform === 'linux';

describe.runIf(isLinux)('a former installation', () => {
  const boot = bootIdentity();
  const own = noteHolder({ computer: 'c', boot, folder: '/nowhere/own' });
  // No process has this number: Linux gives none above four millions.
  const former = own && { ...own, pid: 2 ** 30, folder: '/nowhere/former' };

  test.each<[string, object, boolean]>([
    ['whose process and folder are gone', {}, true],
    ['of another computer', { computer: 'd' }, false],
    ['of an earlier start', { boot: 'another-start', pid: process.pid }, true],
    ['of another space of processes', { space: 'pid:[1]' }, false],
    ['of another space, before the computer started anew', { boot: 'another-start', space: 'pid:[1]' }, true],
    ['that is this process', { pid: process.pid }, false],
    ['whose number another process has now', { pid: process.pid, begun: '1' }, true],
    ['in the folder that is ours now', { folder: '/nowhere/own' }, true],
    ['in a folder that is there, without its state', { folder: import.meta.dirname }, true],
  ])('%s is gone for good: %j → %s', async (_what, over, isGone) => {
    expect(await isGoneForGood(former && { ...former, ...over }, own)).toBe(isGone);
  });

  test('whose state is still there is not, and one that nothing is known of is not either', async () => {
    using folder = tempFolder();
    fs.writeFileSync(folder.at('state.db'), '');
    expect(await isGoneForGood(former && { ...former, folder: folder.path }, own)).toBe(false);
    expect(await isGoneForGood(undefined, own)).toBe(false);
    expect(await isGoneForGood(former, undefined)).toBe(false);
    expect(noteHolder({ computer: undefined, boot: '1796000000000', folder: '/nowhere' })).toBeUndefined();
  });

  test('on a computer without a name is known for as long as it runs', async () => {
    const here = noteHolder({ computer: undefined, boot, folder: '/nowhere/own' });
    const before = here && { ...here, pid: 2 ** 30 };
    expect(await isGoneForGood(before, here)).toBe(true);
    const later = noteHolder({ computer: undefined, boot: 'another-start', folder: '/nowhere/own' });
    expect(await isGoneForGood(before, later)).toBe(false);
  });

  test('is not while its process runs, and is once it ended', async () => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] });
    await once(child, 'spawn');
    const stat = fs.readFileSync(`/proc/${String(child.pid)}/stat`, 'utf8');
    const begun = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
    const running = former && { ...former, pid: child.pid ?? 0, begun };
    expect(await isGoneForGood(running, own)).toBe(false);
    child.stdin?.end();
    await once(child, 'close');
    expect(await isGoneForGood(running, own)).toBe(true);
  });
});
