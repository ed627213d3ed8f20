// Puts one object into a folder as a copy of a file: node put-like.ts <folder> <file>. For tests that run as somebody else.
import { accessOf } from '../../electron/engine/basics/access.ts';
import { createFolderTarget } from '../../electron/engine/targets/folder.ts';

const [folder = '', original = ''] = process.argv.slice(2);
const access = accessOf(original);
const target = await createFolderTarget({ path: folder, access });
await target.put('object', new Uint8Array(10), { access, signal: new AbortController().signal });
