// Which proxy leads to a server, as Go's programs read it from the environment.
import { describe, expect, test } from 'vitest';
import { proxyFor } from '../../electron/engine/targets/s3-proxy.ts';

const both = { HTTPS_PROXY: 'http://user:pass@secure.example:3128', HTTP_PROXY: 'plain.example:8080' };

describe('the proxy for a server', () => {
  test.each([
    ['https://s3.eu-central-1.amazonaws.com', both, 'secure.example:3128'],
    ['http://minio.lan:9000', both, 'plain.example:8080'],
    ['https://s3.example.com', { https_proxy: 'http://small.example' }, 'small.example'],
    ['https://s3.example.com', { ...both, https_proxy: 'http://small.example' }, 'secure.example:3128'],
    ['https://s3.example.com', { HTTP_PROXY: 'http://plain.example' }, undefined],
    ['https://s3.example.com', { HTTPS_PROXY: ' ' }, undefined],
    ['https://s3.example.com', {}, undefined],
    // Nobody reaches this computer through another one.
    ['http://localhost:9000', both, undefined],
    ['http://127.0.0.1:9000', both, undefined],
    ['http://127.9.9.9', both, undefined],
    ['http://[::1]:9000', both, undefined],
  ])('%s with %j is %s', (origin, env, name) => {
    expect(proxyFor(origin, env)?.name).toBe(name);
  });

  test.each([
    ['*', true],
    ['example.com', true],
    ['.example.com', true],
    ['*.example.com', true],
    ['S3.Example.Com', true],
    ['other.org, example.com', true],
    ['example.com:9000', true],
    ['example.com:443', false],
    ['ample.com', false],
    ['s3.example.com.org', false],
    ['', false],
    [' , ', false],
  ])('is not used for s3.example.com:9000 by NO_PROXY=%s: %s', (exceptions, isExcepted) => {
    for (const name of ['NO_PROXY', 'no_proxy']) {
      const found = proxyFor('https://s3.example.com:9000', { ...both, [name]: exceptions });
      expect(found === undefined).toBe(isExcepted);
    }
  });

  test('takes a leading dot for what is below alone, and networks and addresses as they are', () => {
    const isExcepted = (origin: string, NO_PROXY: string) => proxyFor(origin, { ...both, NO_PROXY }) === undefined;
    expect(isExcepted('https://example.com', '.example.com')).toBe(false);
    expect(isExcepted('https://10.1.2.3', '10.0.0.0/8')).toBe(true);
    expect(isExcepted('https://11.1.2.3', '10.0.0.0/8')).toBe(false);
    expect(isExcepted('https://10.1.2.3', '10.1.2.3')).toBe(true);
    expect(isExcepted('https://10.1.2.3:9000', '10.1.2.3:9000')).toBe(true);
    expect(isExcepted('https://[fd00::5]', 'fd00::/8')).toBe(true);
    expect(isExcepted('https://[fd00::5]', 'fd00::5')).toBe(true);
    expect(isExcepted('https://10.1.2.3', '10.0.0.0/99')).toBe(false);
  });

  test('is refused by name where it is of a kind that is not supported, without its password', () => {
    const asked = () => proxyFor('https://s3.example.com', { HTTPS_PROXY: 'socks5://user:MARKER@x.example:1080' });
    expect(asked).toThrow(
      'The proxy that HTTPS_PROXY names cannot be used: proxies of the kind socks5 are not supported.',
    );
    const broken = () => proxyFor('https://s3.example.com', { HTTPS_PROXY: 'http://user:MARKER@:port' });
    expect(broken).toThrow(/^(?!.*MARKER).*it is no address/);
  });
});
