// Adding a database: a draft of its path and of where its history goes, inspected by the engine while they are typed, and the
// wish to protect.
import { toErrorData } from '../../shared/errors.ts';
import type { TargetId } from '../../shared/ids.ts';
import { connection } from '../channel/api.ts';
import {
  type AddDestination,
  type AddDraft,
  emptyAdd,
  isOthers,
  type PathDraft,
  readStore,
  setView,
} from '../store/store.ts';
import { describeDestination, dropDestination, storeDestination } from './destinations.ts';
import { go, run } from './window.ts';

type Field = 'database' | 'folder';

const typingPauseMs = 250;
const timers: Record<Field, ReturnType<typeof setTimeout> | undefined> = { database: undefined, folder: undefined };

/** The user types a path: suggestions at once, the inspection after a pause. */
export function typePath(field: Field, path: string): void {
  setPath(field, { path, inspection: undefined, error: undefined, isInspecting: path !== '' });
  setAdd({ error: undefined, takesOver: false, ...(field === 'database' ? { hasConsent: false } : {}) });
  clearTimeout(timers[field]);
  void suggest(field, path);
  if (path !== '') timers[field] = setTimeout(() => void inspect(field, path), typingPauseMs);
}

/** A path that came whole (dialog, drop, suggestion): inspected at once. */
export function setWholePath(field: Field, path: string): void {
  typePath(field, path);
  clearTimeout(timers[field]);
  void inspect(field, path);
}

/** A path that was handed to the application: the draft begins anew with it. */
export function offerPath(path: string): void {
  setView({ add: emptyAdd });
  setWholePath('database', path);
}

/** Where the history goes: a destination that exists, a folder, or an S3 place that is described now. */
export function chooseDestination(destination: AddDestination): void {
  setAdd({ destination, error: undefined });
  if (destination.kind === 's3') describeDestination(undefined);
  else dropDestination();
}

export function setConsent(hasConsent: boolean): void {
  setAdd({ hasConsent });
}

export function setTakesOver(takesOver: boolean): void {
  setAdd({ takesOver, error: undefined });
}

/** Asks for the database in a native dialog. */
export function chooseDatabaseFile(): Promise<void> {
  return run('choose', async () => {
    const { path } = await connection().api.call('chooseDatabase', {});
    if (path !== undefined) setWholePath('database', path);
  });
}

/** Asks for the destination in a native dialog. */
export function chooseDestinationFolder(): Promise<void> {
  return run('choose', async () => {
    const { path } = await connection().api.call('chooseFolder', { title: 'Where shall the history be kept?' });
    if (path !== undefined) setWholePath('folder', path);
  });
}

/** A file was dropped on the window: its path where the host knows it, else its name. */
export function dropFile(file: File): void {
  const path = connection().pathForFile(file);
  setView({ add: { ...emptyAdd, droppedName: path === undefined ? file.name : undefined } });
  if (path !== undefined) setWholePath('database', path);
  go({ kind: 'add' });
}

/** Protects the database of the draft and goes to watch it; a refusal stays in the draft. */
export async function protect(destination: AddDestination): Promise<void> {
  const { add } = readStore().view;
  const { inspection } = add.database;
  if (inspection?.kind !== 'database' || add.isSending) return;
  setAdd({ isSending: true, error: undefined });
  try {
    const place = await placeFor(destination);
    if (place === undefined) return setAdd({ isSending: false });
    const { databaseId } = await connection().api.call('addDatabase', {
      // As it was named: where a link leads is resolved by the engine, which watches the link from then on.
      path: add.database.path,
      ...place,
      ...(inspection.isWal ? {} : { enableWal: add.hasConsent }),
    });
    setView({ add: emptyAdd });
    go({ kind: 'database', databaseId });
  } catch (error) {
    setAdd({ isSending: false, error: toErrorData(error) });
  }
}

/** What the engine is told about the destination; undefined where it is not described well enough yet. */
async function placeFor(
  destination: AddDestination,
): Promise<{ readonly folder: string; readonly takeOver?: boolean } | { readonly targetId: TargetId } | undefined> {
  if (destination.kind === 'target') return { targetId: destination.targetId };
  if (destination.kind === 'folder') {
    const { folder, takesOver } = readStore().view.add;
    if (folder.inspection?.kind === 'usable') return { folder: folder.inspection.path };
    return takesOver && isOthers(folder.inspection) ? { folder: folder.path, takeOver: true } : undefined;
  }
  const targetId = await storeDestination();
  if (targetId === undefined) return undefined;
  // From now on it exists: another try goes on with it.
  setAdd({ destination: { kind: 'target', targetId } });
  return { targetId };
}

async function suggest(field: Field, path: string): Promise<void> {
  try {
    const suggestions = await connection().api.call('suggestPaths', { prefix: path, withFiles: field === 'database' });
    if (readStore().view.add[field].path === path) setPath(field, { suggestions });
  } catch {
    // @NOTE Suggestions are a convenience: without them the field is still a field.
    setPath(field, { suggestions: [] });
  }
}

async function inspect(field: Field, path: string): Promise<void> {
  try {
    if (field === 'database') {
      const inspection = await connection().api.call('inspectDatabase', { path });
      if (readStore().view.add.database.path !== path) return;
      setPath('database', { inspection, isInspecting: false });
      reinspectFolder();
      return;
    }
    const { database } = readStore().view.add;
    const databasePath = database.inspection?.kind === 'database' ? database.inspection.path : database.path;
    if (databasePath === '') return setPath('folder', { isInspecting: false });
    const inspection = await connection().api.call('inspectFolder', { path, databasePath });
    if (readStore().view.add.folder.path === path) setPath('folder', { inspection, isInspecting: false });
  } catch (error) {
    if (readStore().view.add[field].path === path) setPath(field, { error: toErrorData(error), isInspecting: false });
  }
}

/** Whether a folder is usable depends on the database. */
function reinspectFolder(): void {
  const { path } = readStore().view.add.folder;
  if (path !== '') void inspect('folder', path);
}

function setAdd(change: Partial<AddDraft>): void {
  setView({ add: { ...readStore().view.add, ...change } });
}

function setPath<F extends Field>(field: F, change: Partial<PathDraft<NonNullable<AddDraft[F]['inspection']>>>): void {
  const { add } = readStore().view;
  setView({ add: { ...add, [field]: { ...add[field], ...change } } });
}
