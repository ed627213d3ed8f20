// Lines that keep somebody out, each with what undoes it and the tests that must notice. Text for text: a line that is not found any
// more is a mutation to be written anew.

export interface Mutation {
  readonly what: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** The file of the test, and words of its name where one of many is meant. */
  readonly test: string;
  readonly name?: string;
}

const checklist = 'test/e2e/desktop-checklist.test.ts';
const window = 'test/e2e/desktop-window.test.ts';
const packaging = 'test/unit/host-packaging.test.ts';
const server = 'test/unit/host-headless-server.test.ts';
const attacks = 'test/unit/host-headless-attacks.test.ts';
const folder = 'test/unit/target-folder.test.ts';
const privacy = 'test/engine/private.test.ts';
const guards = 'test/e2e/process-guards.test.ts';

const guard = (event: string): Mutation => ({
  what: `the guard against ${event}`,
  file: 'electron/desktop/guards.ts',
  from: `contents.on('${event}', (event) => event.preventDefault());`,
  to: '',
  test: checklist,
});

const preference = (line: string, to: string): Mutation => ({
  what: `the preference ${line}`,
  file: 'electron/desktop/window.ts',
  from: `${line},`,
  to: `${to},`,
  test: checklist,
});

const fuse = (line: string): Mutation => ({
  what: `the fuse ${line}`,
  file: 'electron-builder.yml',
  from: `  ${line}`,
  to: `  ${line.endsWith('true') ? line.replace(/true$/, 'false') : line.replace(/false$/, 'true')}`,
  test: packaging,
});

