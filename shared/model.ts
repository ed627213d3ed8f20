// The application's state as everybody sees it: plain, readonly, structured-clone data. One value, pushed whole. What it is
// made of lies by subject in databases.ts, targets.ts, history.ts and operations.ts; what is only asked for, beside that.
// Instants are unix milliseconds (`…At`), sizes are bytes (`…Bytes`).
import type { DatabaseState } from './databases.ts';
import type { DatabaseId } from './ids.ts';
import type { Operation } from './operations.ts';
import type { TargetState } from './targets.ts';

export interface AppState {
  readonly app: AppInfo;
  readonly host: HostInfo;
  readonly settings: Settings;
  readonly databases: readonly DatabaseState[];
  readonly targets: readonly TargetState[];
  /** Running operations, and those that ended and were not dismissed yet; newest first. */
  readonly operations: readonly Operation[];
  /** The newest activity (at most 50 entries); older ones by `listActivity`. Newest first. */
  readonly activity: readonly ActivityEntry[];
  readonly demo: DemoState;
}

/** What the engine pushes; the host adds itself and its demo. */
export type EngineState = Omit<AppState, 'host' | 'demo'>;

export interface AppInfo {
  readonly version: string;
  readonly sqliteVersion: string;
  readonly dataDir: string;
  readonly startedAt: number;
}

/** What the host of this window can do; the renderer offers nothing else. */
export interface HostInfo {
  readonly kind: 'desktop' | 'headless' | 'command-line';
  /** Native file dialogs. */
  readonly hasDialogs: boolean;
  /** Can show a file in the system's file manager. */
  readonly canShowInFolder: boolean;
  /** Stays in the tray when the window closes. */
  readonly hasTray: boolean;
  /** Where the key lies that locks the secrets of credentials: in the system's keyring, or in a file for its owner alone. */
  readonly secretsKeptBy: 'keyring' | 'file';
  /** Path separator and home of the machine the engine runs on. */
  readonly platform: 'linux' | 'darwin' | 'win32';
  readonly home: string;
}

export interface Settings {
  readonly theme: 'system' | 'light' | 'dark';
}

export type ActivityKind =
  | 'database-added'
  | 'database-removed'
  | 'generation-started'
  | 'snapshot'
  | 'problem'
  | 'recovered'
  | 'paused'
  | 'resumed'
  | 'restored'
  | 'restore-failed'
  | 'replica-changed'
  | 'point-named'
  | 'name-removed';

export interface ActivityEntry {
  readonly id: number;
  readonly at: number;
  readonly kind: ActivityKind;
  readonly level: 'info' | 'good' | 'warning' | 'problem';
  readonly databaseId: DatabaseId | undefined;
  /** One sentence. */
  readonly text: string;
}

export interface DemoState {
  readonly isRunning: boolean;
  readonly databaseId: DatabaseId | undefined;
}

/** A path that begins as the user typed. */
export interface PathSuggestion {
  readonly path: string;
  readonly isFolder: boolean;
}
