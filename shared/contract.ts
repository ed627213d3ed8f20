// The contract: everything a window or a command line can ask. Each command is a name, a schema for its one argument
// and a result type; state is pushed, never asked for; long work is an operation in that state.
import { z } from 'zod';
import type { AppErrorData } from './errors.ts';
import type { DatabaseDetails, DatabaseInspection } from './databases.ts';
import type { RestorePoint, Timeline } from './history.ts';
import type { ReplicaListing } from './replica-listing.ts';
import type { DatabaseId, NamedPointId, OperationId, TargetId } from './ids.ts';
import type { KnownApplication } from './known-applications.ts';
import type { ActivityEntry, AppState, PathSuggestion } from './model.ts';
import type { RestoreOutlook, RestoreProposal } from './operations.ts';
import type { RetentionPreview } from './retention.ts';
import type { FolderInspection, TargetTest } from './targets.ts';
import { longestName } from './named-points.ts';
import { type Generation, isGeneration } from './position.ts';

interface Command<A extends z.ZodType, R> {
  readonly argument: A;
  /** Exists in types only. */
  readonly result?: R;
}

function command<A extends z.ZodType>(argument: A): { returns: <R>() => Command<A, R> } {
  return { returns: () => ({ argument }) };
}

const nothing = z.strictObject({});
const path = z.string().min(1).max(4096);
const url = z.string().min(1).max(8192);
/** What a `Date` can hold. */
const instant = z.number().min(-8.64e15).max(8.64e15);
const id = z.string().min(1).max(64);
const databaseId = id.transform((text) => text as DatabaseId);
const targetId = id.transform((text) => text as TargetId);
const operationId = id.transform((text) => text as OperationId);
const namedPointId = id.transform((text) => text as NamedPointId);
const generation = z.custom<Generation>((value) => typeof value === 'string' && isGeneration(value), {
  error: 'must be 16 lowercase hex characters',
});
const index = z.int().min(0).max(0x7fff_ffff);
const position = z.strictObject({ generation, index, offset: z.int().min(0) });

/** What to restore: the newest point, the newest at or before an instant, an exact position, or the end of an index. */
const wish = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('latest'), generation: generation.optional() }),
  z.strictObject({ kind: z.literal('time'), at: instant, generation: generation.optional() }),
  z.strictObject({ kind: z.literal('position'), position }),
  z.strictObject({ kind: z.literal('index'), index, generation: generation.optional() }),
]);
export type RestoreWish = z.infer<typeof wish>;

/** As people call a restore point; unique within a database. */
const pointName = z.string().trim().min(1).max(longestName);

/** The same, or the name of a point, which the replica's record tells. */
const anyWish = z.discriminatedUnion('kind', [
  ...wish.options,
  z.strictObject({ kind: z.literal('name'), name: pointName }),
]);

const word = z.string().max(1024);
/** What a user typed of a place. Secrets stand nowhere else: no state, answer or error repeats them. */
const place = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('folder'), path }),
  z.strictObject({
    kind: z.literal('s3'),
    provider: z.enum([
      'aws',
      'r2',
      'b2',
      'minio',
      'wasabi',
      'digitalocean',
      'hetzner',
      'scaleway',
      'tigris',
      'google',
      'other',
    ]),
    bucket: word,
    prefix: word,
    region: word.optional(),
    endpoint: z.string().max(4096).optional(),
    isPathStyle: z.boolean().optional(),
    isUnverified: z.boolean().optional(),
    concurrency: z.int().min(1).max(64).optional(),
    partBytes: z
      .int()
      .min(5 << 20)
      .max(64 << 20)
      .optional(),
    storageClass: word.optional(),
    encryption: z
      .discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('sse-s3') }),
        z.strictObject({ kind: z.literal('sse-kms'), keyId: word.optional() }),
      ])
      .optional(),
    credentials: z.discriminatedUnion('kind', [
      z.strictObject({
        kind: z.literal('keys'),
        accessKeyId: word,
        /** Absent: the one that is kept already. */
        secretAccessKey: z.string().max(4096).optional(),
        sessionToken: z.string().max(16_384).optional(),
      }),
      z.strictObject({ kind: z.literal('chain'), profile: word.optional() }),
    ]),
  }),
]);
export type Place = z.infer<typeof place>;

