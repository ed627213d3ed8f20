// A keyring of its own: what it seals is not readable as it stands, and it opens nothing else. `TIDEMARK_NO_KEYRING` takes it
// away, as on a Linux without one, where Electron hides passwords behind one that everybody knows.
import type { Members } from './members.ts';

const mask = 0x5a;
const prefix = Buffer.from('sealed:');
const flip = (bytes: Uint8Array): Buffer => Buffer.from(bytes.map((byte) => byte ^ mask));

export const safeStorage = {
  isAsyncEncryptionAvailable: async () => await Promise.resolve(true),
  getSelectedStorageBackend: () =>
    process.env['TIDEMARK_NO_KEYRING'] === undefined ? 'gnome_libsecret' : 'basic_text',
  encryptStringAsync: async (text: string) => await Promise.resolve(Buffer.concat([prefix, flip(Buffer.from(text))])),
  decryptStringAsync: async (sealed: Buffer) => {
    if (!sealed.subarray(0, prefix.length).equals(prefix)) throw new Error('not sealed here');
    const result = flip(sealed.subarray(prefix.length)).toString();
    return await Promise.resolve({ result, shouldReEncrypt: false });
  },
} satisfies Members<
  Electron.SafeStorage,
  'isAsyncEncryptionAvailable' | 'getSelectedStorageBackend' | 'encryptStringAsync' | 'decryptStringAsync'
>;
