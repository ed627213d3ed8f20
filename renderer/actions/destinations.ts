// Destinations: the form of one, its test by the engine, and what becomes of it. A secret lives in the draft only, and the
// draft only while one is at it.
import { toErrorData } from '../../shared/errors.ts';
import type { DatabaseId, TargetId } from '../../shared/ids.ts';
import { connection } from '../channel/api.ts';
import {
  changesPlace,
  checkForm,
  emptyForm,
  type FieldName,
  formOf,
  limitOf,
  placeOf,
  type PlaceForm,
  withPlace,
} from '../store/place-form.ts';
import { type DestinationDraft, readStore, setView } from '../store/store.ts';
import { go, run } from './window.ts';

/** Begins the draft of a destination, a new one without an id; one that is begun already goes on. */
export function describeDestination(targetId: TargetId | undefined, kind: PlaceForm['kind'] = 's3'): void {
  const { view, remote } = readStore();
  if (view.destination !== undefined && view.destination.targetId === targetId) return;
  const target = remote?.targets.find(({ id }) => id === targetId);
  const form = target === undefined ? emptyForm(kind) : formOf(target);
  setView({
    destination: {
      targetId,
      form,
      left: [],
      isTried: false,
      suggestions: [],
      test: undefined,
      isSaving: false,
      error: undefined,
    },
  });
}

/** Forgets the draft, and with it what was typed as a secret. */
export function dropDestination(): void {
  if (readStore().view.destination !== undefined) setView({ destination: undefined });
}

/** Changes fields; a test of another place is over then. */
export function fillIn(change: Partial<PlaceForm>): void {
  changeDraft(({ form, test }) => ({
    form: { ...form, ...change },
    test: changesPlace(change) ? undefined : test,
    error: undefined,
  }));
  if (change.path !== undefined) void suggest(change.path);
}

/** One has left a field. */
export function leaveField(name: FieldName): void {
  changeDraft(({ left, form }) => (left.includes(name) || form[name] === '' ? {} : { left: [...left, name] }));
}

/** Asks for a folder in a native dialog. */
export function chooseFolderPath(): Promise<void> {
  return run('choose', async () => {
    const { path } = await connection().api.call('chooseFolder', { title: 'Where shall histories be kept?' });
    if (path !== undefined) fillIn({ path });
  });
}

/** Tests the place of the draft, unless something is wrong with it; what the test corrected is filled in. */
export async function testDestination(databasePath?: string): Promise<void> {
  const draft = triedDraft();
  if (draft === undefined || draft.test?.kind === 'running') return;
  const { form, targetId } = draft;
  changeDraft(() => ({ test: { kind: 'running' }, error: undefined }));
  const isStill = (now: DestinationDraft): boolean => now.targetId === targetId && now.test?.kind === 'running';
  try {
    const test = await connection().api.call('testTarget', {
      place: placeOf(form),
      ...(targetId === undefined ? {} : { targetId }),
      ...(databasePath === undefined ? {} : { databasePath }),
    });
    changeDraft((now) =>
      isStill(now)
        ? { test: { kind: 'done', test }, form: test.corrected.length > 0 ? withPlace(now.form, test.place) : now.form }
        : {},
    );
  } catch (error) {
    changeDraft((now) => (isStill(now) ? { test: { kind: 'failed', error: toErrorData(error) } } : {}));
  }
}

/** Opens a destination and tests it at once. */
export async function openAndTest(targetId: TargetId): Promise<void> {
  dropDestination();
  describeDestination(targetId);
  go({ kind: 'destination', targetId });
  await testDestination();
}

/** Saves the draft and goes back to where one came from: with a database, its history is kept there from now on. */
export async function saveDestination(databaseId?: DatabaseId): Promise<void> {
  const saved = await storeDestination();
  if (saved === undefined) return;
  if (databaseId !== undefined) {
    await run('replica', () => connection().api.call('addReplica', { databaseId, targetId: saved }));
    go({ kind: 'database', databaseId });
    return;
  }
  go({ kind: 'destinations' });
}

/** Saves the draft; undefined where something is wrong with it, which it says then. */
export async function storeDestination(): Promise<TargetId | undefined> {
  const draft = triedDraft();
  if (draft === undefined || draft.isSaving) return undefined;
  changeDraft(() => ({ isSaving: true, error: undefined }));
  try {
    const targetId = await send(draft);
    dropDestination();
    return targetId;
  } catch (error) {
    changeDraft(() => ({ isSaving: false, error: toErrorData(error) }));
    return undefined;
  }
}

export function askToRemoveTarget(targetId: TargetId | undefined): void {
  setView({ removingTarget: targetId });
}

/** Forgets a destination that no database uses; what lies there stays. */
export function removeTarget(targetId: TargetId): Promise<void> {
  setView({ removingTarget: undefined });
  return run('remove-target', async () => {
    await connection().api.call('removeTarget', { targetId });
    const { place } = readStore().view;
    if (place.kind === 'destination' && place.targetId === targetId) go({ kind: 'destinations' });
  });
}

async function send({ targetId, form }: DestinationDraft): Promise<TargetId> {
  const name = form.name.trim();
  const limit = limitOf(form);
  const { api } = connection();
  if (targetId !== undefined) {
    await api.call('updateTarget', {
      targetId,
      place: placeOf(form),
      ...(name === '' ? {} : { name }),
      bandwidthBytes: limit ?? null,
    });
    return targetId;
  }
  const added = await api.call('addTarget', { place: placeOf(form), ...(name === '' ? {} : { name }) });
  if (limit !== undefined) await api.call('updateTarget', { targetId: added.targetId, bandwidthBytes: limit });
  return added.targetId;
}

/** The draft where nothing is wrong with it; else everything that is wrong is said from now on. */
function triedDraft(): DestinationDraft | undefined {
  changeDraft(() => ({ isTried: true }));
  const draft = readStore().view.destination;
  return draft === undefined || Object.keys(checkForm(draft.form)).length > 0 ? undefined : draft;
}

async function suggest(path: string): Promise<void> {
  try {
    const suggestions = await connection().api.call('suggestPaths', { prefix: path, withFiles: false });
    changeDraft(({ form }) => (form.path === path ? { suggestions } : {}));
  } catch {
    // @NOTE Suggestions are a convenience: without them the field is still a field.
    changeDraft(() => ({ suggestions: [] }));
  }
}

function changeDraft(change: (draft: DestinationDraft) => Partial<DestinationDraft>): void {
  const { destination } = readStore().view;
  if (destination !== undefined) setView({ destination: { ...destination, ...change(destination) } });
}
