// How what is planned from a replica asks for what it needs to know: object by object, from whoever reads them. Pure.
import type { Known } from './history.ts';
import type { ObjectInfo } from './object.ts';

/** Yields the objects to look up; is handed what is known of each, in the same order. */
export type Planning<T> = Generator<readonly ObjectInfo[], T, readonly Known[]>;
