// The packager's configuration: valid to the packager itself, with every fuse as decided, and everything that runs in it.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const root = resolve(import.meta.dirname, '../..');
const config = parse(readFileSync(resolve(root, 'electron-builder.yml'), 'utf8')) as Record<string, unknown>;

/** The packager's own check; it has no public door. */
const packager = createRequire(createRequire(import.meta.url).resolve('electron-builder'));
const { validateConfiguration } = packager('app-builder-lib/out/util/config/config.js') as {
  readonly validateConfiguration: (config: unknown, logger: { readonly isEnabled: boolean }) => Promise<void>;
};

test('is valid to the packager', async () => {
  await expect(validateConfiguration(structuredClone(config), { isEnabled: false })).resolves.toBeUndefined();
  await expect(validateConfiguration({ ...config, asarUnpacked: [] }, { isEnabled: false })).rejects.toThrow(
    'asarUnpacked',
  );
});

test('sets every fuse', () => {
  expect(config['electronFuses']).toEqual({
    runAsNode: false,
    enableCookieEncryption: true,
    enableNodeOptionsEnvironmentVariable: false,
    enableNodeCliInspectArguments: false,
    enableEmbeddedAsarIntegrityValidation: true,
    onlyLoadAppFromAsar: true,
    loadBrowserProcessSpecificV8Snapshot: false,
    grantFileProtocolExtraPrivileges: false,
  });
});

test('publishes nowhere', () => {
  expect(config['publish']).toBeNull();
});

test('names an icon that is there', () => {
  expect(existsSync(resolve(root, String(config['icon'])))).toBe(true);
});
