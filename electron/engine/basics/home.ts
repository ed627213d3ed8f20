// The home folder of the user as whom the engine runs, which not everybody has: a service, or a container, may run as a number.
import os from 'node:os';

/** Undefined where neither `HOME` nor the system's list of users names one. */
export function findHome(): string | undefined {
  try {
    return os.homedir();
  } catch {
    // @NOTE Then nothing is looked for there, and nothing proposed.
    return undefined;
  }
}
