// Names of restore points: a form to give or change one, a question before one is removed.
import { toErrorData } from '../../shared/errors.ts';
import type { Moment } from '../../shared/history.ts';
import type { DatabaseId } from '../../shared/ids.ts';
import { findNamed, type NamedPoint } from '../../shared/named-points.ts';
import { connection } from '../channel/api.ts';
import { type NameForm, readStore, setView } from '../store/store.ts';
import { run } from './window.ts';

/** Opens the form for a restore point: to name it, or to change the name that it has. */
export function openNaming(databaseId: DatabaseId, { position, at }: Moment): void {
  const database = readStore().remote?.databases.find(({ id }) => id === databaseId);
  const named = findNamed(database?.namedPoints ?? [], position);
  const form: NameForm = {
    kind: 'form',
    databaseId,
    moment: { position, at },
    named,
    name: named?.name ?? '',
    bytes: undefined,
    isSaving: false,
    error: undefined,
  };
  setView({ naming: form });
  void weigh(form);
}

export function askToRemoveName(databaseId: DatabaseId, named: NamedPoint): void {
  setView({ naming: { kind: 'remove', databaseId, named } });
}

export function closeNaming(): void {
  setView({ naming: undefined });
}

export function setPointName(name: string): void {
  changeForm(() => ({ name, error: undefined }));
}

/** Gives the name, or changes it. */
export async function savePointName(): Promise<void> {
  const { naming } = readStore().view;
  if (naming?.kind !== 'form' || naming.isSaving || naming.name.trim() === '') return;
  const { databaseId, moment, named, name } = naming;
  changeForm(() => ({ isSaving: true, error: undefined }));
  try {
    const { api } = connection();
    if (named === undefined) await api.call('namePoint', { databaseId, position: moment.position, name });
    else await api.call('renamePoint', { databaseId, namedPointId: named.id, name });
    closeNaming();
  } catch (error) {
    changeForm(() => ({ isSaving: false, error: toErrorData(error) }));
  }
}

/** The point is like all others from then on. */
export function removePointName(databaseId: DatabaseId, named: NamedPoint): Promise<void> {
  closeNaming();
  return run('name', () => connection().api.call('removePointName', { databaseId, namedPointId: named.id }));
}

/** What stays for the point, once everything around it went. */
async function weigh({ databaseId, moment: { position } }: NameForm): Promise<void> {
  try {
    const { bytes } = await connection().api.call('getPointCost', { databaseId, position });
    changeForm(({ moment }) => (moment.position === position ? { bytes } : {}));
  } catch {
    // @NOTE The figure is left out then; that the point is gone, saving says.
  }
}

function changeForm(change: (form: NameForm) => Partial<NameForm>): void {
  const { naming } = readStore().view;
  if (naming?.kind === 'form') setView({ naming: { ...naming, ...change(naming) } });
}
