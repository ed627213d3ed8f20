// What needs a look, so that each thing is said once: a destination that fails for several databases is one note, not one each.
import type { DatabaseState } from '../../../shared/databases.ts';
import { AppError, type Problem } from '../../../shared/errors.ts';
import { plural } from '../../../shared/format.ts';
import type { TargetId } from '../../../shared/ids.ts';
import type { TargetState } from '../../../shared/targets.ts';

/** A destination's problem with the databases that it is a problem of. */
export interface SharedProblem {
  readonly target: TargetState;
  readonly problem: Problem;
  readonly tone: 'problem' | 'attention';
  readonly databases: readonly DatabaseState[];
}

export interface ProblemGroups {
  readonly shared: readonly SharedProblem[];
  /** Those of which is told one by one. */
  readonly single: readonly DatabaseState[];
}

/** Gathers what several databases have in common. */
export function groupProblems(databases: readonly DatabaseState[], targets: readonly TargetState[]): ProblemGroups {
  const shared = targets.flatMap((target) => sharedAt(target, databases));
  const told = new Set(shared.flatMap((group) => group.databases.map(({ id }) => id)));
  return { shared, single: databases.filter(({ id }) => !told.has(id)) };
}

function sharedAt(target: TargetState, databases: readonly DatabaseState[]): readonly SharedProblem[] {
  const affected = databases.filter(
    ({ status, replicas }) =>
      (status.kind === 'problem' || status.kind === 'attention') && isOfTarget(status.problem, replicas, target.id),
  );
  const [first] = affected;
  if (first === undefined || affected.length < 2 || !('problem' in first.status)) return [];
  const gone = new AppError('replica-gone', { database: plural(affected.length, 'database'), name: target.name });
  const problem = target.problem ?? { ...gone.toData(), sinceAt: first.status.problem.sinceAt };
  const tone = affected.some(({ status }) => status.kind === 'problem') ? 'problem' : 'attention';
  return [{ target, problem, tone, databases: affected }];

  function isOfTarget(said: Problem, replicas: DatabaseState['replicas'], targetId: TargetId): boolean {
    const here = replicas.find((replica) => replica.targetId === targetId && replica.isEnabled)?.problem;
    if (here === undefined || here.message !== said.message) return false;
    return target.problem === undefined ? here.code === 'replica-gone' : here.code.startsWith('target-');
  }
}
