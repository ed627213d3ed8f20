// Images that stay as they were while the database file is overwritten beneath them: on plain files.
import fs from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readImage, readPages } from '../../electron/engine/source/image.ts';
import { PagePlaces } from '../../electron/engine/source/page-places.ts';
import { type LiveImage, LiveImages } from '../../electron/engine/source/live-image.ts';
import { tempFolder, type TempFolder, until } from '../support/temp.ts';

const pageSize = 512;
const { signal } = new AbortController();
let folder: TempFolder;
let fd: number;
let images: LiveImages;
let keeps: number;

beforeEach(() => {
  folder = tempFolder();
  fs.mkdirSync(folder.at('aside'));
  images = new LiveImages();
  keeps = 0;
});
afterEach(() => {
  fs.closeSync(fd);
  folder[Symbol.dispose]();
});

/** A file of these pages, and an image of it. */
function open(letters: string, { pages = letters.length, aside = 'aside' } = {}): LiveImage {
  fs.writeFileSync(folder.at('file'), Buffer.concat(letters.split('').map((letter) => Buffer.alloc(pageSize, letter))));
  fd = fs.openSync(folder.at('file'), 'r+');
  return images.open({ path: '/shop.db', fd, pageSize, pages, folder: folder.at(aside), budgetBytes: 4 << 20 });
}

const keepPin = (): Disposable => {
  keeps++;
  return { [Symbol.dispose]: () => void keeps-- };
};

/** What a checkpoint does with a page. */
const overwrite = (page: number, letter: string): void =>
  void fs.writeSync(fd, Buffer.alloc(pageSize, letter), 0, pageSize, (page - 1) * pageSize);

async function contents(image: LiveImage, pages?: readonly number[]): Promise<string> {
  let text = '';
  const pieces = pages === undefined ? readImage(image, { signal }) : readPages(image, pages, { signal });
  for await (const { bytes } of pieces) {
    for (let at = 0; at < bytes.length; at += pageSize) {
      const whole = bytes.subarray(at, at + pageSize);
      text += whole.every((byte) => byte === whole[0]) ? String.fromCharCode(whole[0] ?? 0).replace('\0', '0') : '?';
    }
  }
  return text;
}
const asideFiles = () => fs.readdirSync(folder.at('aside'));

