// What only the stand-in for Electron shows: handlers of the session that no page of ours ever reaches, since each layer before them
// refuses. What a page or an attacker can see runs on both (the other files).
import { expect, test } from 'vitest';
import { startDesktop } from '../support/desktop-app.ts';
import { tempFolder } from '../support/temp.ts';

test('devices are refused by the session’s own handler', async () => {
  using folder = tempFolder();
  await using app = await startDesktop({ dataDir: folder.at('data') });
  await app.page.getByRole('heading', { name: 'Protect your first database' }).waitFor();
  const refusesDevices = await app.electron.evaluate(
    ({ session }) => (session.defaultSession as unknown as { readonly refusesDevices: boolean }).refusesDevices,
  );
  expect(refusesDevices).toBe(true);
});
