// A capture of one live database, as a session makes it, with nobody who ships.
import { Capture } from '../../electron/engine/capture/capture.ts';
import type { CaptureOptions } from '../../electron/engine/capture/options.ts';
import { CommitLog } from '../../electron/engine/spool/commits.ts';
import { Connections } from '../../electron/engine/source/connections.ts';
import { Visits } from '../../electron/engine/capture/visits.ts';

/** Starts at the beginning of whatever WAL there is, unless told otherwise. Dispose it before what it was given. */
export function makeCapture(
  options: Pick<CaptureOptions, 'path' | 'start' | 'spool' | 'watcher'> & Partial<CaptureOptions>,
): Capture {
  return new Capture({
    connect: async (hold) => await Connections.open(options.path, hold),
    visits: new Visits(),
    commits: new CommitLog(),
    now: () => Date.now(),
    hashes: undefined,
    end: undefined,
    onCaptured: () => {},
    onFailed: () => {},
    ...options,
  });
}
