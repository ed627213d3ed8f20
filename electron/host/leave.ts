// Ends the process, also where a call of ours hangs in the kernel: on a network drive that went away, say. The ordinary end
// waits for such a call, for as long as it takes.

/** Ends the process with this exit status. `hangs`: a thread could not be ended. */
export function leave(code: number, { hangs }: { readonly hangs: boolean }): never {
  if (!hangs) process.exit(code);
  // Another program in place of this one takes all threads along, and leaves the status to us.
  if (process.platform !== 'win32') process.execve?.('/bin/sh', ['sh', '-c', `exit ${code}`], {});
  process.kill(process.pid, 'SIGKILL');
  throw new Error('killed');
}
