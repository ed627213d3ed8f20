// What others wrote and we install: every package is the one that was chosen, byte for byte; none runs anything when it is installed;
// and all may be used. `npm audit signatures` asks the registry who published them, where that can be asked.
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
  readonly link?: boolean;
}

const { packages } = JSON.parse(readFileSync(resolve(root, 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, Locked>>;
};
const locked = Object.entries(packages).filter(([path]) => path !== '');
const paths = (wanted: (one: Locked) => boolean): readonly string[] =>
  locked.filter(([, one]) => wanted(one)).map(([path]) => path);

/** Named by `@flydotio/litestream` and in no registry; `npm ci` demands them in the file and installs none. */
const unpublished = ['darwin-arm64', 'darwin-x64', 'linux-arm64'].map(
  (platform) => `node_modules/@flydotio/litestream-${platform}`,
);

test('every package has the hash of its content, and comes from no address of its own', () => {
  expect(paths(({ integrity }) => !/^sha512-[\w+/]{86}==$/.test(integrity ?? ''))).toEqual(unpublished);
  expect(unpublished.filter((path) => existsSync(resolve(root, path)))).toEqual([]);
  expect(paths(({ resolved, link }) => resolved !== undefined || link === true)).toEqual([]);
});

test('every version is exact', () => {
  const wanted = packages[''] as Record<string, Record<string, string> | undefined>;
  const all = ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap((kind) =>
    Object.entries(wanted[kind] ?? {}),
  );
  expect(all.length).toBeGreaterThan(30);
  expect(all.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
});

test('nothing runs at install', () => {
  const settings = readFileSync(resolve(root, '.npmrc'), 'utf8').split('\n');
  expect(settings).toContain('ignore-scripts=true');
  // Who would run something if that were not so: only the packager's tools for Windows.
  expect(paths(({ hasInstallScript }) => hasInstallScript === true)).toEqual(['node_modules/electron-winstaller']);
  const { scripts } = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  expect(Object.keys(scripts).filter((name) => /^(?:pre|post)|^(?:install|prepare)$/.test(name))).toEqual([]);
});

test('all may be used, and what is shipped may be passed on', () => {
  const licences = (wanted: (one: Locked) => boolean): readonly string[] =>
    [...new Set(locked.filter(([, one]) => wanted(one)).map(([, { license }]) => license ?? 'none'))].sort();
  expect(licences(({ dev }) => dev !== true)).toEqual(['0BSD', 'Apache-2.0', 'ISC', 'MIT']);
  expect(licences(({ dev }) => dev === true)).toEqual([
    '(MIT OR CC0-1.0)',
    '(WTFPL OR MIT)',
    'Apache-2.0',
    'BSD-2-Clause',
    'BSD-3-Clause',
    'BlueOak-1.0.0',
    'ISC',
    'MIT',
    'MPL-2.0',
    // The typeface, which is part of the window.
    'OFL-1.1',
    'Python-2.0',
    'WTFPL',
    'WTFPL OR ISC',
  ]);
});
