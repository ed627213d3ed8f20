// What is decided per request of a page: the content of our scheme, requests that are blocked, permissions.
// Chromium has no switch that makes it know a scheme, so `app://host/x` is `https://host.app.test/x` inside it; urls are
// translated wherever they cross.
import { Buffer } from 'node:buffer';
import { EventEmitter } from 'node:events';
import { app } from './app.ts';
import type { Cdp } from './chromium-process.ts';
import { type Members, as } from './members.ts';

const schemes = new Set<string>();

export function toWeb(url: string): string {
  return url.replace(/^([a-z][\w+.-]*):\/\/([^/?#]+)/, (whole, scheme: string, host: string) =>
    schemes.has(scheme) ? `https://${host}.${scheme}.test` : whole,
  );
}

export function fromWeb(url: string): string {
  return url.replace(/^https:\/\/([^/?#]+)\.([\w-]+)\.test(?=[/?#]|$)/, (whole, host: string, scheme: string) =>
    schemes.has(scheme) ? `${scheme}://${host}` : whole,
  );
}

type Handler = (request: Request) => Response | Promise<Response>;
type BeforeRequest = (
  details: Electron.OnBeforeRequestListenerDetails,
  callback: (response: Electron.CallbackResponse) => void,
) => void;
type PermissionHandler = Parameters<Electron.Session['setPermissionRequestHandler']>[0];
type PermissionCheck = Parameters<Electron.Session['setPermissionCheckHandler']>[0];
type DeviceCheck = Parameters<Electron.Session['setDevicePermissionHandler']>[0];
type ProtocolMembers = 'handle' | 'registerSchemesAsPrivileged';

class ContentProtocol implements Members<Electron.Protocol, ProtocolMembers> {
  readonly handlers = new Map<string, Handler>();

  registerSchemesAsPrivileged(list: Electron.CustomScheme[]): void {
    if (app.isReady()) throw new Error('registerSchemesAsPrivileged should be called before app is ready');
    for (const { scheme, privileges } of list) {
      if (privileges?.standard !== true || privileges.secure !== true) {
        throw new Error(`stand-in: ${scheme} must be standard and secure`);
      }
      schemes.add(scheme);
    }
  }

  handle(scheme: string, handler: Parameters<Electron.Protocol['handle']>[1]): void {
    if (!schemes.has(scheme)) throw new Error(`stand-in: ${scheme} was not registered as privileged`);
    this.handlers.set(scheme, as<Handler>(handler));
  }
}

/** The protocol has no event for a permission *request*: the handler is asked about each of these before a page loads. */
const permissions = {
  notifications: ['notifications'],
  geolocation: ['geolocation'],
  media: ['camera', 'microphone'],
  'clipboard-read': ['clipboard-read'],
} as const;

export interface PausedRequest {
  readonly requestId: string;
  readonly request: {
    readonly url: string;
    readonly method: string;
    readonly headers: Readonly<Record<string, string>>;
  };
}

type SessionMembers = 'setPermissionRequestHandler' | 'setPermissionCheckHandler' | 'setDevicePermissionHandler';

class DefaultSession extends EventEmitter implements Members<Electron.Session, SessionMembers> {
  readonly protocol = new ContentProtocol();
  #before: BeforeRequest | undefined;
  #permission: PermissionHandler = null;
  #check: PermissionCheck = null;
  #device: DeviceCheck = null;

  readonly webRequest = {
    onBeforeRequest: (listener: BeforeRequest): void => {
      this.#before = listener;
    },
  };

  setPermissionRequestHandler(handler: PermissionHandler): void {
    this.#permission = handler;
  }

  setPermissionCheckHandler(handler: PermissionCheck): void {
    this.#check = handler;
  }

  setDevicePermissionHandler(handler: DeviceCheck): void {
    this.#device = handler;
  }

  /** The devices' handler has no counterpart in a page of ours; a test reads that there is one. */
  get refusesDevices(): boolean {
    return this.#device?.(as({ deviceType: 'usb' })) === false;
  }

  /** Grants what both handlers grant; Electron grants what nobody refuses. */
  async applyPermissions(contents: Electron.WebContents, url: string): Promise<void> {
    const { origin } = new URL(toWeb(url));
    if (origin === 'null') return;
    const { browser } = await app.chromium;
    for (const [name, descriptors] of Object.entries(permissions)) {
      const { promise, resolve } = Promise.withResolvers<boolean>();
      if (this.#permission === null) resolve(true);
      else this.#permission(contents, as(name), resolve, as({ requestingUrl: url, isMainFrame: true }));
      const isGranted = await promise;
      const isAllowed = this.#check?.(contents, as(name), origin, as({})) ?? true;
      for (const descriptor of descriptors) {
        const setting = isGranted && isAllowed ? 'granted' : 'denied';
        await browser.send('Browser.setPermission', { permission: { name: descriptor }, setting, origin });
      }
    }
  }

  /** Answers one request that Chromium holds. */
  async respond(page: Cdp, { requestId, request }: PausedRequest): Promise<void> {
    const url = fromWeb(request.url);
    const scheme = new URL(url).protocol.slice(0, -1);
    if (await this.#isBlocked(url, request.method)) {
      await page.send('Fetch.failRequest', { requestId, errorReason: 'BlockedByClient' });
      return;
    }
    const handler = this.protocol.handlers.get(scheme);
    if (handler === undefined) {
      if (schemes.has(scheme)) await page.send('Fetch.failRequest', { requestId, errorReason: 'AddressUnreachable' });
      else await page.send('Fetch.continueRequest', { requestId });
      return;
    }
    const response = await handler(new Request(url, { method: request.method }));
    await page.send('Fetch.fulfillRequest', {
      requestId,
      responseCode: response.status,
      responseHeaders: [...response.headers].map(([name, value]) => ({ name, value })),
      body: Buffer.from(await response.arrayBuffer()).toString('base64'),
    });
  }

  async #isBlocked(url: string, method: string): Promise<boolean> {
    const before = this.#before;
    if (before === undefined) return false;
    const { promise, resolve } = Promise.withResolvers<Electron.CallbackResponse>();
    before(as({ id: 0, url, method, timestamp: Date.now(), referrer: '', resourceType: 'other' }), resolve);
    return (await promise).cancel === true;
  }
}

export const defaultSession = new DefaultSession();
export const protocol = defaultSession.protocol;
export const session = {
  get defaultSession() {
    return as<Electron.Session>(defaultSession);
  },
} satisfies Members<typeof Electron.session, 'defaultSession'>;
