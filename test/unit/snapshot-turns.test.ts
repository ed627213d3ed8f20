// Whose turn it is to make an image.
import { describe, expect, test } from 'vitest';
import { SnapshotTurns } from '../../electron/engine/ship/snapshot-turns.ts';
import type { Turn } from '../../electron/engine/turns.ts';

const mebi = 1024 * 1024;

/** Requests by name; `granted` tells in which order their turns came. */
class Queue {
  readonly #turns = new SnapshotTurns();
  readonly #requests = new Map<string, Turn>();
  readonly granted: string[] = [];

  ask(name: string, bytes: number, isFirst = false): void {
    this.#requests.set(name, this.#turns.request({ bytes, isFirst, onGranted: () => this.granted.push(name) }));
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