export const mutations: readonly Mutation[] = [
  ...['will-navigate', 'will-frame-navigate', 'will-redirect', 'will-attach-webview'].map((event) => guard(event)),
  preference('sandbox: true', 'sandbox: false'),
  preference('contextIsolation: true', 'contextIsolation: false'),
  preference('nodeIntegration: false', 'nodeIntegration: true'),
  preference('spellcheck: false', 'spellcheck: false, allowRunningInsecureContent: true'),
  preference('nodeIntegrationInWorker: false', 'nodeIntegrationInWorker: true'),
  preference('nodeIntegrationInSubFrames: false', 'nodeIntegrationInSubFrames: true'),
  preference('webSecurity: true', 'webSecurity: false'),
  preference('webviewTag: false', 'webviewTag: true'),
  {
    what: 'the sandbox of every page',
    file: 'electron/main.ts',
    from: 'app.enableSandbox();',
    to: '',
    test: window,
    name: 'is sandboxed',
  },
  {
    what: 'the refusal of downloads',
    file: 'electron/desktop/guards.ts',
    from: "session.on('will-download', (event) => event.preventDefault());",
    to: '',
    test: checklist,
  },
  {
    what: 'the refusal of devices',
    file: 'electron/desktop/guards.ts',
    from: 'session.setDevicePermissionHandler(() => false);',
    to: '',
    test: checklist,
  },
  {
    what: 'the refusal of permissions',
    file: 'electron/desktop/guards.ts',
    from: 'callback(allowedPermissions.has(permission)),',
    to: 'callback(permission !== undefined),',
    test: window,
    name: 'is granted no permission',
  },
  {
    what: 'the refusal of popups',
    file: 'electron/desktop/guards.ts',
    from: "contents.setWindowOpenHandler(() => ({ action: 'deny' }));",
    to: '',
    test: window,
    name: 'cannot navigate away',
  },
  {
    what: 'the end of the network',
    file: 'electron/desktop/guards.ts',
    from: 'callback({ cancel: !isOwn(details.url) })',
    to: 'callback({ cancel: isOwn("") && details.url === "" })',
    test: window,
    name: 'runs no inline script',
  },
  ...['sender === window.webContents &&', 'senderFrame === sender.mainFrame &&', 'senderFrame !== null &&'].map(
    (from): Mutation => ({
      what: `the check of who calls: ${from}`,
      file: 'electron/desktop/ipc.ts',
      from,
      to: from.startsWith('senderFrame !== null') ? 'senderFrame !== undefined &&' : '',
      test: checklist,
    }),
  ),
  {
    what: 'the check of the caller’s origin',
    file: 'electron/desktop/ipc.ts',
    from: 'senderFrame.origin === contentOrigin',
    to: 'senderFrame.origin !== undefined',
    test: window,
    name: 'of another origin',
  },
  {
    what: 'the policy of scripts',
    file: 'electron/host/content-headers.ts',
    from: `"script-src 'self'",`,
    to: `"script-src 'self' 'unsafe-inline'",`,
    test: checklist,
  },
  ...[
    'runAsNode: false',
    'enableCookieEncryption: true',
    'enableNodeOptionsEnvironmentVariable: false',
    'enableNodeCliInspectArguments: false',
    'enableEmbeddedAsarIntegrityValidation: true',
    'onlyLoadAppFromAsar: true',
    'loadBrowserProcessSpecificV8Snapshot: false',
    'grantFileProtocolExtraPrivileges: false',
  ].map((line) => fuse(line)),

  {
    what: 'that no path ends the host',
    file: 'electron/headless/server.ts',
    from: "if (!/^\\/(?!\\/)/.test(path)) return refuse(response, 400, 'That is no path.');",
    to: 'new URL(path, options.host);',
    test: attacks,
  },
  {
    what: 'that a refused upgrade is let go of',
    file: 'electron/headless/server.ts',
    from: '(socket as Socket).destroySoon();',
    to: '(socket as Socket).end();',
    test: server,
    name: 'lets go of what it refuses',
  },
  {
    what: 'the bound on strangers',
    file: 'electron/headless/bounds.ts',
    from: 'const mostStrangersOfOne = 64;\nconst mostStrangers = 256;',
    to: 'const mostStrangersOfOne = 6400;\nconst mostStrangers = 25600;',
    test: attacks,
    name: 'lets its owner in',
  },
  {
    what: 'the check of names',
    file: 'electron/headless/names.ts',
    from: 'if (!isDirect && !isNamed) {',
    to: 'if (host === undefined) {',
    test: server,
  },
  {
    what: 'the check of origins',
    file: 'electron/headless/names.ts',
    from: "return isOurPage ? undefined : 'Pages of other sites have no business here.';",
    to: 'return isOurPage ? undefined : undefined;',
    test: server,
  },
  {
    what: 'the secret beside the cookie',
    file: 'electron/headless/sessions.ts',
    from: 'offered !== undefined && timingSafeEqual(digest(offered), secret)',
    to: '(offered === undefined || timingSafeEqual(digest(offered), digest(offered)))',
    test: server,
  },
  {
    what: 'the cookie before a page',
    file: 'electron/headless/server.ts',
    from: 'if (open === undefined && !isGuest)',
    to: 'if (open === undefined && !isGuest && path === undefined)',
    test: server,
  },
  {
    what: 'that a key opens once',
    file: 'electron/host/way-in.ts',
    from: 'unlinkSync(file);',
    to: 'statSync(file);',
    test: 'test/unit/way-in.test.ts',
  },
  {
    what: 'that a key expires',
    file: 'electron/host/way-in.ts',
    from: 'return isYoung;',
    to: 'return isYoung || true;',
    test: 'test/unit/way-in.test.ts',
  },
  {
    what: 'plain HTTP only where it is said twice',
    file: 'electron/headless/options.ts',
    from: 'if (isPlain && !isLoopback(host))',
    to: 'if (isPlain && !isLoopback(host) && port < 0)',
    test: 'test/unit/host-headless-options.test.ts',
  },

  {
    what: 'the private data folder',
    file: 'electron/engine/basics/private-folder.ts',
    from: 'fs.chmodSync(place, mode & 0o700)',
    to: 'fs.chmodSync(place, mode)',
    test: privacy,
    name: 'a data folder',
  },
  {
    what: 'the mode of what is copied',
    file: 'electron/engine/basics/access.ts',
    from: 'const mode = ((access.mode & 0o666) | 0o600) & groupMask(access, made);',
    to: 'const mode = (access.mode & 0o666) | 0o644;',
    test: privacy,
    name: 'with umask',
  },
  {
    what: 'the refusal of linked folders',
    file: 'electron/engine/targets/folder-tree.ts',
    from: 'if (facts?.isSymbolicLink() !== true) return;',
    to: 'if (facts?.isSymbolicLink() !== path) return;',
    test: folder,
    name: 'writes, deletes and reads nothing',
  },
  {
    what: 'the signal that opens no debugger',
    file: 'electron/host/process-guards.ts',
    from: "process.on('SIGUSR1', () => {});",
    to: '',
    test: guards,
  },
  {
    what: 'dumps without memory',
    file: 'electron/host/process-guards.ts',
    from: "setQuietly('/proc/self/coredump_filter', '0')",
    to: "setQuietly('/proc/self/coredump_filter', '0x33')",
    test: guards,
  },
  {
    what: 'what a started program inherits',
    file: 'electron/host/surroundings.ts',
    from: 'filter(([name]) => isPassed(name.toUpperCase()))',
    to: 'filter(([name]) => isPassed(name.toUpperCase()) || name !== "")',
    test: 'test/unit/way-in.test.ts',
  },
  {
    what: 'text that commands no terminal',
    file: 'shared/plain-text.ts',
    from: "return text.replace(commands, '\\uFFFD');",
    to: "return text.replace('', '');",
    test: guards,
    name: 'lets a destination command no terminal',
  },
];
