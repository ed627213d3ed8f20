// What `import … from 'electron'` finds in a main process that runs on the stand-in. A name that is missing here fails
// when main is linked.
import { electronApp } from './app.ts';
import { BrowserWindow } from './browser-window.ts';
import { Menu, Tray, dialog, nativeImage, nativeTheme, powerMonitor, screen, shell } from './desktop.ts';
import { ipcMain } from './ipc-main.ts';
import { safeStorage } from './safe-storage.ts';
import { protocol, session } from './session.ts';
import { utilityProcess } from './utility-process.ts';
import { webContents } from './web-contents.ts';

export {
  BrowserWindow,
  Menu,
  Tray,
  dialog,
  electronApp as app,
  ipcMain,
  nativeImage,
  nativeTheme,
  powerMonitor,
  protocol,
  safeStorage,
  screen,
  session,
  shell,
  utilityProcess,
  webContents,
};