const duration = z.number().min(0).max(Number.MAX_SAFE_INTEGER);
const retention = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('keep-all') }),
  z.strictObject({ kind: z.literal('thinned'), windowMs: duration, dailyMs: duration, weeklyMs: duration }),
]);
const targetName = z.string().trim().min(1).max(200);
/** One replica: a database on a target. */
const replicaOf = { databaseId, targetId };

/** Answered by the engine, in every host. */
export const engineCommands = {
  inspectDatabase: command(z.strictObject({ path })).returns<DatabaseInspection>(),
  /** `databasePath` is the database that would be kept there. */
  inspectFolder: command(z.strictObject({ path, databasePath: path })).returns<FolderInspection>(),
  /** Absolute paths that begin with `prefix`: folders, and files when asked; at most 50. */
  suggestPaths: command(z.strictObject({ prefix: z.string().max(4096), withFiles: z.boolean() })).returns<
    readonly PathSuggestion[]
  >(),
  /** Exactly one of `folder` and `targetId` says where its history goes. */
  addDatabase: command(
    z
      .strictObject({
        path,
        folder: path.optional(),
        targetId: targetId.optional(),
        enableWal: z.boolean().optional(),
        /** Where `folder` was refused and may be taken over (taking-over.ts): from now on this database is kept there. */
        takeOver: z.boolean().optional(),
        isDemo: z.boolean().optional(),
      })
      .refine(({ folder, targetId: target }) => (folder === undefined) !== (target === undefined), {
        error: 'name either a folder or a destination',
      }),
  ).returns<{ readonly databaseId: DatabaseId }>(),
  /** Stops protecting; the history stays where it is. */
  removeDatabase: command(z.strictObject({ databaseId })).returns<void>(),
  /** A place that is known already is changed as {@link engineCommands.updateTarget} does. */
  addTarget: command(z.strictObject({ place, name: targetName.optional() })).returns<{ readonly targetId: TargetId }>(),
  /** Changes what is given. Where it is cannot change while replicas are there; `bandwidthBytes: null` lifts the limit. */
  updateTarget: command(
    z.strictObject({
      targetId,
      place: place.optional(),
      name: targetName.optional(),
      bandwidthBytes: z.int().min(1024).nullable().optional(),
    }),
  ).returns<void>(),
  /** Forgets a target; fails with `target-in-use` while databases keep replicas there. */
  removeTarget: command(z.strictObject({ targetId })).returns<void>(),
  /** Tests a place, stage by stage, and leaves nothing there. `targetId`: whose kept secret counts where none was typed. */
  testTarget: command(
    z.strictObject({ place, targetId: targetId.optional(), databasePath: path.optional() }),
  ).returns<TargetTest>(),
  /** Keeps a database on one more target. */
  addReplica: command(z.strictObject(replicaOf)).returns<void>(),
  /** Stops shipping there; the history stays where it is. Fails with `replica-last` for the only one. */
  removeReplica: command(z.strictObject(replicaOf)).returns<void>(),
  /** Changes what is given. */
  updateReplica: command(
    z.strictObject({
      ...replicaOf,
      isEnabled: z.boolean().optional(),
      syncIntervalMs: duration.optional(),
      snapshotIntervalMs: duration.optional(),
      retention: retention.optional(),
    }),
  ).returns<void>(),
  /** Where a replica was refused and may be taken over (taking-over.ts): from now on this computer writes there, beginning a new generation. The other one is told. */
  takeOverReplica: command(z.strictObject(replicaOf)).returns<void>(),
  /** Without an id: all databases. */
  pause: command(z.strictObject({ databaseId: databaseId.optional() })).returns<void>(),
  resume: command(z.strictObject({ databaseId: databaseId.optional() })).returns<void>(),
  /** The computer woke up: what waits for a destination tries now, and what lies there is looked at again. */
  noteWake: command(z.strictObject({})).returns<void>(),
  /** What a database costs and how it stands: figures that are not pushed. */
  getDetails: command(z.strictObject({ databaseId })).returns<DatabaseDetails>(),
  /** Without a range: the whole history. */
  getTimeline: command(
    z.strictObject({
      databaseId,
      fromAt: instant.optional(),
      toAt: instant.optional(),
      bins: z.int().min(1).max(4000),
    }),
  ).returns<Timeline>(),
  /** Restore points, newest first; those behind one that is known already in that order: several may share an instant. */
  listPoints: command(
    z.strictObject({
      databaseId,
      olderThan: z.strictObject({ position, at: instant }).optional(),
      limit: z.int().min(1).max(1000),
    }),
  ).returns<readonly RestorePoint[]>(),
  /** The restore point at or before an instant, or a step away from a point. */
  findPoint: command(
    z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('at-or-before'), databaseId, at: instant }),
      z.strictObject({ kind: z.literal('step'), databaseId, position, by: z.union([z.literal(1), z.literal(-1)]) }),
    ]),
  ).returns<RestorePoint | undefined>(),
  /** The restore point at exactly this position; undefined where it is not restorable any more. */
  getPoint: command(z.strictObject({ databaseId, position })).returns<RestorePoint | undefined>(),
  /**
   * Names a restore point: from then on it stays everywhere, whatever retention says. Fails with `point-unknown` where it is
   * not restorable, `point-named` where it has a name, `name-taken` where another one has this name, `too-many-names`.
   */
  namePoint: command(z.strictObject({ databaseId, position, name: pointName })).returns<{
    readonly namedPointId: NamedPointId;
  }>(),
  /** Fails with `named-point-unknown` and `name-taken`. */
  renamePoint: command(z.strictObject({ databaseId, namedPointId, name: pointName })).returns<void>(),
  /** The point is like all others again, and retention decides about it at once. Fails with `named-point-unknown`. */
  removePointName: command(z.strictObject({ databaseId, namedPointId })).returns<void>(),
  /** How many bytes of a destination a restore point needs by itself: what stays for it where it has a name. */
  getPointCost: command(z.strictObject({ databaseId, position })).returns<{ readonly bytes: number }>(),
  proposeRestore: command(z.strictObject({ databaseId, position })).returns<RestoreProposal>(),
  startRestore: command(
    z.strictObject({
      databaseId,
      position,
      outputPath: path,
      /** Full `integrity_check` instead of `quick_check`. */
      fullCheck: z.boolean().optional(),
    }),
  ).returns<{ readonly operationId: OperationId }>(),
  cancelOperation: command(z.strictObject({ operationId })).returns<void>(),
  dismissOperation: command(z.strictObject({ operationId })).returns<void>(),
  listActivity: command(
    z.strictObject({
      databaseId: databaseId.optional(),
      beforeId: z.int().optional(),
      limit: z.int().min(1).max(500),
    }),
  ).returns<readonly ActivityEntry[]>(),
  updateSettings: command(z.strictObject({ theme: z.enum(['system', 'light', 'dark']).optional() })).returns<void>(),
  /** Lists a replica by its URL; needs no local state. */
  listReplica: command(z.strictObject({ url })).returns<ReplicaListing>(),
  /** Where a wish leads in a replica, by its URL; needs no local state. */
  planReplicaRestore: command(z.strictObject({ url, wish: anyWish })).returns<RestoreOutlook>(),
  /** Restores from a replica by its URL; needs no local state. */
  startReplicaRestore: command(
    z.strictObject({
      url,
      wish: anyWish,
      outputPath: path,
      fullCheck: z.boolean().optional(),
    }),
  ).returns<{ readonly operationId: OperationId }>(),
  /** What retention would leave of a replica, now or at another instant, with its own settings or others. */
  previewRetention: command(
    z.strictObject({ ...replicaOf, retention: retention.optional(), at: instant.optional() }),
  ).returns<RetentionPreview>(),
  /** Carries retention out on a replica by its URL, or only says what it would do; needs no local state. */
  retainReplica: command(
    z.strictObject({ url, retention: retention.optional(), at: instant.optional(), isDryRun: z.boolean() }),
  ).returns<{ readonly preview: RetentionPreview; readonly deletedObjects: number }>(),
  /** Protects exactly these databases, as a command line or a configuration names them. */
  protectDeclared: command(
    z.strictObject({
      databases: z.array(
        z.strictObject({
          path,
          enableWal: z.boolean(),
          /** One that is not there yet, or not ready, is waited for. */
          isAwaited: z.boolean().optional(),
          /** Whoever keeps a history at its places: from now on this computer writes there, beginning a new generation. */
          takeOver: z.boolean().optional(),
          replicas: z
            .array(
              z.strictObject({
                url,
                syncIntervalMs: z.number().min(0).optional(),
                snapshotIntervalMs: z.number().min(0).optional(),
                retention: retention.optional(),
              }),
            )
            .min(1),
        }),
      ),
    }),
  ).returns<readonly DeclaredDatabase[]>(),
} as const;

