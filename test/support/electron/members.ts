// The stand-in against Electron's own declarations: a member that Electron lacks, or whose signature differs, does not
// compile. Where a signature names a whole class of which the stand-in has a part, `as` says so.

/**
 * The named members of T. Methods become properties of function type: TypeScript compares the parameters of a *method*
 * loosely, and one that Electron widened would go unnoticed. Of overloads only the last is compared.
 */
export type Members<T, K extends keyof T> = {
  [P in K]: T[P] extends (...args: infer A) => infer R ? (...args: A) => R : T[P];
};

/** The part the stand-in has, where the whole is asked for. */
export function as<T>(part: unknown): T {
  return part as T;
}

export interface PreventableEvent {
  defaultPrevented: boolean;
  preventDefault(): void;
}

/** An event as Electron passes it, with its own facts. */
export function eventWith<T extends object>(facts: T): PreventableEvent & T {
  return {
    defaultPrevented: false,
    preventDefault() {
      this.defaultPrevented = true;
    },
    ...facts,
  };
}
