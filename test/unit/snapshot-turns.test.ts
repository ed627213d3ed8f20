// Whose turn it is to make an image.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type SnapshotTurn, SnapshotTurns } from '../../electron/engine/ship/snapshot-turns.ts';

const mebi = 1024 * 1024;

/** Requests by name; `granted` tells in which order their turns came. */
class Queue {
  readonly #turns = new SnapshotTurns();
  readonly #requests = new Map<string, SnapshotTurn>();
  readonly granted: string[] = [];

  ask(name: string, bytes: number, isFirst = false): void {
    this.#requests.set(name, this.#turns.request({ bytes, isFirst, onGranted: () => this.granted.push(name) }));
  }

  moved(name: string): void {
    this.#requests.get(name)?.moved();
  }

  async end(name: string): Promise<void> {
    this.#requests.get(name)?.[Symbol.dispose]();
    await Promise.resolve();
  }
}

describe('turns for images', () => {
  test('come one after the other, in the order in which they were asked for', async () => {
    const queue = new Queue();
    for (const name of ['a', 'b', 'c']) queue.ask(name, 100 * mebi);
    await Promise.resolve();
    expect(queue.granted).toEqual(['a']);
    await queue.end('a');
    expect(queue.granted).toEqual(['a', 'b']);
    await queue.end('b');
    expect(queue.granted).toEqual(['a', 'b', 'c']);
  });

  test('come first to a database that is not restorable yet, which interrupts nobody', async () => {
    const queue = new Queue();
    queue.ask('running', 100 * mebi);
    await Promise.resolve();
    queue.ask('periodic', 100 * mebi);
    queue.ask('new', 100 * mebi, true);
    queue.ask('newer', 100 * mebi, true);
    await Promise.resolve();
    expect(queue.granted).toEqual(['running']);
    for (const name of ['running', 'new', 'newer']) await queue.end(name);
    expect(queue.granted).toEqual(['running', 'new', 'newer', 'periodic']);
  });

  test('of small databases do not wait behind a large one', async () => {
    const queue = new Queue();
    queue.ask('large', 10_000 * mebi, true);
    queue.ask('small', mebi);
    queue.ask('tiny', 4096);
    await Promise.resolve();
    expect(queue.granted).toEqual(['large', 'small']);
    await queue.end('small');
    expect(queue.granted).toEqual(['large', 'small', 'tiny']);
  });

  test('pass on when one who waits does not want it any more', async () => {
    const queue = new Queue();
    for (const name of ['a', 'b', 'c']) queue.ask(name, 100 * mebi);
    await Promise.resolve();
    await queue.end('b');
    await queue.end('a');
    await queue.end('a');
    expect(queue.granted).toEqual(['a', 'c']);
  });
});

describe('one that takes long', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  test('holds up no small one for longer than a moment', async () => {
    const queue = new Queue();
    for (const name of ['a', 'b', 'c']) queue.ask(name, mebi, true);
    await Promise.resolve();
    vi.advanceTimersByTime(1999);
    expect(queue.granted).toEqual(['a']);
    queue.moved('a');
    vi.advanceTimersByTime(1);
    expect(queue.granted).toEqual(['a', 'b']);
    // Its place is free already.
    await queue.end('a');
    expect(queue.granted).toEqual(['a', 'b']);
    await queue.end('b');
    expect(queue.granted).toEqual(['a', 'b', 'c']);
  });

  test('holds up a large one for as long as it gets on', async () => {
    const queue = new Queue();
    for (const name of ['a', 'b']) queue.ask(name, 100 * mebi);
    await Promise.resolve();
    for (let i = 0; i < 20; i++) {
      vi.advanceTimersByTime(15_000);
      queue.moved('a');
    }
    expect(queue.granted).toEqual(['a']);
    vi.advanceTimersByTime(20_000);
    expect(queue.granted).toEqual(['a', 'b']);
  });
});
