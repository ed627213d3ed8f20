// Assertions for our own bugs; never for input.

/** Returns `value`, or throws naming why it was known to be there. */
export function must<T>(value: T | undefined | null, whyWeKnow: string): T {
  if (value === undefined || value === null) throw new Error(`broken assumption: ${whyWeKnow}`);
  return value;
}

/** Closes a union: a `kind` added later does not compile until it is handled. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`);
}
