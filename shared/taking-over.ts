// Places that are refused until somebody decides to take them over: then a new history begins beside what is there.
import type { ErrorCode } from './errors.ts';

const codes: ReadonlySet<string> = new Set<ErrorCode>(['target-owned-by-other', 'target-holds-ltx', 'record-damaged']);

/** True for what a place was refused with where it may be taken over. */
export function mayBeTakenOver({ code }: { readonly code: string }): boolean {
  return codes.has(code);
}
