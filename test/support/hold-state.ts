// Holds a data folder from a process of its own: node hold-state.ts <data folder>. Prints "held" and stays.
import { setInterval } from 'node:timers';
import { openStateDatabase } from '../../electron/engine/state/state-database.ts';

const database = openStateDatabase(process.argv[2] ?? '');
process.stdout.write(`held, as process ${process.pid}\n`);
// Referenced by the timer, so that the connection lives as long as the process.
setInterval(() => database.open, 60_000);
