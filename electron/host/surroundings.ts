// What a program that we start gets of our environment: what it needs to run and to be shown. Keys of buckets stand in ours, under
// names that only a configuration knows; so what passes is named here, and nothing else does.

/** Whole names, and beginnings of names that end with `*`; Windows writes them in any case. */
const passed = `
  PATH HOME USER LOGNAME SHELL LANG LANGUAGE LC_* TZ TERM TMPDIR TMP TEMP NODE_COMPILE_CACHE
  DISPLAY WAYLAND_* XAUTHORITY XDG_* DBUS_SESSION_BUS_ADDRESS DESKTOP_* KDE_* GNOME_* SESSION_MANAGER XMODIFIERS
  GTK_* GDK_* QT_* BROWSER MOZ_* SNAP_REAL_HOME WSL_*
  SYSTEMROOT WINDIR SYSTEMDRIVE USERPROFILE USERNAME HOMEDRIVE HOMEPATH APPDATA LOCALAPPDATA PROGRAMDATA PROGRAMFILES*
  COMMONPROGRAMFILES* COMSPEC PATHEXT`
  .trim()
  .split(/\s+/);

/** The environment for a program that needs none of our secrets. */
export function plainSurroundings(env: Readonly<NodeJS.ProcessEnv> = process.env): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => isPassed(name.toUpperCase())));
}

function isPassed(name: string): boolean {
  return passed.some((one) => (one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : name === one));
}
