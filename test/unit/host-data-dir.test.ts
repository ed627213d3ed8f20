// Where Tidemark keeps its own data, per platform and wish.
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { resolveDataDir } from '../../electron/host/data-dir.ts';

const home = '/home/ada';

test.each([
  ['the option before all', '/o', 'linux', { TIDEMARK_DATA_DIR: '/e', XDG_DATA_HOME: '/x' }, '/o'],
  ['a relative option from here', 'here', 'linux', {}, resolve('here')],
  ['the variable', undefined, 'darwin', { TIDEMARK_DATA_DIR: '/e' }, '/e'],
  ['an empty variable means none', undefined, 'linux', { TIDEMARK_DATA_DIR: '' }, '/home/ada/.local/share/tidemark'],
  ['Linux with XDG_DATA_HOME', undefined, 'linux', { XDG_DATA_HOME: '/x' }, '/x/tidemark'],
  ['macOS', undefined, 'darwin', {}, '/home/ada/Library/Application Support/Tidemark'],
  ['Windows', undefined, 'win32', { LOCALAPPDATA: '/local' }, '/local/Tidemark'],
] as const)('%s', (_what, option, platform, env, expected) => {
  expect(resolveDataDir(option, { platform, home, env })).toBe(expected);
});
