// Which proxy leads to a server: HTTPS_PROXY and HTTP_PROXY by the scheme of its address, unless NO_PROXY names it, as Go's programs
// have it, Litestream among them. Loopback is never reached through one. Pure; going through it is Node's agents'.
import { BlockList, isIP } from 'node:net';
import { AppError, reasonOf } from '../../../shared/errors.ts';

/** A proxy on the way to a server. */
export interface Proxy {
  /** May hold a password: not to be printed. */
  readonly url: string;
  /** Host and port. */
  readonly name: string;
  /** What Node's agents take. */
  readonly env: Readonly<Record<string, string>>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The proxy for an origin; undefined where none is to be used. Fails with `target-proxy` for one that cannot be. */
export function proxyFor(origin: string, env: Environment): Proxy | undefined {
  const { protocol, hostname, port } = new URL(origin);
  const isSecure = protocol === 'https:';
  const variable = isSecure ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const named = valueOf(env, variable);
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (named === undefined || isLoopback(host)) return undefined;
  if (isExcepted({ host, port: port || (isSecure ? '443' : '80') }, valueOf(env, 'NO_PROXY') ?? '')) return undefined;
  const url = parseProxy(named, variable);
  return { url: url.href, name: url.host, env: { [variable]: url.href } };
}

/** Either spelling, the larger one first. */
function valueOf(env: Environment, name: string): string | undefined {
  return [env[name], env[name.toLowerCase()]].find((value) => value !== undefined && value.trim() !== '')?.trim();
}

function parseProxy(named: string, variable: string): URL {
  // One that is written without a scheme is spoken to in plain HTTP.
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(named) ? named : `http://${named}`;
  let url: URL;
  try {
    url = new URL(text);
  } catch (error) {
    // What is no address may hold a password all the same.
    throw new AppError('target-proxy', { variable, reason: `it is no address (${reasonOf(error)})` }, { cause: error });
  }
  if (url.protocol === 'http:' || url.protocol === 'https:') return url;
  throw new AppError('target-proxy', {
    variable,
    reason: `proxies of the kind ${url.protocol.slice(0, -1)} are not supported`,
  });
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

function isLoopback(host: string): boolean {
  return host === 'localhost' || isWithin(loopback, host);
}

function isWithin(list: BlockList, host: string): boolean {
  const family = isIP(host);
  return family !== 0 && list.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

/** `example.com` is that and what is below it, `.example.com` only what is below; addresses, networks and ports as they stand. */
function isExcepted({ host, port }: { readonly host: string; readonly port: string }, exceptions: string): boolean {
  return exceptions
    .split(',')
    .map((text) => text.trim().toLowerCase())
    .some((text) => text !== '' && isExceptedBy(text, { host, port }));
}

function isExceptedBy(text: string, { host, port }: { readonly host: string; readonly port: string }): boolean {
  if (text === '*') return true;
  const [, network = '', bits] = /^(.+)\/(\d{1,3})$/.exec(text) ?? [];
  if (bits !== undefined) return isInNetwork(host, network, Number(bits));
  if (isIP(text) !== 0) return text === host;
  const [, bracketed, plain = '', wantedPort] = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d+))?$/.exec(text) ?? [];
  if (wantedPort !== undefined && wantedPort !== port) return false;
  const name = bracketed ?? plain.replace(/^\*(?=\.)/, '');
  if (name === '') return false;
  if (name.startsWith('.')) return host.endsWith(name);
  return host === name || (isIP(name) === 0 && host.endsWith(`.${name}`));
}

function isInNetwork(host: string, network: string, bits: number): boolean {
  const family = isIP(network);
  if (family === 0 || bits > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(network, bits, family === 4 ? 'ipv4' : 'ipv6');
  return isWithin(list, host);
}
