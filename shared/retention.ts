// How much of a history is kept where nobody chose: what new replicas begin with, and what a form offers first.
import { dayMs } from './format.ts';
import type { Retention } from './model.ts';

/** Every transaction of a week, then a snapshot a day for a month, then one a week for a year. */
export const defaultRetention: Retention = {
  kind: 'thinned',
  windowMs: 7 * dayMs,
  dailyMs: 30 * dayMs,
  weeklyMs: 365 * dayMs,
};
