// The native application menu: the platform's own words and keys where it has them, ours where it has none.
import { Menu, type MenuItemConstructorOptions } from 'electron';

export interface MenuActions {
  readonly onAddDatabase: () => void;
  readonly onOpenSettings: () => void;
  readonly onShowDataFolder: () => void;
  readonly onQuit: () => void;
}

/** Installs the menu for all windows. */
export function installMenu(actions: MenuActions): void {
  const isMac = process.platform === 'darwin';
  const settings = { label: 'Settings…', accelerator: 'CmdOrCtrl+,', click: actions.onOpenSettings };
  const quit = { label: 'Quit Tidemark', accelerator: 'CmdOrCtrl+Q', click: actions.onQuit };
  const separator = { type: 'separator' } as const;

  const macMenu: MenuItemConstructorOptions = {
    label: 'Tidemark',
    submenu: [
      { role: 'about' },
      separator,
      settings,
      separator,
      { role: 'services' },
      separator,
      { role: 'hide' },
      { role: 'hideOthers' },
      { role: 'unhide' },
      separator,
      quit,
    ],
  };
  const template: MenuItemConstructorOptions[] = [
    ...(isMac ? [macMenu] : []),
    {
      label: '&File',
      submenu: [
        { label: 'Add Database…', accelerator: 'CmdOrCtrl+O', click: actions.onAddDatabase },
        separator,
        ...(isMac ? [] : [settings, separator]),
        { role: 'close' },
        ...(isMac ? [] : [quit]),
      ],
    },
    { role: 'editMenu' },
    {
      label: '&View',
      submenu: [
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        // The plus is above the equals sign on most keyboards, and Electron's own key asks for it.
        { role: 'zoomIn', accelerator: 'CmdOrCtrl+=', visible: false, acceleratorWorksWhenHidden: true },
        { role: 'zoomOut' },
        separator,
        { role: 'togglefullscreen' },
      ],
    },
    { role: 'windowMenu' },
    { role: 'help', submenu: [{ label: 'Show Data Folder', click: actions.onShowDataFolder }] },
  ];
  Menu.setApplicationMenu(Menu.buildFromTemplate(template));
}
