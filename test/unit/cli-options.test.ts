// How the command line reads flags, times, indices, durations and addresses.
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  hasScheme,
  normaliseFlags,
  readDuration,
  readIndex,
  readInstant,
  toAbsolutePath,
  toReplicaUrl,
} from '../../electron/cli/options.ts';

describe('normaliseFlags', () => {
  const valued = new Set(['--config', '--timestamp', '-o']);
  const switches = new Set(['--json', '--if-db-not-exists', '-v']);
  test.each([
    ['gives long flags their second dash', ['-config', 'a.yml'], ['--config', 'a.yml']],
    ['leaves two dashes alone', ['--config', 'a.yml'], ['--config', 'a.yml']],
    ['takes a value behind an equals sign', ['-config=a.yml', '-json'], ['--config=a.yml', '--json']],
    ['leaves short flags alone', ['-o', 'out.db', '-h'], ['-o', 'out.db', '-h']],
    ['splits a short flag from its value', ['-o=out.db'], ['-o', 'out.db']],
    ['leaves a value that looks like a flag alone', ['-o', '-strange.db', '-json'], ['-o', '-strange.db', '--json']],
    ['takes two dashes as the value of an option', ['-generation', '-x'], ['--generation', '-x']],
    ['stops at two dashes', ['-json', '--', '-config'], ['--json', '--', '-config']],
    ['leaves other words alone', ['restore', '-', 'file:///a-b'], ['restore', '-', 'file:///a-b']],
    [
      'takes a switch that is on, as Go writes it',
      ['-if-db-not-exists=true', '--json=1', '-v=T'],
      ['--if-db-not-exists', '--json', '-v'],
    ],
    ['leaves out a switch that is off', ['-if-db-not-exists=false', '--json=0', '-v=f', 'x'], ['x']],
    ['leaves a switch with another value to be refused', ['-json=perhaps'], ['--json=perhaps']],
    ['leaves the value of an option alone', ['-config=true', '-o=false'], ['--config=true', '-o', 'false']],
    ['turns unknown flags too, so that they are named whole', ['-frobnicate'], ['--frobnicate']],
  ])('%s', (_name, words, expected) => {
    expect(normaliseFlags(words, { valued, switches })).toEqual(expected);
  });
});

describe('readDuration', () => {
  test.each([
    ['1s', 1_000],
    ['10s', 10_000],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['250ms', 250],
    ['500us', 0.5],
    ['2h45m30s100ms', 9_930_100],
    ['0', 0],
    ['0s', 0],
  ])('reads %s', (text, ms) => {
    expect(readDuration(text)).toEqual({ kind: 'read', value: ms });
  });

  test.each(['', '1', '10', 's', '-1s', '1 s', '1d', '1h30', '1..5s', '.s', '1S', '99999999999h'])(
    'refuses %j',
    (text) => {
      expect(readDuration(text).kind).toBe('unclear');
    },
  );
});

describe('readIndex', () => {
  test.each([
    ['0', 0],
    ['1f', 31],
    ['0000001F', 31],
    ['0x1f', 31],
    ['7fffffff', 0x7fff_ffff],
  ])('reads %s', (text, value) => {
    expect(readIndex(text)).toEqual({ kind: 'read', value });
  });

  test.each(['', 'g', '-1', '80000000', '123456789', '1.5', '0x'])('refuses %j', (text) => {
    expect(readIndex(text).kind).toBe('unclear');
  });
});

describe('readInstant', () => {
  const now = Date.UTC(2026, 10, 22, 15, 0, 0);
  test.each([
    ['2026-11-22T14:30:00Z', Date.UTC(2026, 10, 22, 14, 30)],
    ['2026-11-22T14:30:00.250Z', Date.UTC(2026, 10, 22, 14, 30, 0, 250)],
    ['2026-11-22T14:30:00+02:00', Date.UTC(2026, 10, 22, 12, 30)],
    ['2026-11-22 14:30 UTC', Date.UTC(2026, 10, 22, 14, 30)],
    ['2026-11-22 14:30', new Date(2026, 10, 22, 14, 30).getTime()],
    ['15 min ago', now - 900_000],
  ])('reads %s', (text, at) => {
    expect(readInstant(text, now)).toEqual({ kind: 'read', value: at });
  });

  test.each(['', 'soon', '2026-13-01T00:00:00Z', '1700000000'])('refuses %j', (text) => {
    expect(readInstant(text, now).kind).toBe('unclear');
  });
});

describe('addresses', () => {
  test('a bare path becomes absolute', () => {
    expect(toReplicaUrl('backup/app')).toBe(resolve('backup/app'));
  });

  test('an address with a scheme stays as it is', () => {
    expect(toReplicaUrl('file:///backup/app')).toBe('file:///backup/app');
    expect(toReplicaUrl('s3://bucket/app')).toBe('s3://bucket/app');
  });

  test('a drive letter is no scheme', () => {
    expect(hasScheme('C:\\backup')).toBe(false);
  });

  test('a tilde is the home folder, only as the first part', () => {
    expect(toAbsolutePath('~/app.db')).toBe(join(homedir(), 'app.db'));
    expect(toAbsolutePath('~')).toBe(homedir());
    expect(toAbsolutePath('/data/~app.db')).toBe('/data/~app.db');
    expect(toAbsolutePath('~app.db')).toBe(resolve('~app.db'));
  });
});
