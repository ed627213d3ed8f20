// The desktop host's entry. Makes sure that it is the only one for its data folder before anything else happens, then
// hands over to desktop/desktop.ts.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { app } from 'electron';
import { z } from 'zod';
import { AppError, errorSentence, reasonOf } from '../shared/errors.ts';
import { registerContentScheme } from './desktop/content.ts';
import { resolveDataDir } from './host/data-dir.ts';
import { guardPages } from './desktop/guards.ts';
import { type DesktopOptions, readDesktopOptions } from './desktop/options.ts';
import { type Desktop, startDesktop } from './desktop/desktop.ts';
import { showStartFailure } from './desktop/dialogs.ts';
import { startEngine, workerBeside } from './host/engine-host.ts';
import { guardProcess } from './host/process-guards.ts';
import { readDesktopKey } from './desktop/secrets.ts';
import { findTray } from './desktop/tray.ts';

const handedOver = z.object({ paths: z.array(z.string()), isBackground: z.boolean() });

guardProcess();
app.enableSandbox();
registerContentScheme();
const options = readDesktopOptions(process.argv.slice(1), {
  hasAppPath: !app.isPackaged,
  workingDir: process.cwd(),
});
const dataDir = resolveDataDir(options.dataDir);
try {
  if (isOnlyInstance()) void run(options);
  else app.quit();
} catch (error) {
  void fail(new AppError('data-folder-unusable', { path: dataDir, reason: reasonOf(error) }));
}

/** The lock lies in Chromium's own folder, which belongs to the data folder: one instance for each. */
function isOnlyInstance(): boolean {
  const chromiumDir = join(dataDir, 'desktop');
  mkdirSync(chromiumDir, { recursive: true, mode: 0o700 });
  app.setPath('userData', chromiumDir);
  return app.requestSingleInstanceLock({ paths: options.paths, isBackground: options.isBackground });
}

async function run({ paths, isBackground }: DesktopOptions): Promise<void> {
  guardPages();
  let desktop: Desktop | undefined;
  app.on('second-instance', (_event, _argv, _workingDir, data) => {
    const { paths: others, isBackground: isQuiet } = handedOver.safeParse(data).data ?? {
      paths: [],
      isBackground: false,
    };
    // Started at login, it shows nothing either.
    if (others.length > 0 || !isQuiet) desktop?.show(others);
  });
  try {
    // The keyring answers only then.
    await app.whenReady();
    const { key: secretKey, keptBy } = await readDesktopKey(dataDir);
    const [engine, hasTray] = await Promise.all([
      startEngine({ dataDir, secretKey, workerUrl: workerBeside(import.meta.url) }),
      findTray(),
    ]);
    desktop = startDesktop({
      engine,
      dataDir,
      mainUrl: import.meta.url,
      hostDir: import.meta.dirname,
      hasTray,
      secretsKeptBy: keptBy,
      isBackground,
    });
    if (paths.length > 0) desktop.show(paths);
  } catch (error) {
    await fail(error);
  }
}

async function fail(error: unknown): Promise<void> {
  await app.whenReady();
  await showStartFailure(error instanceof AppError ? errorSentence(error.toData()) : reasonOf(error));
  app.exit(1);
}
