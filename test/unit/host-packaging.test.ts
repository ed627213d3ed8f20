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

test('decides on every fuse that the packager knows', () => {
  const { definitions } = packager('app-builder-lib/scheme.json') as {
    readonly definitions: { readonly FuseOptionsV1: { readonly properties: Record<string, unknown> } };
  };
  const known = Object.keys(definitions.FuseOptionsV1.properties).filter(
    (name) => name !== 'resetAdHocDarwinSignature',
  );
  expect(Object.keys(config['electronFuses'] as object).sort()).toEqual(known.sort());
});

test('leaves outside the archive, whose integrity is checked, native code alone', () => {
  expect(config['asar']).toBe(true);
  expect(config['asarUnpack']).toEqual(['**/*.node']);
});

test('asks macOS for nothing but what V8 needs', () => {
  const { hardenedRuntime, entitlements, entitlementsInherit } = config['mac'] as Record<string, unknown>;
  expect(hardenedRuntime).toBe(true);
  expect(entitlementsInherit).toBe(entitlements);
  const plist = readFileSync(resolve(root, String(entitlements)), 'utf8');
  expect([...plist.matchAll(/<key>([^<]+)<\/key>\s*<(\w+)\/>/g)].map(([, key, value]) => [key, value])).toEqual([
    ['com.apple.security.cs.allow-jit', 'true'],
  ]);
});

test('publishes nowhere', () => {
  expect(config['publish']).toBeNull();
});

test('names an icon that is there', () => {
  expect(existsSync(resolve(root, String(config['icon'])))).toBe(true);
});
