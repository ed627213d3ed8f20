// What no page of ours may ever do: leave its origin, open windows, embed others, use devices, reach the network.
// Holds for every page of the application, also for one that nobody thought of. Electron's security checklist 5, 11 to 14.
import { type Session, type WebContents, app } from 'electron';
import { contentOrigin } from '../host/content-files.ts';

/** Copying the text of an error is the one thing a page may ask for. */
const allowedPermissions: ReadonlySet<string> = new Set(['clipboard-sanitized-write']);

/** Guards all pages that will be created; call it before the first. */
export function guardPages(): void {
  app.on('web-contents-created', (_event, contents) => guardContents(contents));
}

/** Refuses permissions, devices, downloads and every request that is not for our own content. */
export function guardSession(session: Session): void {
  session.setPermissionRequestHandler((_contents, permission, callback) =>
    callback(allowedPermissions.has(permission)),
  );
  session.setPermissionCheckHandler((_contents, permission) => allowedPermissions.has(permission));
  session.setDevicePermissionHandler(() => false);
  session.webRequest.onBeforeRequest((details, callback) => callback({ cancel: !isOwn(details.url) }));
  session.on('will-download', (event) => event.preventDefault());
}

function guardContents(contents: WebContents): void {
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
  contents.on('will-navigate', (event) => event.preventDefault());
  contents.on('will-frame-navigate', (event) => event.preventDefault());
  contents.on('will-redirect', (event) => event.preventDefault());
  contents.on('will-attach-webview', (event) => event.preventDefault());
}

function isOwn(url: string): boolean {
  return url.startsWith(`${contentOrigin}/`) || url.startsWith('data:image/');
}
