// Starts the writers of a storm, each in a process of its own: those whose files are replaced, and ordinary ones.
import fs from 'node:fs';
import path from 'node:path';
import { must } from '../../shared/assert.ts';
import { createDatabase } from './history.ts';
import { flags, type Running, start } from './running.ts';
import type { Ordinary, Replacer } from './storm-plan.ts';

export function startReplacer(
  { file, log, control, application, limit, pauseMs }: Replacer,
  options: {
    readonly seed: number;
    readonly scratch: string;
    readonly handsMs: number;
    readonly patienceMs: number;
    readonly only: string;
  },
): Running {
  const { seed, handsMs, patienceMs, only } = options;
  const scratch = path.join(options.scratch, path.basename(path.dirname(file)));
  for (const folder of [scratch, path.dirname(file)]) fs.mkdirSync(folder);
  return start(
    [
      path.join(import.meta.dirname, 'replacer.ts'),
      ...flags({ database: file, log, control, scratch, application, limit, pause: pauseMs }),
      ...flags({ seed, hands: handsMs, patience: patienceMs, only }),
    ],
    { output: `${log}-output` },
  );
}

export function startOrdinary({ file, logs, role }: Ordinary, seed: number): Running {
  createDatabase(file, { pageSize: 4096, autoVacuum: 0, actors: [{ name: 'a0' }] });
  const log = must(logs['a0'], 'it has a log');
  return start(
    [
      path.join(import.meta.dirname, 'actor.ts'),
      ...flags({ database: file, name: 'a0', log, role, pause: 5, limit: 100_000, seed }),
    ],
    { output: `${log}-output` },
  );
}
