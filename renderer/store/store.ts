// The window's one store: `remote` mirrors the pushed state and is replaced whole; `view` is what only this window knows
// (place, selections, drafts). Changed by the functions in actions/, read by selectors.
import { create } from 'zustand';
import type { AppErrorData } from '../../shared/errors.ts';
import type { DatabaseDetails, DatabaseInspection } from '../../shared/databases.ts';
import type { Moment, RestorePoint, Timeline } from '../../shared/history.ts';
import type { DatabaseId, OperationId, TargetId } from '../../shared/ids.ts';
import type { ActivityEntry, AppState, PathSuggestion } from '../../shared/model.ts';
import type { NamedPoint } from '../../shared/named-points.ts';
import type { RestoreProposal } from '../../shared/operations.ts';
import type { Retention, RetentionPreview } from '../../shared/retention.ts';
import type { FolderInspection, TargetTest } from '../../shared/targets.ts';
import type { Viewport } from '../../shared/viewport.ts';
import type { ConnectionStatus } from '../channel/connection.ts';
import { mayBeTakenOver } from '../../shared/taking-over.ts';
import type { FieldName, PlaceForm } from './place-form.ts';
import { parsePlace, type Place } from './place.ts';

export interface Store {
  /** Undefined until the first state arrived. */
  readonly remote: AppState | undefined;
  readonly view: View;
}

export interface View {
  readonly place: Place;
  readonly connection: ConnectionStatus;
  /** The window's clock, once a second. */
  readonly now: number;
  readonly isDrawerOpen: boolean;
  readonly notices: readonly Notice[];
  readonly add: AddDraft;
  /** The destination that is being described: a new one, or one that exists. */
  readonly destination: DestinationDraft | undefined;
  /** The destination whose removal waits for a confirmation. */
  readonly removingTarget: TargetId | undefined;
  /** What one does with one database's history at one destination. */
  readonly replica: ReplicaView | undefined;
  readonly restore: RestoreDraft | undefined;
  readonly naming: NamingDraft | undefined;
  /** The database whose removal waits for a confirmation. */
  readonly removing: DatabaseId | undefined;
  readonly histories: Readonly<Record<DatabaseId, HistoryView>>;
  readonly areDetailsShown: boolean;
  /** Of the database whose details were asked for last. */
  readonly details: DetailsView | undefined;
  /** Of the database whose activity was asked for last. */
  readonly lately: LatelyView | undefined;
  readonly log: LogView;
  /** Commands that were sent and not answered yet. */
  readonly pending: readonly string[];
}

/** Something that went wrong and was not asked for in place. */
export interface Notice {
  readonly id: number;
  readonly error: AppErrorData;
}

/** A path that is being typed, with what it turned out to be. */
export interface PathDraft<I> {
  readonly path: string;
  readonly suggestions: readonly PathSuggestion[];
  readonly isInspecting: boolean;
  readonly inspection: I | undefined;
  /** The question itself failed. */
  readonly error: AppErrorData | undefined;
}

/** A destination that exists, a folder, or an S3 place that is described in `View.destination`. */
export type AddDestination =
  { readonly kind: 'target'; readonly targetId: TargetId } | { readonly kind: 'folder' } | { readonly kind: 's3' };

export interface AddDraft {
  readonly database: PathDraft<DatabaseInspection>;
  /** Where its history goes; undefined: what is proposed. */
  readonly destination: AddDestination | undefined;
  readonly folder: PathDraft<FolderInspection>;
  /** The user allows the switch to WAL mode. */
  readonly hasConsent: boolean;
  /** The user takes the folder’s history over from another computer. */
  readonly takesOver: boolean;
  readonly isSending: boolean;
  readonly error: AppErrorData | undefined;
  /** The name of a dropped file whose place the browser keeps to itself. */
  readonly droppedName: string | undefined;
}

/** True for a folder that another computer, or another database, keeps its history in: it can be taken over. */
export function isOthers(
  inspection: FolderInspection | undefined,
): inspection is Extract<FolderInspection, { kind: 'refused' }> {
  return inspection?.kind === 'refused' && isTakeable(inspection.error);
}

/** True for a problem of a place that one may decide to take over. */
export function isTakeable(problem: Pick<AppErrorData, 'code'>): boolean {
  return mayBeTakenOver(problem);
}

/** Whether the draft's folder will do: a usable one, or another's that is to be taken over. */
export function hasPlace({ folder, takesOver }: AddDraft): boolean {
  return folder.inspection?.kind === 'usable' || (takesOver && isOthers(folder.inspection));
}

/** A destination as it is filled in. Its secrets are dropped when one leaves. */
export interface DestinationDraft {
  /** Undefined: a new one. */
  readonly targetId: TargetId | undefined;
  readonly form: PlaceForm;
  /** Fields that one has left: what is wrong with them may be said. */
  readonly left: readonly FieldName[];
  /** One tried to go on: everything that is wrong may be said. */
  readonly isTried: boolean;
  readonly suggestions: readonly PathSuggestion[];
  readonly test: TestView | undefined;
  readonly isSaving: boolean;
  readonly error: AppErrorData | undefined;
}

export type TestView =
  | { readonly kind: 'running' }
  | { readonly kind: 'done'; readonly test: TargetTest }
  /** The question itself failed. */
  | { readonly kind: 'failed'; readonly error: AppErrorData };

export type ReplicaView =
  | { readonly kind: 'choose'; readonly databaseId: DatabaseId }
  | { readonly kind: 'remove' | 'take-over'; readonly databaseId: DatabaseId; readonly targetId: TargetId }
  | SettingsDraft;

