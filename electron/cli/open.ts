// `open`: another way into what a host serves to a browser, for who owns its data folder.
import type { Terminal } from './output.ts';
import { UsageError } from './sources.ts';
import { openOutside } from '../host/open-browser.ts';
import { addressWith, issueKey, keyLifeMs, readDoor, writeRedirect } from '../host/way-in.ts';

/** Prints an address with a new key and opens it. Throws where nothing serves the data folder. */
export function openWindow(options: {
  readonly dataDir: string;
  readonly browser: boolean;
  readonly terminal: Terminal;
}): void {
  const { dataDir, browser, terminal } = options;
  const door = readDoor(dataDir);
  if (door === undefined || !isAlive(door.pid)) {
    throw new UsageError(`nothing serves ${dataDir} to a browser; npm start -- --headless does`);
  }
  terminal.out(`${addressWith(issueKey(dataDir), door)}\n`);
  terminal.note(`This address works once, within ${keyLifeMs / 60_000} minutes.\n`);
  if (browser) openOutside(writeRedirect(dataDir, issueKey(dataDir), door));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
