// Applications that are known by the paths of their databases, as they lie on each system.
import { describe, expect, test } from 'vitest';
import { exclusiveSentence, knownApplication } from '../../shared/known-applications.ts';

describe('an application', () => {
  test.each([
    ['/home/ada/.local/share/Anki2/Ada/collection.anki2', 'Anki'],
    [String.raw`C:\Users\Ada\AppData\Roaming\Anki2\User 1\collection.anki2`, 'Anki'],
    ['/home/ada/.mozilla/firefox/x1.default-release/places.sqlite', 'Firefox'],
    ['/Users/ada/Library/Application Support/Firefox/Profiles/x1.default/cookies.sqlite', 'Firefox'],
    [String.raw`C:\Users\Ada\AppData\Roaming\Mozilla\Firefox\Profiles\x1.default\favicons.sqlite`, 'Firefox'],
    ['/home/ada/.thunderbird/x1.default/global-messages-db.sqlite', 'Thunderbird'],
    ['/Users/ada/Library/Thunderbird/Profiles/x1.default/places.sqlite', 'Thunderbird'],
    ['/home/ada/Zotero/zotero.sqlite', 'Zotero'],
    ['/home/ada/.config/google-chrome/Default/History', 'Chrome'],
    [String.raw`C:\Users\Ada\AppData\Local\Google\Chrome\User Data\Profile 2\History`, 'Chrome'],
    ['/home/ada/.config/chromium/Default/History', 'Chromium'],
  ])('%s is kept by %s, for itself', (path, name) => {
    expect(knownApplication(path)).toEqual({ name, isExclusive: true });
  });

  test('may share its database', () => {
    expect(knownApplication('/config/home-assistant_v2.db')).toEqual({ name: 'Home Assistant', isExclusive: false });
  });

  test.each([
    '/home/ada/till/Sales.db',
    '/home/ada/places.sqlite',
    '/home/ada/collection.anki2',
    '/home/ada/.mozilla/firefox/x1.default/places.sqlite.bak',
    '/home/ada/.mozilla/firefox/x1.default/storage/default/idb/7.sqlite',
    '/home/ada/notes/History',
    '/home/ada/my-zotero.sqlite',
  ])('%s is nobody’s that is known', (path) => {
    expect(knownApplication(path)).toBeUndefined();
  });
});

test('the sentence says when it is captured, for those that need it', () => {
  expect(exclusiveSentence(knownApplication('/Anki2/Ada/collection.anki2'))).toBe(
    'Anki keeps this database for itself while it is open. Tidemark captures it each time Anki is closed.',
  );
  expect(exclusiveSentence(knownApplication('/config/home-assistant_v2.db'))).toBeUndefined();
  expect(exclusiveSentence(undefined)).toBeUndefined();
});
