// Checks imports against a table of rooms: who may import what. Reads source text only, type imports included; the
// table itself is data of the architecture test.
import { matchesGlob, posix } from 'node:path';
import { Visitor, parseSync } from 'vite';

/** A part of the house. The first room whose `files` match a file is that file's room. */
export interface Room {
  readonly name: string;
  /** Globs of the room's files, from the repository's root. */
  readonly files: readonly string[];
  /** Globs of the project's files that the room may import; its own files must be named too. */
  readonly mayImport: readonly string[];
  /** Globs of packages that the room may import; `node:*` stands for Node's own modules. */
  readonly libraries: readonly string[];
  /** No clock, no timers, no process: the same input gives the same output. */
  readonly isPure?: boolean;
}

/** The rooms in a folder, from the top of the house down: each may import those below it, none above. */
export interface Order {
  readonly of: string;
  readonly rooms: readonly string[];
}

export interface SourceFile {
  /** From the repository's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** Every broken rule of these files, as sentences; empty when the house is in order. */
export function findBrokenBorders(files: readonly SourceFile[], rooms: readonly Room[]): readonly string[] {
  return files.flatMap((file) => {
    const room = rooms.find((candidate) => matchesAny(file.path, candidate.files));
    if (room === undefined) return [`${file.path} belongs to no room`];
    const source = readSource(file);
    return [
      ...source.imports.flatMap((specifier) => judgeImport(file.path, specifier, room)),
      ...(room.isPure === true ? source.impurities.map((what) => `${file.path} is pure and may not use ${what}`) : []),
      ...(source.isBarrel ? [`${file.path} only passes on what others export`] : []),
      ...judgePlace(file.path),
    ];
  });
}

/** Every import that runs up an order, and every room that has no place in it; as sentences. Files beside the rooms are above them all. */
export function findRunsUp(files: readonly SourceFile[], { of, rooms }: Order): readonly string[] {
  const roomOf = (path: string): string | undefined => {
    const rest = path.startsWith(`${of}/`) ? path.slice(of.length + 1) : undefined;
    return rest === undefined ? undefined : (/^([^/]+)\//.exec(rest)?.[1] ?? '.');
  };
  const heightOf = (room: string): number => (room === '.' ? -1 : rooms.indexOf(room));
  return files.flatMap((file) => {
    const room = roomOf(file.path);
    if (room === undefined) return [];
    if (room !== '.' && !rooms.includes(room)) return [`${file.path} lies in ${room}, which has no place in the order`];
    return readSource(file).imports.flatMap((specifier) => {
      const path = posix.join(posix.dirname(file.path), specifier);
      const other = specifier.startsWith('.') ? roomOf(path) : undefined;
      if (other === undefined || heightOf(other) >= heightOf(room)) return [];
      return [`${file.path} may not import ${path} (${other === '.' ? of : other} lies above ${room})`];
    });
  });
}

function judgeImport(from: string, specifier: string, room: Room): readonly string[] {
  if (!specifier.startsWith('.')) {
    const name = packageName(specifier);
    return matchesAny(name, room.libraries) ? [] : [`${from} may not import ${specifier} (${room.name})`];
  }
  const path = posix.join(posix.dirname(from), specifier.replace(/\?.*$/, ''));
  if (posix.extname(path) === '') return [`${from} imports ${specifier} without its extension`];
  return matchesAny(path, room.mayImport) ? [] : [`${from} may not import ${path} (${room.name})`];
}

function judgePlace(path: string): readonly string[] {
  const problems: string[] = [];
  if (/(^|\/)index\.[cm]?tsx?$/.test(path)) problems.push(`${path} is an index file: import the file that is meant`);
  if (/^electron\/engine\/[^/]+\/[^/]+\//.test(path)) {
    problems.push(`${path} lies more than one folder below electron/engine/`);
  }
  return problems;
}

interface Source {
  readonly imports: readonly string[];
  readonly impurities: readonly string[];
  readonly isBarrel: boolean;
}

const impureNames = new Set(['performance', 'setTimeout', 'setInterval', 'setImmediate', 'process']);

/** Each file is parsed once, however many rules ask for it. */
const known = new WeakMap<SourceFile, Source>();

function readSource(file: SourceFile): Source {
  const source = known.get(file) ?? parseSource(file);
  known.set(file, source);
  return source;
}

function parseSource(file: SourceFile): Source {
  const { program, errors } = parseSync(file.path, file.text, { lang: file.path.endsWith('x') ? 'tsx' : 'ts' });
  const [error] = errors;
  if (error !== undefined) throw new Error(`${file.path} cannot be parsed: ${error.message}`);
  const imports: string[] = [];
  const impurities: string[] = [];
  const add = (node: { readonly type: string; readonly value?: unknown } | null): void => {
    if (node !== null && typeof node.value === 'string') imports.push(node.value);
  };
  new Visitor({
    ImportDeclaration: (node) => add(node.source),
    ExportNamedDeclaration: (node) => add(node.source),
    ExportAllDeclaration: (node) => add(node.source),
    ImportExpression: (node) => add(node.source),
    TSImportType: (node) => add(node.source),
    TSExternalModuleReference: (node) => add(node.expression),
    Identifier: (node) => {
      if (impureNames.has(node.name)) impurities.push(node.name);
    },
    MemberExpression: (node) => {
      const { object, property } = node;
      if (object.type !== 'Identifier' || property.type !== 'Identifier') return;
      if (object.name === 'Date' && property.name === 'now') impurities.push('Date.now');
      if (object.name === 'Math' && property.name === 'random') impurities.push('Math.random');
    },
    NewExpression: (node) => {
      const isNow = node.callee.type === 'Identifier' && node.callee.name === 'Date' && node.arguments.length === 0;
      if (isNow) impurities.push('new Date()');
    },
  }).visit(program);
  const isBarrel =
    program.body.length > 0 &&
    program.body.every(
      (node) =>
        node.type === 'ExportAllDeclaration' || (node.type === 'ExportNamedDeclaration' && node.source !== null),
    );
  return { imports, impurities, isBarrel };
}

function packageName(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier.replace(/\/.*$/, '');
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function matchesAny(path: string, globs: readonly string[]): boolean {
  return globs.some((glob) => matchesGlob(path, glob));
}
