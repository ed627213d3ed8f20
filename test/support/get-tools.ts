// What the tests need beside packages of npm: fetched once, side by side, each with a sentence of what there is or what is left out.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mayUseApt } from './apt.ts';
import { getChromium } from './chromium.ts';
import { whyNoMoto } from './moto.ts';
import { whyNoSwift } from './swift.ts';

const root = join(import.meta.dirname, '../..');

export interface Tools {
  /** One for each tool. */
  readonly sentences: readonly string[];
  /** Test files that cannot run here. */
  readonly leftOut: readonly string[];
  /** What has to be there for a whole run and is not, on a computer where it should be. */
  readonly missing: string | undefined;
}

/** Looks for all of them, and installs what is not there as far as this user may. */
export async function getTools(): Promise<Tools> {
  const [chromium, swift, moto] = await Promise.all([askForChromium(), whyNoSwift(), whyNoMoto()]);
  // Who may install what he likes, and who only tests, misses nothing without knowing.
  const isDemanded = mayUseApt || process.env['CI'] !== undefined;
  const leftOut = chromium.isThere ? [] : filesWithBrowser();
  const sentences = [
    chromium.isThere || isDemanded
      ? chromium.says
      : `${chromium.says}\nLeft out, for want of it: ${leftOut.join(', ')}.`,
    swift ?? 'Swift, the second server of S3 for the tests, is here.',
    moto ?? 'moto, another server of S3 for the tests, is here.',
  ];
  return { sentences, leftOut, missing: isDemanded && !chromium.isThere ? chromium.says : undefined };
}

async function askForChromium(): Promise<{ readonly isThere: boolean; readonly says: string }> {
  try {
    return { isThere: true, says: `Chromium for the tests: ${await getChromium()}` };
  } catch (error) {
    return { isThere: false, says: error instanceof Error ? error.message : String(error) };
  }
}

/** Tests that open a browser, or the stand-in for Electron, which is one. */
function filesWithBrowser(): readonly string[] {
  const opens = /\bopenBrowser\b|support\/(?:chromium|desktop-app)\.ts'/;
  return globSync('test/e2e/*.test.ts', { cwd: root })
    .filter((file) => opens.test(readFileSync(join(root, file), 'utf8')))
    .sort();
}
