// Names that no file of a Windows has: devices, streams beside a file, and what it leaves out at the end of a name. Programs that
// bypass its rules can make such files all the same, and then nobody can open or delete them.

const devices =
  /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3]) *(?:\.|$)/i;
// eslint-disable-next-line no-control-regex -- Windows forbids them in names.
const forbidden = /[\u0000-\u001f<>:"|?*]/;
/** A drive, a share, or the long form of either. */
const root = /^(?:\\\\[?.]\\(?:UNC\\[^\\]+\\[^\\]+|[^\\]+)|\\\\[^\\]+\\[^\\]+|[a-z]:)/i;

/** The part of an absolute Windows path that no file or folder there can have as its name; undefined where all can. */
export function impossibleNameIn(path: string): string | undefined {
  const names = path.replaceAll('/', '\\').replace(root, '').split('\\');
  return names.find((name) => name !== '.' && name !== '..' && isImpossible(name));
}

function isImpossible(name: string): boolean {
  return devices.test(name) || forbidden.test(name) || /[. ]$/.test(name);
}
