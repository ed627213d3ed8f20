// The log: whatever happens to its file, nobody who logs is troubled.
import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLog } from '../../electron/engine/basics/log.ts';
import { canMount, smallDisk } from '../support/small-disk.ts';
import { type TempFolder, tempFolder, until } from '../support/temp.ts';

let folder: TempFolder;

beforeEach(() => {
  folder = tempFolder();
});

afterEach(() => folder[Symbol.dispose]());

describe('the log', () => {
  test('keeps lines in order, goes on where it was, and has all when it is closed', async () => {
    for (const run of [1, 2]) {
      await using log = openLog(folder.path);
      log.logger.info({ run }, 'begun');
      log.logger.child({ part: 'ship' }).warn('retrying');
    }
    expect(lines()).toMatchObject([{ run: 1 }, { part: 'ship' }, { run: 2 }, { part: 'ship' }]);
  });

  test('is turned over when it is large', async () => {
    await using log = openLog(folder.path);
    const text = 'x'.repeat(1_000_000);
    for (let i = 0; i < 11; i++) {
      log.logger.info({ i, text }, 'large');
      await until(
        'it is written',
        () => (fs.statSync(file(), { throwIfNoEntry: false })?.size ?? 0) > (i + 1) * text.length,
      );
    }
    log.logger.info('next');
    await until('it was turned over', () => fs.existsSync(`${file()}.1`) && fs.existsSync(file()));
    expect(lines()).toMatchObject([{ msg: 'next' }]);
  });

  test('where nothing can be kept is no failure, and is there once it can', async () => {
    fs.writeFileSync(folder.at('logs'), 'in the way');
    await using log = openLog(folder.path);
    log.logger.info('lost');
    fs.rmSync(folder.at('logs'));
    const kept = await until('it is kept', () => {
      log.logger.info('kept');
      return fs.existsSync(file()) ? lines().find(({ msg }) => msg === 'kept') : undefined;
    });
    expect(kept).toMatchObject({ level: 30 });
  });

  test.skipIf(!canMount)('on a full disk drops lines, and says how many once there is room', async () => {
    using disk = smallDisk(folder.at('disk'), 1_000_000);
    await using log = openLog(disk.path);
    const path = folder.at('disk', 'logs', 'tidemark.log');
    log.logger.info('before');
    await until('it is written', () => fs.existsSync(path) && fs.readFileSync(path, 'utf8').endsWith('\n'));
    const told = await until('some were dropped, and it goes on', async () => {
      disk.fill();
      for (let i = 0; i < 50; i++) {
        log.logger.info({ text: 'y'.repeat(1000) }, 'in need');
        await new Promise((resolve) => setImmediate(resolve));
      }
      disk.empty();
      log.logger.info('after');
      return lines(path).find(({ msg }) => msg === 'lines of this log could not be written');
    });
    expect(told['lines']).toBeGreaterThan(0);
    expect(lines(path)[0]).toMatchObject({ msg: 'before' });
  });
});

function file(): string {
  return folder.at('logs', 'tidemark.log');
}

/** Whole lines; what a full disk tore is none. */
function lines(path = file()): readonly Record<string, unknown>[] {
  return fs
    .readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as Record<string, unknown>];
      } catch {
        return [];
      }
    });
}
