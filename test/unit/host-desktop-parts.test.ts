// The parts of the desktop host that need no Electron: command line, memory, content, and what the tray says and shows.
import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { findContentFile } from '../../electron/host/content-files.ts';
import { readMemory, remember } from '../../electron/desktop/memory.ts';
import { readDesktopOptions } from '../../electron/desktop/options.ts';
import { drawTrayIcon } from '../../electron/desktop/tray-icon.ts';
import { type TrayStatus, describeTray, nextChangeAt } from '../../electron/desktop/tray-status.ts';
import { lagPromiseMs } from '../../shared/standing.ts';
import type { DatabaseState } from '../../shared/databases.ts';
import type { AppState } from '../../shared/model.ts';
import { AppError } from '../../shared/errors.ts';
import { describeDatabase, emptyEngineState } from '../support/engine-substitute.ts';
import { tempFolder } from '../support/temp.ts';

describe('the command line of the desktop host', () => {
  const unpackaged = { hasAppPath: true, workingDir: '/home/ada' };

  test.each([
    ['the application alone', ['/app'], {}],
    ['a data folder', ['/app', '--data-dir', '/d'], { dataDir: '/d' }],
    ['a start at login', ['/app', '--background'], { isBackground: true }],
    ['a file to protect', ['/app', 'till.db'], { paths: ['/home/ada/till.db'] }],
    ['Chromium’s switches among ours', ['--no-sandbox', '--inspect=0', '/app', '--data-dir=/d'], { dataDir: '/d' }],
  ])('%s', (_what, args, expected) => {
    expect(readDesktopOptions(args, unpackaged)).toEqual({
      dataDir: undefined,
      isBackground: false,
      paths: [],
      ...expected,
    });
  });

  test('a packaged application does not name itself', () => {
    const { paths } = readDesktopOptions(['/srv/till.db'], { hasAppPath: false, workingDir: '/' });
    expect(paths).toEqual(['/srv/till.db']);
  });
});

describe('the memory of the desktop host', () => {
  test('keeps what is added, and forgets what is damaged', () => {
    using folder = tempFolder();
    expect(readMemory(folder.path)).toEqual({});
    remember(folder.path, { bounds: { x: 1, y: 2, width: 800, height: 600 } });
    remember(folder.path, { hasExplainedClosing: true });
    expect(readMemory(folder.path)).toEqual({
      bounds: { x: 1, y: 2, width: 800, height: 600 },
      hasExplainedClosing: true,
    });
    writeFileSync(folder.at('desktop.json'), '{"bounds":{"x":"left"}}');
    expect(readMemory(folder.path)).toEqual({});
  });

  test('costs nothing where it cannot be written', () => {
    using folder = tempFolder();
    expect(() => remember(folder.at('missing'), { isMaximized: true })).not.toThrow();
  });
});

describe('the content of the window', () => {
  test.each([
    ['app://tidemark/', '/app/index.html', 'text/html; charset=utf-8'],
    ['app://tidemark/index.html#/add', '/app/index.html', 'text/html; charset=utf-8'],
    ['app://tidemark/assets/main.js?x', '/app/assets/main.js', 'text/javascript; charset=utf-8'],
    ['app://tidemark/%2e%2e/%2e%2e/etc/hosts.html', '/app/etc/hosts.html', 'text/html; charset=utf-8'],
    ['app://tidemark/assets/caf%C3%A9.css', '/app/assets/café.css', 'text/css; charset=utf-8'],
  ])('%s is %s', (url, path, type) => {
    expect(findContentFile(url, '/app')).toEqual({ path, type });
  });

  test.each([
    'app://other/index.html',
    'https://tidemark/index.html',
    'app://tidemark/..%2fapp2/index.html',
    'app://tidemark/..%5c..%5cindex.html',
    'app://tidemark/index.html%00.js',
    'app://tidemark/%',
    'app://tidemark/assets',
    'app://tidemark/main.exe',
    'app://tidemark/assets/../..%2f..%2fsecret.json',
  ])('%s is nothing', (url) => {
    expect(findContentFile(url, '/app')).toBeUndefined();
  });
});

const now = 1_800_000_000_000;

function stateWith(...databases: readonly DatabaseState[]): AppState {
  const host = {
    kind: 'desktop',
    hasDialogs: true,
    canShowInFolder: true,
    hasTray: true,
    secretsKeptBy: 'file',
  } as const;
  const demo = { isRunning: false, databaseId: undefined };
  return { ...emptyEngineState, databases, host: { ...host, platform: 'linux', home: '/home/ada' }, demo };
}

