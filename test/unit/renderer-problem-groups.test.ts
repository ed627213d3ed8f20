// What several databases have in common is said once.
import { describe, expect, test } from 'vitest';
import { groupProblems } from '../../renderer/screens/parts/problem-groups.ts';
import type { DatabaseState } from '../../shared/databases.ts';
import { AppError, type ErrorCode, type Problem } from '../../shared/errors.ts';
import type { TargetState } from '../../shared/targets.ts';

const problemOf = (code: ErrorCode, details: Record<string, string> = {}): Problem => ({
  ...new AppError(code, details).toData(),
  sinceAt: 5,
});
const away = problemOf('target-missing', { path: '/disk' });
const disk = (problem?: Problem): TargetState => ({ id: 'disk', name: 'Disk', problem }) as unknown as TargetState;

function database(id: string, said: Problem | undefined, { isElsewhere = false } = {}): DatabaseState {
  const kind = isElsewhere ? 'attention' : 'problem';
  return {
    id,
    status: said === undefined ? { kind: 'protected' } : { kind, problem: said },
    replicas: [{ targetId: 'disk', isEnabled: true, problem: said }],
  } as unknown as DatabaseState;
}

function told(databases: readonly DatabaseState[], target: TargetState): object {
  const { shared, single } = groupProblems(databases, [target]);
  return {
    shared: shared.map(({ tone, problem, databases: all }) => [tone, problem.message, all.length]),
    single: single.map(({ id }) => id),
  };
}

describe('what needs a look', () => {
  test.each<[string, readonly DatabaseState[], TargetState, object]>([
    [
      'is one note for a destination that is away',
      [database('a', away), database('b', away, { isElsewhere: true }), database('c', undefined)],
      disk(away),
      { shared: [['problem', 'The folder /disk is gone.', 2]], single: ['c'] },
    ],
    ['is told of a single one as its own', [database('a', away)], disk(away), { shared: [], single: ['a'] }],
    [
      'is one note for histories that were removed',
      ['a', 'b'].map((id) => database(id, problemOf('replica-gone', { database: id, name: 'Disk' }))),
      disk(),
      {
        shared: [
          ['problem', 'The history of 2 databases is not at Disk any more: it was removed there, not by Tidemark.', 2],
        ],
        single: [],
      },
    ],
    [
      'stays apart where it is about each database',
      ['a', 'b'].map((id) => database(id, problemOf('target-owned-by-other', { path: `/disk/${id}` }))),
      disk(),
      { shared: [], single: ['a', 'b'] },
    ],
  ])('%s', (_, databases, target, expected) => {
    expect(told(databases, target)).toEqual(expected);
  });
});
