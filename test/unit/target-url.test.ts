// Addresses of targets, as users type them.
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseTargetUrl } from '../../electron/engine/targets/open-target.ts';

describe('parseTargetUrl', () => {
  test.each([
    ['/srv/backup', '/srv/backup', 'file:///srv/backup'],
    ['/srv/backup/', '/srv/backup', 'file:///srv/backup'],
    ['/srv/../srv//my backup', '/srv/my backup', 'file:///srv/my%20backup'],
    ['file:///srv/my%20backup', '/srv/my backup', 'file:///srv/my%20backup'],
    ['file:///srv/100%25', '/srv/100%', 'file:///srv/100%25'],
    ['FILE:///srv', '/srv', 'file:///srv'],
    ['backup', resolve('backup'), `file://${resolve('backup')}`],
    ['./a:b', resolve('a:b'), `file://${resolve('a:b')}`],
  ])('understands %s', (url, path, normal) => {
    expect(parseTargetUrl(url)).toEqual({ kind: 'folder', path, url: normal });
  });

  test.each(['', '  ', 'sftp://host/path', 'file://host/path', 'file:relative', 'abs://b/c'])(
    'does not understand %j',
    (url) => {
      expect(() => parseTargetUrl(url)).toThrow(
        expect.objectContaining({ code: 'target-unsupported', details: { url } }) as Error,
      );
    },
  );

  test('repeats no password of what it does not understand', () => {
    expect(() => parseTargetUrl('sftp://me:marker@host/path?key=marker')).toThrow(
      expect.objectContaining({ code: 'target-unsupported', details: { url: 'sftp://host/path' } }) as Error,
    );
  });
});