/** What is set for one database at one destination, and what would remain of its history then. */
export interface SettingsDraft {
  readonly kind: 'settings';
  readonly databaseId: DatabaseId;
  readonly targetId: TargetId;
  readonly syncIntervalMs: number;
  readonly snapshotIntervalMs: number;
  readonly retention: Retention;
  /** The day for which one looks ahead; undefined: now. */
  readonly previewAt: number | undefined;
  readonly preview: RetentionPreview | undefined;
  readonly previewError: AppErrorData | undefined;
  readonly isSaving: boolean;
  readonly error: AppErrorData | undefined;
}

export type RestoreDraft =
  | {
      readonly kind: 'draft';
      readonly databaseId: DatabaseId;
      readonly point: RestorePoint;
      readonly step: 'where' | 'review';
      readonly proposal: RestoreProposal | undefined;
      readonly outputPath: string;
      readonly fullCheck: boolean;
      /** Transactions that came after the point, where known. */
      readonly laterCount: number | undefined;
      readonly isSending: boolean;
      readonly error: AppErrorData | undefined;
    }
  | { readonly kind: 'operation'; readonly operationId: OperationId };

/** What one does with the name of a restore point. */
export type NamingDraft =
  NameForm | { readonly kind: 'remove'; readonly databaseId: DatabaseId; readonly named: NamedPoint };

export interface NameForm {
  readonly kind: 'form';
  readonly databaseId: DatabaseId;
  readonly moment: Moment;
  /** What has the name that is changed; undefined where one is given. */
  readonly named: NamedPoint | undefined;
  readonly name: string;
  /** What stays for it at a destination, where known. */
  readonly bytes: number | undefined;
  readonly isSaving: boolean;
  readonly error: AppErrorData | undefined;
}

export interface DetailsView {
  readonly databaseId: DatabaseId;
  readonly details: DatabaseDetails | undefined;
  readonly error: AppErrorData | undefined;
}

/** What one looks at in a database's history. */
export interface HistoryView {
  readonly viewport: Viewport;
  readonly undo: readonly Viewport[];
  readonly timeline: Timeline | undefined;
  readonly error: AppErrorData | undefined;
  readonly selection: Selection;
  readonly hover: Hover | undefined;
  readonly isList: boolean;
  readonly points: PointList;
}

/** A selection is always a real restore point; `newest` follows the live end. */
export interface Selection {
  readonly kind: 'newest' | 'point';
  readonly point: RestorePoint | undefined;
}

/** The instant under the pointer, and the restore point at or before it as soon as it is known. */
export interface Hover {
  readonly at: number;
  readonly isKnown: boolean;
  readonly point: RestorePoint | undefined;
}

export interface PointList {
  /** Newest first. */
  readonly points: readonly RestorePoint[];
  readonly isComplete: boolean;
  readonly isLoading: boolean;
}

/** What happened to one database lately, newest first. */
export interface LatelyView {
  readonly databaseId: DatabaseId;
  /** The newest entry of all databases when it was asked. */
  readonly newestId: number | undefined;
  readonly entries: readonly ActivityEntry[] | undefined;
  readonly error: AppErrorData | undefined;
}

export interface LogView {
  readonly databaseId: DatabaseId | undefined;
  readonly group: ActivityGroup | undefined;
  /** Entries older than those of the pushed state. */
  readonly older: readonly ActivityEntry[];
  readonly isComplete: boolean;
  readonly isLoading: boolean;
  readonly error: AppErrorData | undefined;
}

export type ActivityGroup = 'problems' | 'restores' | 'history' | 'changes';

const emptyPathDraft = {
  path: '',
  suggestions: [],
  isInspecting: false,
  inspection: undefined,
  error: undefined,
} as const;

export const emptyAdd: AddDraft = {
  database: emptyPathDraft,
  destination: undefined,
  folder: emptyPathDraft,
  hasConsent: false,
  takesOver: false,
  isSending: false,
  error: undefined,
  droppedName: undefined,
};

const emptyHistory: HistoryView = {
  viewport: { kind: 'auto' },
  undo: [],
  timeline: undefined,
  error: undefined,
  selection: { kind: 'newest', point: undefined },
  hover: undefined,
  isList: false,
  points: { points: [], isComplete: false, isLoading: false },
};

export const emptyLog: LogView = {
  databaseId: undefined,
  group: undefined,
  older: [],
  isComplete: false,
  isLoading: false,
  error: undefined,
};

export const useStore = create<Store>(() => ({
  remote: undefined,
  view: {
    place: parsePlace(location.hash),
    connection: { kind: 'connecting' },
    now: Date.now(),
    isDrawerOpen: false,
    notices: [],
    add: emptyAdd,
    destination: undefined,
    removingTarget: undefined,
    replica: undefined,
    restore: undefined,
    naming: undefined,
    removing: undefined,
    histories: {},
    areDetailsShown: false,
    details: undefined,
    lately: undefined,
    log: emptyLog,
    pending: [],
  },
}));

/** The store as it is now, for actions. */
export function readStore(): Store {
  return useStore.getState();
}

/** Replaces parts of the view. */
export function setView(change: Partial<View>): void {
  useStore.setState(({ view }) => ({ view: { ...view, ...change } }));
}

/** Changes one database's history view. */
export function setHistory(databaseId: DatabaseId, change: (history: HistoryView) => Partial<HistoryView>): void {
  useStore.setState(({ view }) => {
    const history = view.histories[databaseId] ?? emptyHistory;
    return { view: { ...view, histories: { ...view.histories, [databaseId]: { ...history, ...change(history) } } } };
  });
}

/** The history view of a database, as far as one looked at it. */
export function historyOf(view: View, databaseId: DatabaseId): HistoryView {
  return view.histories[databaseId] ?? emptyHistory;
}
