// Secrets as they are kept: sealed under a key of the host, bound to their owner, and never half readable.
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { SecretBox } from '../../electron/engine/state/secrets.ts';
import { findKeyFile, readKeyFile, removeKeyFile } from '../../electron/host/secret-key.ts';
import { tempFolder } from '../support/temp.ts';

const key = randomBytes(32);
const box = new SecretBox(key);
const text = '{"secretAccessKey":"wJalrXUtnFEMI/K7MDENG ü"}';

describe('a sealed secret', () => {
  test('opens under its key for its owner, and looks different each time', () => {
    const [one, other] = [box.seal(text, 'a'), box.seal(text, 'a')];
    expect(Buffer.from(one).equals(other)).toBe(false);
    expect(Buffer.from(one).includes('wJalr')).toBe(false);
    expect([one, other].map((sealed) => new SecretBox(key).open(sealed, 'a'))).toEqual([
      { kind: 'opened', text },
      { kind: 'opened', text },
    ]);
  });

  test('does not open for another owner, nor changed in any byte', () => {
    const damaged = { kind: 'unreadable', reason: 'what is kept of it is damaged' };
    const sealed = box.seal(text, 'a');
    expect(box.open(sealed, 'b')).toEqual(damaged);
    expect(box.open(sealed.subarray(0, 20), 'a')).toEqual(damaged);
    expect(box.open(new Uint8Array(), 'a')).toEqual(damaged);
    for (let i = 0; i < sealed.length; i++) {
      const changed = Uint8Array.from(sealed);
      changed[i] = (changed[i] ?? 0) ^ 1;
      expect(box.open(changed, 'a').kind).toBe('unreadable');
    }
  });

  test('says of another key that it is another one', () => {
    expect(new SecretBox(randomBytes(32)).open(box.seal(text, 'a'), 'a')).toEqual({
      kind: 'unreadable',
      reason: 'the key that it was locked with is gone or another one',
    });
  });
});

describe('the key of a data folder', () => {
  test('is made once, for its owner alone', () => {
    using folder = tempFolder();
    const dataDir = folder.at('deep', 'data');
    const first = readKeyFile(dataDir);
    expect([first.length, statSync(`${dataDir}/secret.key`).mode & 0o777]).toEqual([32, 0o600]);
    chmodSync(`${dataDir}/secret.key`, 0o644);
    expect(readKeyFile(dataDir)).toEqual(first);
    expect(statSync(`${dataDir}/secret.key`).mode & 0o777).toBe(0o600);
    expect(findKeyFile(dataDir)).toEqual(first);
    removeKeyFile(dataDir);
    expect(findKeyFile(dataDir)).toBeUndefined();
  });

  test('that is damaged is put aside for a new one', () => {
    using folder = tempFolder();
    writeFileSync(folder.at('secret.key'), 'half of');
    const fresh = readKeyFile(folder.path);
    expect(readKeyFile(folder.path)).toEqual(fresh);
    expect(readFileSync(folder.at('secret.key.damaged'), 'utf8')).toBe('half of');
  });

  test('cannot be kept where no folder can be', () => {
    using folder = tempFolder();
    writeFileSync(folder.at('file'), '');
    expect(() => readKeyFile(folder.at('file', 'data'))).toThrow('cannot keep its state');
    expect(existsSync(folder.at('file', 'data'))).toBe(false);
  });
});
