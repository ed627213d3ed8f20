// The contract as a host offers it: names and arguments are checked before anybody acts, failures keep their code.
import { describe, expect, test } from 'vitest';
import { createHostApi, notAvailable } from '../../electron/host/host-api.ts';
import { AppError } from '../../shared/errors.ts';
import type { DatabaseId } from '../../shared/ids.ts';
import type { AppState, DemoState, HostInfo } from '../../shared/model.ts';
import { createEngineSubstitute, describeDatabase, emptyEngineState } from '../support/engine-substitute.ts';

const host: HostInfo = {
  kind: 'headless',
  hasDialogs: false,
  canShowInFolder: false,
  hasTray: false,
  secretsKeptBy: 'file',
  platform: 'linux',
  home: '/home/ada',
};

function setUp(first = true) {
  const engine = createEngineSubstitute(first ? emptyEngineState : undefined);
  const demoListeners: ((state: DemoState) => void)[] = [];
  const shown: (AppState | undefined)[] = [];
  const api = createHostApi({
    engine,
    host,
    demo: {
      subscribe(listener) {
        demoListeners.push(listener);
        return () => undefined;
      },
    },
    handlers: {
      chooseDatabase: notAvailable('A file dialog'),
      chooseFolder: ({ title }) => Promise.resolve({ path: `/chosen/for/${title}` }),
      chooseOutput: notAvailable('A file dialog'),
      showInFolder: (_argument, state) => Promise.resolve(void shown.push(state)),
      startDemo: () => Promise.reject(new Error('no room.')),
      stopDemo: () => Promise.resolve(),
    },
  });
  return { api, engine, shown, tellDemo: (state: DemoState) => demoListeners.forEach((listener) => listener(state)) };
}

describe('invoke', () => {
  test.each([
    ['a name that the contract lacks', 'dropTables', {}, 'There is no command "dropTables".'],
    ['a name of Object.prototype', 'constructor', {}, 'There is no command "constructor".'],
    ['a name that is no text', 7, {}, 'There is no command of type number.'],
    ['a missing field', 'inspectDatabase', {}, /^inspectDatabase\.path: /],
    ['a field too many', 'inspectDatabase', { path: '/a', alsoDelete: true }, /^inspectDatabase: .*alsoDelete/],
    [
      'a field of the wrong type, deep inside',
      'protectDeclared',
      { databases: [{ path: 4 }] },
      /^protectDeclared\.databases\.0\.path: /,
    ],
    ['an argument that is no object', 'pause', 'all', /^pause: /],
    ['a host command with a wrong argument', 'chooseFolder', { title: 5 }, /^chooseFolder\.title: /],
  ])('refuses %s, and asks nobody', async (_what, name, argument, sentence) => {
    const { api, engine } = setUp();
    const reply = await api.invoke(name, argument);
    expect(reply).toMatchObject({ ok: false, error: { code: 'invalid-argument' } });
    expect(reply.ok ? '' : reply.error.message).toMatch(sentence);
    expect(engine.calls).toEqual([]);
  });

  test('asks the engine with the checked argument', async () => {
    const { api, engine } = setUp();
    engine.answer = () => [{ path: '/srv', isFolder: true }];
    const argument = { prefix: '/s', withFiles: true };
    const reply = await api.invoke('suggestPaths', argument);
    expect(reply).toEqual({ ok: true, value: [{ path: '/srv', isFolder: true }] });
    expect(engine.calls).toEqual([{ name: 'suggestPaths', argument }]);
  });

  test('answers a host command in the host', async () => {
    const { api, engine } = setUp();
    expect(await api.invoke('chooseFolder', { title: 'history' })).toEqual({
      ok: true,
      value: { path: '/chosen/for/history' },
    });
    expect(engine.calls).toEqual([]);
  });

  test('hands the newest state to a host command', async () => {
    const { api, engine, shown } = setUp();
    const databases = [describeDatabase('/srv/till.db')];
    engine.push({ ...emptyEngineState, databases });
    await api.invoke('showInFolder', { operationId: 'o1' });
    expect(shown.map((state) => state?.databases)).toEqual([databases]);
  });

  test('keeps the code of a classified failure', async () => {
    const { api, engine } = setUp();
    engine.answer = () => {
      throw new AppError('database-missing', { path: '/gone.db' });
    };
    expect(await api.invoke('inspectDatabase', { path: '/gone.db' })).toMatchObject({
      ok: false,
      error: { code: 'database-missing', details: { path: '/gone.db' } },
    });
  });

  test('says that something is not available here', async () => {
    const { api } = setUp();
    expect(await api.invoke('chooseDatabase', {})).toMatchObject({
      ok: false,
      error: { code: 'not-available', message: 'A file dialog is not available here.' },
    });
  });

  test('turns every other failure into an internal one', async () => {
    const { api } = setUp();
    expect(await api.invoke('startDemo', {})).toMatchObject({
      ok: false,
      error: { code: 'internal', details: { reason: 'no room' } },
    });
  });
});

describe('subscribe', () => {
  test('says nothing before the engine did', () => {
    const { api, engine, tellDemo } = setUp(false);
    const states: AppState[] = [];
    api.subscribe((state) => states.push(state));
    tellDemo({ isRunning: true, databaseId: undefined });
    expect(states).toEqual([]);
    engine.push(emptyEngineState);
    expect(states).toEqual([{ ...emptyEngineState, host, demo: { isRunning: true, databaseId: undefined } }]);
  });

  test('joins engine, host and demo, and stops when told', () => {
    const { api, engine, tellDemo } = setUp();
    const states: AppState[] = [];
    const unsubscribe = api.subscribe((state) => states.push(state));
    const demo = { isRunning: true, databaseId: 'd1' as DatabaseId };
    tellDemo(demo);
    unsubscribe();
    engine.push(emptyEngineState);
    expect(states).toEqual([
      { ...emptyEngineState, host, demo: { isRunning: false, databaseId: undefined } },
      { ...emptyEngineState, host, demo },
    ]);
  });
});