describe('an image', () => {
  test('keeps what it had where pages were overwritten, cut off or added since', async () => {
    using image = open('abcdef');
    images.note(2, 0);
    images.note(9, 0);
    images.note(2, 4);
    await images.save(keepPin);
    overwrite(2, 'X');
    fs.ftruncateSync(fd, 4 * pageSize);
    expect(await contents(image)).toBe('abcdef');
    // Once more, after it grew again.
    images.note(5, 9);
    await images.save(keepPin);
    for (const page of [5, 6, 7, 8, 9]) overwrite(page, 'Y');
    expect([await contents(image), await contents(image, [6, 2, 1])]).toEqual(['abcdef', 'fba']);
    expect(asideFiles()).toHaveLength(1);
    expect(keeps).toBe(0);
  });

  test('reads as zeros where nobody had written, whatever comes there', async () => {
    using image = open('ab', { pages: 4 });
    images.note(3, 0);
    images.note(4, 4);
    await images.save(keepPin);
    overwrite(4, 'Z');
    overwrite(3, 'Z');
    expect(await contents(image)).toBe('ab00');
  });

  test('copies a page once, and none that frames have or that was passed', async () => {
    using image = open('abcdef');
    fs.writeFileSync(folder.at('spool'), Buffer.alloc(pageSize, 'C'));
    const newest = new PagePlaces({ from: 0, stride: pageSize });
    newest.set(3, 0);
    image.describe([{ path: folder.at('spool'), newest }]);
    image.passed(2);
    for (const page of [1, 2, 3, 4, 4]) images.note(page, 6);
    await images.save(keepPin);
    images.note(4, 6);
    await images.save(keepPin);
    const [name = ''] = asideFiles();
    expect(fs.readFileSync(folder.at(`aside/${name}`), 'latin1')).toBe('d'.repeat(pageSize));
    overwrite(3, 'X');
    overwrite(4, 'X');
    expect(await contents(image, [3, 4, 5])).toBe('Cde');
  });

  test('takes frames before what was copied because they were not known yet', async () => {
    using image = open('abc');
    images.note(2, 3);
    await images.save(keepPin);
    fs.writeFileSync(folder.at('spool'), Buffer.alloc(pageSize, 'B'));
    const newest = new PagePlaces({ from: 0, stride: pageSize });
    newest.set(2, 0);
    image.describe([{ path: folder.at('spool'), newest }]);
    expect(await contents(image)).toBe('aBc');
  });

  test('keeps the pin where there is no room to copy, until there is, or the image ends', async () => {
    const image = open('abc', { aside: 'later' });
    images.note(2, 3);
    expect(await images.save(keepPin)).toBe(true);
    images.note(3, 1);
    await images.save(keepPin);
    expect([keeps, await contents(image), images.isAnyOpen]).toEqual([1, 'abc', true]);
    fs.mkdirSync(folder.at('later'));
    await until('it is tried again', async () => {
      await images.save(keepPin);
      return keeps === 0;
    });
    overwrite(2, 'X');
    fs.ftruncateSync(fd, pageSize);
    expect(await contents(image)).toBe('abc');
    fs.rmSync(folder.at('later'), { recursive: true });
    images.note(1, 3);
    // What is open already is written to.
    await images.save(keepPin);
    expect(keeps).toBe(0);
    image[Symbol.dispose]();
    const another = images.open({ path: '/shop.db', fd, pageSize, pages: 3, folder: folder.at('nowhere') });
    images.note(1, 3);
    await images.save(keepPin);
    expect(keeps).toBe(1);
    another[Symbol.dispose]();
    another[Symbol.dispose]();
    expect([keeps, images.isAnyOpen]).toEqual([0, false]);
  });

  test('copies much in several calls, and keeps the pin until all of it is', async () => {
    const letters = 'abcdefghij'.repeat(1800);
    using image = open(letters);
    images.note(1, 1);
    const calls: unknown[] = [];
    for (let i = 0; i < 3; i++) calls.push([await images.save(keepPin), keeps]);
    expect(calls).toEqual([
      [false, 1],
      [false, 1],
      [true, 0],
    ]);
    fs.ftruncateSync(fd, 0);
    expect((await contents(image)) === letters).toBe(true);
  });

  test('is over when it is closed: nothing is left, nothing is read, nothing is kept', async () => {
    const image = open('abc');
    images.note(1, 3);
    await images.save(keepPin);
    expect(asideFiles()).toHaveLength(1);
    image[Symbol.dispose]();
    expect(asideFiles()).toEqual([]);
    await expect(contents(image)).rejects.toThrow('the image was closed');
    expect([await image.save(keepPin), keeps]).toEqual([true, 0]);
  });
});

test('whatever is overwritten while it is read, and however reads and copies meet, it is what it was', async () => {
  const pages = 3000;
  const letters = Array.from({ length: pages }, (_, i) => String.fromCharCode(97 + (i % 26))).join('');
  const inOrder = Array.from({ length: pages }, (_, i) => i + 1);
  const scattered = inOrder.map((page) => 1 + ((page * 1009) % pages));
  const steps = fc.array(
    fc.record({
      pages: fc.array(fc.integer({ min: 1, max: pages + 20 }), { minLength: 1, maxLength: 200 }),
      size: fc.option(fc.integer({ min: 1, max: pages + 20 }), { freq: 4 }),
      turns: fc.nat(3),
    }),
    { minLength: 1, maxLength: 12 },
  );
  await fc.assert(
    fc.asyncProperty(steps, fc.boolean(), async (list, isOnce) => {
      using image = open(letters);
      let isDone = false;
      const overwriting = async (): Promise<void> => {
        for (const step of list) {
          for (const page of step.pages) images.note(page, 0);
          if (step.size !== null) images.note(1, step.size);
          await images.save(keepPin);
          for (const page of step.pages) overwrite(page, '!');
          if (step.size !== null) fs.ftruncateSync(fd, step.size * pageSize);
          for (let turn = 0; turn < step.turns; turn++) await nextTurn();
        }
        isDone = true;
      };
      const running = overwriting();
      const read: string[] = [];
      do {
        const text: string[] = [];
        // Out of order, each page is a read of its own, and many of them wait while others are overwritten.
        for await (const piece of readPages(image, isOnce ? inOrder : scattered, { signal })) {
          piece.pages.forEach((page, i) => (text[page - 1] = String.fromCharCode(piece.bytes[i * pageSize] ?? 0)));
          if (isOnce) image.passed(piece.pages.at(-1) ?? 0);
        }
        read.push(text.join(''));
      } while (!isDone && !isOnce);
      await running;
      fs.closeSync(fd);
      fd = fs.openSync(folder.at('file'), 'r+');
      expect(read.every((text) => text === letters)).toBe(true);
    }),
    { numRuns: 40 },
  );
  expect(keeps).toBe(0);
});
