// Native dialogs of the desktop host: choosing files, and the few questions that cannot be asked inside the window.
import { basename, dirname, join } from 'node:path';
import { type BrowserWindow, dialog } from 'electron';

interface Chosen {
  readonly path: string | undefined;
}

/** Asks for a database file. */
export async function chooseDatabase(window: BrowserWindow): Promise<Chosen> {
  const { filePaths } = await dialog.showOpenDialog(window, {
    title: 'Protect a database',
    buttonLabel: 'Choose',
    properties: ['openFile', 'showHiddenFiles'],
    filters: [
      { name: 'SQLite databases', extensions: ['db', 'sqlite', 'sqlite3', 'db3', 's3db', 'sl3'] },
      { name: 'All files', extensions: ['*'] },
    ],
  });
  return { path: filePaths[0] };
}

/** Asks for a folder, which may be created on the way. */
export async function chooseFolder(window: BrowserWindow, title: string): Promise<Chosen> {
  const { filePaths } = await dialog.showOpenDialog(window, {
    title,
    properties: ['openDirectory', 'createDirectory'],
  });
  return { path: filePaths[0] };
}

/** Asks where a restored file shall go. */
export async function chooseOutput(window: BrowserWindow, proposedPath: string): Promise<Chosen> {
  const { canceled, filePath } = await dialog.showSaveDialog(window, {
    title: 'Restore to a new file',
    buttonLabel: 'Choose',
    defaultPath: join(dirname(proposedPath), basename(proposedPath)),
    properties: ['createDirectory', 'showOverwriteConfirmation'],
  });
  return { path: canceled || filePath === '' ? undefined : filePath };
}

/** Asks before protection ends; true to quit. */
export async function confirmQuit(window: BrowserWindow | undefined, sentence: string): Promise<boolean> {
  const question = {
    type: 'question' as const,
    title: 'Quit Tidemark?',
    message: 'Backups stop until you reopen Tidemark.',
    detail: `${sentence}. What changes while Tidemark is closed cannot be restored moment by moment: on reopening it goes on from what it then finds.`,
    buttons: ['Keep running', 'Quit'],
    defaultId: 0,
    cancelId: 0,
    noLink: true,
  };
  const { response } = await (window?.isVisible()
    ? dialog.showMessageBox(window, question)
    : dialog.showMessageBox(question));
  return response === 1;
}

/** Says once where the application goes when its window closes. */
export async function explainClosing(window: BrowserWindow, hasTray: boolean): Promise<void> {
  await dialog.showMessageBox(window, {
    type: 'info',
    title: 'Tidemark keeps running',
    message: hasTray ? 'Tidemark goes on protecting in the background.' : 'Tidemark goes on protecting, minimised.',
    detail: hasTray
      ? 'Open it again from its icon in the notification area. To end it, choose Quit in that icon’s menu.'
      : 'This desktop shows no notification area, so the window stays in the task list. To end Tidemark, choose Quit in its menu.',
    buttons: ['OK'],
    noLink: true,
  });
}

/** For failures before there is a window. */
export function showStartFailure(sentence: string): void {
  dialog.showErrorBox('Tidemark cannot start', sentence);
}

/** For failures of what was asked outside the window. */
export function showFailure(sentence: string): void {
  dialog.showErrorBox('Tidemark', sentence);
}
