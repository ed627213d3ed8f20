// Who came in: each has a cookie, and a secret of its page beside it. A browser sends cookies to every port of a host, so that
// whoever listens on another one may receive ours; the secret is kept where only our own origin reads it. Both are needed to ask.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** What one who came in holds. */
export interface Session {
  /** Value of the cookie. */
  readonly cookie: string;
  /** What the page says when it asks for anything. */
  readonly secret: string;
}

/** More browsers than one person uses. */
const mostSessions = 64;

export class Sessions {
  readonly #cookieName: string;
  /** Hash of a secret, by the hash of its cookie; the oldest first. */
  readonly #known = new Map<string, Buffer>();

  /** `name` tells them from those of another Tidemark at the same address. */
  constructor(name: string) {
    this.#cookieName = `tidemark-${name}`;
  }

  /** Begins one; the oldest ends where there are too many. */
  begin(): Session {
    const session = { cookie: makeSecret(), secret: makeSecret() };
    const [oldest] = this.#known.keys();
    if (oldest !== undefined && this.#known.size >= mostSessions) this.#known.delete(oldest);
    this.#known.set(digest(session.cookie).toString('hex'), digest(session.secret));
    return session;
  }

  /** The header that gives a browser its cookie. */
  cookieHeader({ cookie }: Session, isSecure: boolean): string {
    return `${this.#cookieName}=${cookie}; HttpOnly; SameSite=Strict; Path=/${isSecure ? '; Secure' : ''}`;
  }

  /** The request has the cookie of somebody who came in. */
  holdsCookie(cookies: string | undefined): boolean {
    return this.#secretOf(cookies) !== undefined;
  }

  /** The request has the cookie of somebody who came in, and the secret that belongs to it. */
  holdsBoth(cookies: string | undefined, offered: string | undefined): boolean {
    const secret = this.#secretOf(cookies);
    return secret !== undefined && offered !== undefined && timingSafeEqual(digest(offered), secret);
  }

  #secretOf(cookies: string | undefined): Buffer | undefined {
    const wanted = `${this.#cookieName}=`;
    const held = (cookies ?? '').split(';').map((cookie) => cookie.trim());
    const found = held.find((cookie) => cookie.startsWith(wanted));
    // Found by its hash: how long that takes tells nothing of the value.
    return found === undefined ? undefined : this.#known.get(digest(found.slice(wanted.length)).toString('hex'));
  }
}

function makeSecret(): string {
  return randomBytes(32).toString('base64url');
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
