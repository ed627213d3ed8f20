// Reads maps, lists and values from a YAML document as Litestream's own reader takes them: a value is the text that stands there,
// digits included; aliases and merge keys (`<<`) are followed. Gathers findings with their lines instead of stopping at the first.
// What the keys mean is the caller's.
import {
  type Document,
  LineCounter,
  type Node,
  type YAMLMap,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  visit,
} from 'yaml';
import { judgeKey } from './config-keys.ts';
import { readDuration } from './options.ts';

export interface YamlOptions {
  /** Undefined: `$NAME` and `${NAME}` stay as they are. */
  readonly env: Readonly<Record<string, string | undefined>> | undefined;
}

export interface Finding {
  readonly line: number;
  readonly reason: string;
}

type Entry = readonly [key: string, value: Node, at: Node];

/** One pass over one document. */
export class YamlReader {
  readonly findings: Finding[] = [];
  readonly notices = new Set<string>();
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed;
  readonly #options: YamlOptions;

  constructor(text: string, options: YamlOptions) {
    this.#options = options;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    for (const error of this.#document.errors) {
      this.findings.push({ line: this.#lines.linePos(error.pos[0]).line, reason: error.message });
    }
  }

  /** The keys of the whole document; what is unknown there and only keeps templates for others is left alone. */
  root(what: string, keys: readonly string[]): ReadonlyMap<string, Node> | undefined {
    const root = this.#document.contents;
    if (this.findings.length > 0) return undefined;
    const isEmpty = root === null || (isScalar(root) && root.value === null);
    return isEmpty ? new Map<string, Node>() : this.map(root, { what, keys, mayKeepTemplates: true });
  }

  /** The known keys of a map; every other key is reported or noticed. */
  map(
    value: Node | undefined,
    {
      what,
      keys,
      mayKeepTemplates = false,
    }: { readonly what: string; readonly keys: readonly string[]; readonly mayKeepTemplates?: boolean },
  ): ReadonlyMap<string, Node> | undefined {
    if (value === undefined) return undefined;
    const node = this.#follow(value);
    if (!isMap(node)) {
      this.report(value, `${what} must be a list of keys with values`);
      return undefined;
    }
    const known = this.#entries(node).filter(
      ([key, child, at]) =>
        keys.includes(key) || (!(mayKeepTemplates && hasAnchor(child)) && this.#judge(key, keys, at)),
    );
    return new Map(known.map(([key, child]) => [key, child]));
  }

  /** The entries of a list that must have some; `parent` is where it is missed. */
  list(
    value: Node | undefined,
    { what, missing, parent }: { readonly what: string; readonly missing: string; readonly parent?: Node },
  ): readonly Node[] {
    const node = value === undefined ? undefined : this.#follow(value);
    if (node !== undefined && !isSeq(node)) {
      this.report(value, `${what} must be a list`);
      return [];
    }
    const items = (node?.items ?? []) as Node[];
    if (items.length === 0) this.report(value ?? parent, missing);
    return items;
  }

  duration(value: Node | undefined): number | undefined {
    const text = this.string(value);
    if (text === undefined) return undefined;
    const reading = readDuration(text);
    if (reading.kind === 'read') return reading.value;
    this.report(value, reading.reason);
    return undefined;
  }

  /** As YAML 1.1 has it, which Litestream's reader speaks. */
  flag(value: Node | undefined): boolean | undefined {
    const text = this.string(value);
    if (text === undefined) return undefined;
    if (/^(true|yes|on|y)$/i.test(text)) return true;
    if (/^(false|no|off|n)$/i.test(text)) return false;
    this.report(value, `“${text}” is neither true nor false`);
    return undefined;
  }

  /** The text of a value, as it stands there: `0031` stays that. */
  string(value: Node | undefined, { isSecret = false } = {}): string | undefined {
    if (value === undefined) return undefined;
    const node = this.#follow(value);
    const text = isScalar(node) && node.value !== null ? (node.source ?? '') : '';
    if (text !== '') return this.#expand(text, value, isSecret);
    this.report(value, 'a text is missing here');
    return undefined;
  }

  /** True for a single value, whatever it is. */
  isValue(value: Node | undefined): boolean {
    return value !== undefined && isScalar(this.#follow(value));
  }

  report(at: Node | undefined | null, reason: string): void {
    const offset = at?.range?.[0] ?? 0;
    const { line } = this.#lines.linePos(offset);
    if (this.findings.some((finding) => finding.line === line && finding.reason === reason)) return;
    this.findings.push({ line, reason });
  }

  /** Its own keys, and behind them those that it merges in and does not have itself. */
  #entries(map: YAMLMap, within: ReadonlySet<YAMLMap> = new Set()): readonly Entry[] {
    // A map that merges itself in adds nothing.
    if (within.has(map)) return [];
    const inside = new Set([...within, map]);
    const merged: Entry[] = [];
    const own: Entry[] = [];
    for (const { key, value } of map.items) {
      const at = key as Node;
      if (!isScalar(at)) continue;
      const child = (value ?? at) as Node;
      if (at.value === '<<') merged.push(...this.#mergedEntries(child, inside));
      else own.push([at.source ?? '', child, at]);
    }
    const names = new Set(own.map(([key]) => key));
    for (const entry of merged) {
      if (names.has(entry[0])) continue;
      names.add(entry[0]);
      own.push(entry);
    }
    return own;
  }

  /** Of a map, or of a list of them, of which the first one counts. */
  #mergedEntries(value: Node, within: ReadonlySet<YAMLMap>): readonly Entry[] {
    const node = this.#follow(value);
    if (isSeq(node)) return node.items.flatMap((item) => this.#mergedEntries(item as Node, within));
    if (isMap(node)) return this.#entries(node, within);
    this.report(value, '“<<” must name keys with values');
    return [];
  }

  #judge(key: string, keys: readonly string[], at: Node): false {
    const judgement = judgeKey(key, keys);
    if (judgement.kind === 'refused') this.report(at, judgement.reason);
    else this.notices.add(judgement.notice);
    return false;
  }

  #expand(text: string, at: Node, isSecret: boolean): string {
    const { env } = this.#options;
    if (env === undefined) return text;
    return text.replace(/\$(?:\{([^}]*)\}|([A-Za-z_]\w*))/g, (whole, braced?: string, plain?: string) => {
      const name = braced ?? plain ?? '';
      const value = env[name];
      if (value !== undefined) return value;
      // What looks like a name may be a part of the secret itself.
      const which = isSecret ? 'an environment variable that it names' : `the environment variable ${name}`;
      this.report(at, `${which} is not set`);
      return whole;
    });
  }

  #follow(node: Node | null): Node | undefined {
    if (node === null) return undefined;
    return isAlias(node) ? node.resolve(this.#document) : node;
  }
}

function hasAnchor(node: Node): boolean {
  let isFound = false;
  visit(node, {
    Value: (_key, { anchor }) => {
      isFound ||= anchor !== undefined;
      return isFound ? visit.BREAK : undefined;
    },
  });
  return isFound;
}