/** Answered by the host itself, where its environment can. */
export const hostCommands = {
  chooseDatabase: command(nothing).returns<{ readonly path: string | undefined }>(),
  chooseFolder: command(z.strictObject({ title: z.string().max(200) })).returns<{
    readonly path: string | undefined;
  }>(),
  chooseOutput: command(z.strictObject({ proposedPath: path })).returns<{ readonly path: string | undefined }>(),
  /** Only for results of operations. */
  showInFolder: command(z.strictObject({ operationId })).returns<void>(),
  /** Creates the demo database, lets a process of its own write to it, and protects it to a folder of its own. */
  startDemo: command(nothing).returns<{ readonly databaseId: DatabaseId }>(),
  /** Stops the writing process; database and history stay. */
  stopDemo: command(nothing).returns<void>(),
} as const;

export const commands = { ...engineCommands, ...hostCommands } as const;

export type Commands = typeof commands;
export type CommandName = keyof Commands;
export type EngineCommandName = keyof typeof engineCommands;
export type HostCommandName = keyof typeof hostCommands;
/** The argument of a command, as the caller writes it. */
export type Argument<N extends CommandName> = z.input<Commands[N]['argument']>;
/** The argument of a command, as the handler gets it. */
export type Parsed<N extends CommandName> = z.output<Commands[N]['argument']>;
export type Result<N extends CommandName> = Commands[N] extends Command<z.ZodType, infer R> ? R : never;

