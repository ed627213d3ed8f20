// Applications that are known by where they keep their databases, and whether they keep them for themselves: beside one that
// does (`PRAGMA locking_mode = EXCLUSIVE`) nobody can read the database while it is open. A convenience for words alone.

export interface KnownApplication {
  readonly name: string;
  /** Nobody else can read its database while it is open. */
  readonly isExclusive: boolean;
}

interface Pattern extends KnownApplication {
  /** The end of a path, with `/` between folders. */
  readonly path: RegExp;
}

/** Folders of profiles lie in the application’s own one, or in one between the two, as on macOS and Windows. */
const mozilla = 'places|cookies|favicons|formhistory|permissions|content-prefs|webappsstore';
const patterns: readonly Pattern[] = [
  { name: 'Anki', isExclusive: true, path: /\/Anki2\/[^/]+\/collection\.(anki2|media\.db2)$/i },
  {
    name: 'Firefox',
    isExclusive: true,
    path: new RegExp(String.raw`/firefox/(profiles/)?[^/]+/(${mozilla})\.sqlite$`, 'i'),
  },
  {
    name: 'Thunderbird',
    isExclusive: true,
    path: new RegExp(String.raw`/\.?thunderbird/(profiles/)?[^/]+/(global-messages-db|${mozilla})\.sqlite$`, 'i'),
  },
  { name: 'Zotero', isExclusive: true, path: /\/zotero\.sqlite$/i },
  {
    name: 'Chrome',
    isExclusive: true,
    path: /\/(google-chrome|google\/chrome(\/user data)?)\/(default|profile \d+)\/history$/i,
  },
  { name: 'Chromium', isExclusive: true, path: /\/chromium(\/user data)?\/(default|profile \d+)\/history$/i },
  { name: 'Home Assistant', isExclusive: false, path: /\/home-assistant_v2\.db$/i },
];

/** The application that keeps a database at this path; undefined for all but a few. */
export function knownApplication(path: string): KnownApplication | undefined {
  const found = patterns.find((pattern) => pattern.path.test(path.replaceAll('\\', '/')));
  return found && { name: found.name, isExclusive: found.isExclusive };
}

/** When an application that keeps its database for itself is captured; undefined for all others. */
export function exclusiveSentence(application: KnownApplication | undefined): string | undefined {
  if (application?.isExclusive !== true) return undefined;
  const { name } = application;
  return `${name} keeps this database for itself while it is open. Tidemark captures it each time ${name} is closed.`;
}