describe('what the tray says', () => {
  const problem = { ...new AppError('target-missing', { path: '/mnt/disk' }).toData(), sinceAt: now };
  const good = describeDatabase('/srv/till.db');
  const closed = { kind: 'protected', capturedWhen: { kind: 'closed', application: 'Anki' } } as const;
  const paused = describeDatabase('/srv/old.db', { kind: 'paused', sinceAt: now });

  test.each<[string, AppState | undefined, TrayStatus, string, string | undefined]>([
    ['before the engine spoke', undefined, 'disconnected', 'Tidemark is starting', undefined],
    ['without databases', stateWith(), 'empty', 'Nothing is protected yet', undefined],
    [
      'with all well',
      stateWith(good, describeDatabase('/srv/b.db')),
      'protected',
      'Both databases are protected',
      'pause',
    ],
    [
      'with one at work',
      stateWith(describeDatabase('/srv/till.db', { kind: 'starting' })),
      'working',
      'till.db is getting ready',
      'pause',
    ],
    [
      'with one that needs a look',
      stateWith(describeDatabase('/srv/till.db', { kind: 'attention', problem })),
      'attention',
      'till.db needs a look',
      'pause',
    ],
    [
      'with a problem beside a good one',
      stateWith(good, describeDatabase('/srv/b.db', { kind: 'problem', problem })),
      'problem',
      'One of two databases is protected',
      'pause',
    ],
    [
      'with one that its application keeps for itself',
      stateWith(good, describeDatabase('/srv/cards.db', closed)),
      'protected',
      'Both databases are protected. cards.db is captured each time Anki is closed',
      'pause',
    ],
    [
      'with that one alone',
      stateWith(describeDatabase('/srv/cards.db', closed)),
      'protected',
      'cards.db is protected, captured each time Anki is closed',
      'pause',
    ],
    ['with all paused', stateWith(paused), 'paused', 'old.db is paused', 'resume'],
    ['with one paused', stateWith(good, paused), 'paused', 'One of two databases is protected', 'pause'],
  ])('%s', (_what, state, status, sentence, toggle) => {
    expect(describeTray(state, now)).toEqual({ status, sentence, toggle });
  });

  test('stops being good when changes have waited too long, without any news', () => {
    const state = stateWith(
      describeDatabase('/srv/till.db', { kind: 'protected' }, { lag: { bytes: 1, sinceAt: now } }),
    );
    expect(describeTray(state, now).status).toBe('protected');
    const at = nextChangeAt(state, now);
    expect(at).toBe(now + lagPromiseMs + 1);
    expect(describeTray(state, at ?? 0).status).toBe('attention');
    expect(nextChangeAt(state, at ?? 0)).toBeUndefined();
    expect(nextChangeAt(stateWith(good), now)).toBeUndefined();
  });
});

describe('what the tray shows', () => {
  const statuses: readonly TrayStatus[] = [
    'protected',
    'working',
    'attention',
    'problem',
    'paused',
    'empty',
    'disconnected',
  ];

  test('a shape of its own for each state, told apart without colour', () => {
    const silhouettes = statuses.map((status) => alphas(drawTrayIcon(status, 16, true).pixels));
    for (const [i, one] of silhouettes.entries()) {
      for (const other of silhouettes.slice(i + 1)) {
        const differing = one.filter((alpha, at) => Math.abs(alpha - (other[at] ?? 0)) > 100).length;
        expect(differing).toBeGreaterThan(8);
      }
    }
  });

  test.each([16, 22, 44])('pixels that are premultiplied, at %i', (size) => {
    for (const status of statuses) {
      const { pixels } = drawTrayIcon(status, size, false);
      expect(pixels).toHaveLength(size * size * 4);
      for (let at = 0; at < pixels.length; at += 4) {
        const [blue = 0, green = 0, red = 0, alpha = 0] = pixels.subarray(at, at + 4);
        expect(Math.max(blue, green, red)).toBeLessThanOrEqual(alpha);
      }
    }
  });

  test('black where the system colours it', () => {
    const { pixels } = drawTrayIcon('problem', 16, true);
    expect(pixels.some((value, at) => at % 4 !== 3 && value !== 0)).toBe(false);
    expect(alphas(pixels).some((alpha) => alpha === 255)).toBe(true);
  });
});

function alphas(pixels: Buffer): readonly number[] {
  return [...pixels].filter((_value, at) => at % 4 === 3);
}