export type DeclaredDatabase =
  | {
      readonly kind: 'protecting';
      readonly path: string;
      readonly databaseId: DatabaseId;
      /** Whose database it is, where that is known. */
      readonly application?: KnownApplication;
    }
  /** It is protected as soon as it can be. */
  | {
      readonly kind: 'awaited';
      readonly path: string;
      readonly databaseId: DatabaseId;
      readonly error: AppErrorData;
    }
  | { readonly kind: 'refused'; readonly path: string; readonly error: AppErrorData };

/** How an answer crosses a border: errors keep their code and text. */
export type Reply<N extends CommandName> =
  { readonly ok: true; readonly value: Result<N> } | { readonly ok: false; readonly error: AppErrorData };

/** The caller's side of the contract, over whichever channel. */
export interface Api {
  /** Rejects with an `AppError`. */
  call<N extends CommandName>(name: N, argument: Argument<N>): Promise<Result<N>>;
  /** Called with the newest state at once, and on every change; returns how to stop. */
  subscribe(listener: (state: AppState) => void): () => void;
}

/** True for a name that the contract knows. */
export function isCommandName(name: string): name is CommandName {
  return Object.hasOwn(commands, name);
}

/** True for a command that the engine answers. */
export function isEngineCommand(name: CommandName): name is EngineCommandName {
  return Object.hasOwn(engineCommands, name);
}
