// The secrets of targets: sealed in the state where a window typed them, in memory alone where a command line or a configuration
// said them. They leave this file only for the target that they open.
import { AppError } from '../../../shared/errors.ts';
import type { Place } from '../../../shared/contract.ts';
import type { TargetId } from '../../../shared/ids.ts';
import { SecretBox } from '../state/secrets.ts';
import type { TargetRow } from '../state/rows.ts';
import type { S3Credentials } from '../targets/s3-address.ts';

/** What is secret of a pair of keys. */
interface Secret {
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export class TargetCredentials {
  readonly #box: SecretBox | undefined;
  readonly #given = new Map<TargetId, S3Credentials>();

  /** Without a key nothing can be sealed, and nothing sealed can be opened. */
  constructor(key: Uint8Array | undefined) {
    this.#box = key === undefined ? undefined : new SecretBox(key);
  }

  /** Credentials for as long as this engine runs. */
  give(targetId: TargetId, credentials: S3Credentials): void {
    this.#given.set(targetId, credentials);
  }

  /**
   * What a form said, as it is to be kept; what is kept already where it left the secret out. Fails with `target-secret-missing`
   * where there is none, or only that of another key.
   */
  seal(typed: Place, before: Pick<TargetRow, 'id' | 'name'> & Partial<TargetRow>): Uint8Array | undefined {
    if (typed.kind === 'folder' || typed.credentials.kind === 'chain') return undefined;
    const { accessKeyId, secretAccessKey, sessionToken } = typed.credentials;
    if (secretAccessKey === undefined || secretAccessKey === '') {
      const kept = before.place?.kind === 's3' ? before.place.credentials : undefined;
      const isSameKey = kept?.kind === 'keys' && kept.accessKeyId === accessKeyId;
      if (!isSameKey || before.secret === undefined) throw new AppError('target-secret-missing', { name: before.name });
      return before.secret;
    }
    if (this.#box === undefined) throw new AppError('not-available', { what: 'Keeping secret keys' });
    this.#given.delete(before.id);
    const secret: Secret = { secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
    return this.#box.seal(JSON.stringify(secret), before.id);
  }

  /**
   * The credentials of a target; undefined for a folder. Fails with `target-secret-unreadable` where the key is another one, with
   * `target-secret-missing` where nothing is kept.
   */
  of({ id, name, place, secret }: TargetRow): S3Credentials | undefined {
    const given = this.#given.get(id);
    if (given !== undefined || place.kind === 'folder') return given;
    if (place.credentials.kind === 'chain') return place.credentials;
    if (secret === undefined) throw new AppError('target-secret-missing', { name });
    const opened = this.#box?.open(secret, id) ?? { kind: 'unreadable', reason: 'no key was given to open it' };
    if (opened.kind === 'unreadable') throw new AppError('target-secret-unreadable', { name, reason: opened.reason });
    return { kind: 'keys', accessKeyId: place.credentials.accessKeyId, ...(JSON.parse(opened.text) as Secret) };
  }
}
