// The icon in the notification area: shape and first line tell the true state; Open, Pause, Quit. A convenience, never
// the only way. What it says is tray-status.ts, how it looks tray-icon.ts.
import { execFile } from 'node:child_process';
import { Menu, type MenuItemConstructorOptions, type NativeImage, Tray, nativeImage } from 'electron';
import type { AppState } from '../../shared/model.ts';
import { plainSurroundings } from '../host/surroundings.ts';
import { drawTrayIcon } from './tray-icon.ts';
import { type TrayStatus, describeTray, nextChangeAt } from './tray-status.ts';

export interface TrayActions {
  readonly onOpen: () => void;
  readonly onPause: () => void;
  readonly onResume: () => void;
  readonly onQuit: () => void;
}

export interface TrayIcon extends Disposable {
  update(state: AppState): void;
}

/** States come in bursts; a menu that changes under the pointer is of no use. */
const calmMs = 1000;

/** Puts the icon up; disposing takes it down. */
export function createTrayIcon(actions: TrayActions): TrayIcon {
  const tray = new Tray(imageOf('disconnected'));
  let state: AppState | undefined;
  let shown = '';
  let calm: NodeJS.Timeout | undefined;
  let later: NodeJS.Timeout | undefined;

  function draw(): void {
    calm = undefined;
    clearTimeout(later);
    const now = Date.now();
    const text = describeTray(state, now);
    const next = nextChangeAt(state, now);
    if (next !== undefined) later = setTimeout(draw, next - now);
    if (tray.isDestroyed() || shown === JSON.stringify(text)) return;
    shown = JSON.stringify(text);
    tray.setImage(imageOf(text.status));
    tray.setToolTip(`Tidemark: ${text.sentence}`);
    tray.setContextMenu(Menu.buildFromTemplate(menuLines(text.sentence, text.toggle, actions)));
  }

  // Where a click opens the menu by itself (macOS) or never arrives (some Linux desktops), the menu has Open.
  if (process.platform !== 'darwin') tray.on('click', actions.onOpen);
  draw();
  return {
    update(next) {
      const isFirst = state === undefined;
      state = next;
      if (isFirst) draw();
      else calm ??= setTimeout(draw, calmMs);
    },
    [Symbol.dispose]() {
      clearTimeout(calm);
      clearTimeout(later);
      if (!tray.isDestroyed()) tray.destroy();
    },
  };
}

/** True where an icon would be seen. Linux desktops say so on the session bus; asking costs milliseconds. */
export function findTray(): Promise<boolean> {
  if (process.platform !== 'linux') return Promise.resolve(true);
  const question = [
    '--session',
    '--print-reply',
    '--dest=org.freedesktop.DBus',
    '/org/freedesktop/DBus',
    'org.freedesktop.DBus.NameHasOwner',
    'string:org.kde.StatusNotifierWatcher',
  ];
  const { promise, resolve } = Promise.withResolvers<boolean>();
  execFile('dbus-send', question, { timeout: 1500, env: plainSurroundings() }, (error, answer) => {
    resolve(error === null && /boolean true/.test(answer));
  });
  return promise;
}

function menuLines(
  sentence: string,
  toggle: 'pause' | 'resume' | undefined,
  actions: TrayActions,
): MenuItemConstructorOptions[] {
  return [
    { label: sentence, enabled: false },
    { type: 'separator' },
    { label: 'Open Tidemark', click: actions.onOpen },
    toggle === 'resume'
      ? { label: 'Resume protection', click: actions.onResume }
      : { label: 'Pause protection', enabled: toggle === 'pause', click: actions.onPause },
    { type: 'separator' },
    { label: 'Quit Tidemark', click: actions.onQuit },
  ];
}

function imageOf(status: TrayStatus): NativeImage {
  const isTemplate = process.platform === 'darwin';
  const base = process.platform === 'linux' ? 22 : 16;
  const image = nativeImage.createEmpty();
  for (const scaleFactor of [1, 2]) {
    const { pixels, size } = drawTrayIcon(status, base * scaleFactor, isTemplate);
    image.addRepresentation({ scaleFactor, width: size, height: size, buffer: pixels });
  }
  image.setTemplateImage(isTemplate);
  return image;
}
