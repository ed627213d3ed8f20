// Native dialogs of the desktop host: choosing files, and the few questions that cannot be asked inside the window.
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { type BrowserWindow, dialog } from 'electron';

interface Chosen {
  readonly path: string | undefined;
}

let waiting = 0;

/** True while a dialog waits for its answer: whoever hid its window would leave it alone, with nobody to answer. */
export function isAsking(): boolean {
  return waiting > 0;
}

async function ask<T>(answer: Promise<T>): Promise<T> {
  waiting += 1;
  try {
    return await answer;
  } finally {
    waiting -= 1;
  }
}

/** Asks for a database file. */
export async function chooseDatabase(window: BrowserWindow): Promise<Chosen> {
  const asked = dialog.showOpenDialog(window, {
    title: 'Protect a database',
    buttonLabel: 'Choose',
    defaultPath: homedir(),
    properties: ['openFile', 'showHiddenFiles'],
    filters: [
      { name: 'SQLite databases', extensions: ['db', 'sqlite', 'sqlite3', 'db3', 's3db', 'sl3'] },
      { name: 'All files', extensions: ['*'] },
    ],
  });
  const { filePaths } = await ask(asked);
  return { path: filePaths[0] };
}

/** Asks for a folder, which may be created on the way. */
export async function chooseFolder(window: BrowserWindow, title: string): Promise<Chosen> {
  const asked = dialog.showOpenDialog(window, {
    title,
    defaultPath: homedir(),
    properties: ['openDirectory', 'createDirectory'],
  });
  const { filePaths } = await ask(asked);
  return { path: filePaths[0] };
}

/** Asks where a restored file shall go. */
export async function chooseOutput(window: BrowserWindow, proposedPath: string): Promise<Chosen> {
  const asked = dialog.showSaveDialog(window, {
    title: 'Restore to a new file',
    buttonLabel: 'Choose',
    defaultPath: join(dirname(proposedPath), basename(proposedPath)),
    properties: ['createDirectory', 'showOverwriteConfirmation'],
  });
  const { canceled, filePath } = await ask(asked);
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
  const asked = window?.isVisible() ? dialog.showMessageBox(window, question) : dialog.showMessageBox(question);
  return (await ask(asked)).response === 1;
}

/** Says once where the application went when its window closed. By itself: the window is hidden by then. */
export async function explainClosing(hasTray: boolean): Promise<void> {
  await dialog.showMessageBox({
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

/** Says that the window's page ends again and again, and that protection goes on; true to try once more. */
export async function explainCrashes(): Promise<boolean> {
  const { response } = await dialog.showMessageBox({
    type: 'warning',
    title: 'The window of Tidemark keeps crashing',
    message: 'The window cannot be shown, because its page keeps crashing.',
    detail: 'Protection does not depend on it, and goes on.',
    buttons: ['Try again', 'Close the window'],
    defaultId: 0,
    cancelId: 1,
    noLink: true,
  });
  return response === 0;
}

/** For failures before there is a window; only once Electron is ready. */
export async function showStartFailure(sentence: string): Promise<void> {
  process.stderr.write(`${sentence}\n`);
  await showError('Tidemark cannot start', sentence);
}

/** For failures of what was asked outside the window. */
export function showFailure(sentence: string): void {
  void showError('Tidemark', sentence);
}

/** Not Electron's error box: that one stops everything else, signals among it, until somebody answers. */
async function showError(title: string, message: string): Promise<void> {
  await dialog.showMessageBox({ type: 'error', title, message, buttons: ['OK'], noLink: true });
}
