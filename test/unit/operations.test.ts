// Long jobs as others see them, from their start to their end; and the clock that they go by.
import { describe, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../electron/engine/basics/clock.ts';
import { type Job, Operations } from '../../electron/engine/switchboard/operations.ts';
import { AppError } from '../../shared/errors.ts';
import type { OperationId } from '../../shared/ids.ts';
import type { Operation, Phase, RestoreResult } from '../../shared/operations.ts';
import type { Generation } from '../../shared/position.ts';

const result: RestoreResult = {
  path: '/restored.db',
  point: { position: { generation: '00000000000000aa' as Generation, index: 0, offset: 0 }, at: 5 },
  sizeBytes: 4096,
  proof: { kind: 'identical', stateHash: '0'.repeat(16), check: 'quick_check ok' },
};

/** Operations by a clock that one sets, with what they told. */
function start() {
  const time = { at: 1000 };
  const clock: Clock = { ...systemClock, now: () => time.at };
  const told = { changes: 0, ended: [] as Operation[] };
  const operations = new Operations({ clock, onChange: () => told.changes++ });
  const run = (title: string, job: Job): OperationId =>
    operations.start({ kind: 'restore', title, databaseId: undefined }, job, (ended) => told.ended.push(ended));
  return { time, told, operations, run };
}

/** A job that ends when it is told to. */
function waitingJob() {
  const { promise, resolve, reject } = Promise.withResolvers<RestoreResult>();
  let signal: AbortSignal | undefined;
  const job: Job = (options) => {
    signal = options.signal;
    signal.addEventListener('abort', () => reject(options.signal.reason));
    return promise;
  };
  return { job, resolve, reject, signal: () => signal };
}

describe('an operation', () => {
  test('is seen while it runs, with its phases, and with its result when it is done', async () => {
    const { time, told, operations, run } = start();
    const { promise, resolve } = Promise.withResolvers<RestoreResult>();
    const phase: Phase = {
      name: 'fetch',
      state: 'running',
      text: 'Fetching',
      doneBytes: 5,
      totalBytes: 9,
      ms: undefined,
    };
    const id = run('Restore shop.db', ({ onPhase }) => {
      onPhase(phase);
      return promise;
    });
    const common = { id, kind: 'restore', title: 'Restore shop.db', databaseId: undefined, startedAt: 1000 };
    expect(operations.list()).toMatchObject([{ ...common, endedAt: undefined, state: 'running', result: undefined }]);
    await Promise.resolve();
    expect(operations.list()[0]?.phases.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'plan waiting',
      'fetch running',
      'apply waiting',
      'prove waiting',
      'check waiting',
      'publish waiting',
    ]);
    expect(operations.list()[0]?.phases[1]).toEqual(phase);
    time.at = 1500;
    resolve(result);
    await operations.stop();
    expect(operations.list()).toMatchObject([{ ...common, endedAt: 1500, state: 'done', result, error: undefined }]);
    expect(told).toEqual({ changes: 3, ended: operations.list() });
  });

  test.each<[string, unknown, string]>([
    ['by its own error', new AppError('output-full', { path: '/x' }), 'output-full'],
    ['by anything else', new Error('odd'), 'internal'],
  ])('fails %s', async (_how, thrown, code) => {
    const { operations, run, told } = start();
    run('Restore', async () => {
      throw thrown;
    });
    await operations.stop();
    expect(operations.list()).toMatchObject([{ state: 'cancelled' }]);
    // Stopping came first; the same without it:
    run('Restore', async () => {
      throw thrown;
    });
    await new Promise((go) => setImmediate(go));
    expect(operations.list()[0]).toMatchObject({ state: 'failed', error: { code }, endedAt: 1000 });
    expect(told.ended.map(({ state }) => state)).toEqual(['cancelled', 'failed']);
  });

  test('is cancelled by its signal, once it has cleaned up', async () => {
    const { operations, run } = start();
    const { job, signal } = waitingJob();
    const id = run('Restore', job);
    await Promise.resolve();
    operations.cancel(id);
    expect(operations.list()[0]?.state).toBe('running');
    expect(signal()?.reason).toMatchObject({ code: 'cancelled' });
    await operations.stop();
    expect(operations.list()).toMatchObject([{ state: 'cancelled', error: { code: 'cancelled' }, result: undefined }]);
    operations.cancel(id);
  });

  test('that nobody knows cannot be cancelled', () => {
    const { operations } = start();
    expect(() => operations.cancel('nothing' as OperationId)).toThrow(
      expect.objectContaining({ code: 'operation-not-found' }),
    );
  });

  test('is dismissed only when it has ended', async () => {
    const { operations, run } = start();
    const { job, resolve } = waitingJob();
    const id = run('Restore', job);
    operations.dismiss(id);
    expect(operations.list().length).toBe(1);
    resolve(result);
    await new Promise((go) => setImmediate(go));
    operations.dismiss(id);
    expect(operations.list()).toEqual([]);
  });

  test('stays among the newest: ended ones go first, running ones never', async () => {
    const { operations, run } = start();
    const { job, resolve } = waitingJob();
    run('the one that runs', job);
    for (let n = 1; n <= 25; n++) {
      run(`ended ${n}`, async () => result);
      await new Promise((go) => setImmediate(go));
    }
    const titles = operations.list().map(({ title }) => title);
    expect([titles[0], titles.at(-2), titles.at(-1), titles.length]).toEqual([
      'ended 25',
      'ended 5',
      'the one that runs',
      22,
    ]);
    resolve(result);
    await operations.stop();
  });
});
