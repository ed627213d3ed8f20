// Under which names the headless host may be asked, and from which pages. A page of another site may send requests here, and
// its name may be made to point here (DNS rebinding): both show in Host and Origin. What stands between, a forwarded port or a
// proxy, makes names of its own, which therefore have to be told.
import type { IncomingMessage } from 'node:http';

export interface OurNames {
  readonly scheme: 'http' | 'https';
  /** The address to listen on, as it was configured. */
  readonly host: string;
  /** Origins under which a browser reaches us by way of something else, as `https://backup.example`. */
  readonly origins: readonly string[];
}

/** The sentence for a stranger, or undefined for our own. */
export function refuseStranger(request: IncomingMessage, names: OurNames): string | undefined {
  const { host, origin } = request.headers;
  const isDirect = host !== undefined && isOwnAddress(host, request, names.host);
  const isNamed = host !== undefined && names.origins.some((known) => new URL(known).host === host.toLowerCase());
  if (!isDirect && !isNamed) {
    return 'This address is not one of Tidemark’s. Open it with the address it printed when it started, or name the origin with --origin.';
  }
  const isOurPage =
    origin === undefined || names.origins.includes(origin) || (isDirect && origin === `${names.scheme}://${host}`);
  return isOurPage ? undefined : 'Pages of other sites have no business here.';
}

/** The address that the request came to, as a browser writes it. */
function isOwnAddress(host: string, { socket }: IncomingMessage, configuredHost: string): boolean {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-f:.]+)\]|([^:@/?#[\]\\]+))(?::(\d+))?$/i.exec(host) ?? [];
  const name = (bracketed ?? plain)?.toLowerCase();
  const usualPort = 'encrypted' in socket ? 443 : 80;
  if (name === undefined || Number(port ?? usualPort) !== socket.localPort) return false;
  const local = socket.localAddress?.replace(/^::ffff:/, '') ?? '';
  return name === local || name === configuredHost.toLowerCase() || (isLoopback(local) && name === 'localhost');
}

/** True for addresses and names that lead to this computer alone. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').replace(/^::ffff:/i, '');
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127(?:\.\d{1,3}){3}$/.test(name);
}
