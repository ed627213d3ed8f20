// Watches, from outside, the POSIX locks that a process holds on a database: node lock-watch.ts <pid> <database>
// Prints "watching" once it sees a read mark, "missing <what>" whenever something of it is not there, and on SIGTERM how often it
// looked.
// Which bytes SQLite locks: https://www.sqlite.org/walformat.html#locks; /proc/locks is described in proc_locks(5).
import fs from 'node:fs';

const [pid = '', database = ''] = process.argv.slice(2);
const readMarks = { first: 123, last: 127 };
const deadmanSwitch = 128;
const readMark = 'a read mark';

interface Lock {
  readonly inode: number;
  readonly first: number;
  readonly last: number;
}

const databaseInode = fs.statSync(database).ino;
const shmInode = fs.statSync(`${database}-shm`).ino;
let looks = 0;
let isSeen = false;
let before = '';
process.on('SIGTERM', () => {
  process.stdout.write(`looked ${looks} times\n`);
  process.exit(0);
});

for (;;) {
  // Signals arrive between turns of the event loop.
  await new Promise((go) => setTimeout(go, 1));
  // The list is not read at one moment: a lock that is set anew may be passed by. One that is gone stays gone.
  const missing = look() && look() && look();
  looks++;
  const isPinned = !missing.includes(readMark);
  if (isPinned && !isSeen) process.stdout.write('watching\n');
  isSeen ||= isPinned;
  if (isSeen && missing !== '' && missing !== before) process.stdout.write(`missing ${missing}\n`);
  before = missing;
}

/** What is not locked although a pin is held. */
function look(): string {
  const locks = heldLocks();
  const holds = (inode: number, first: number, last = first): boolean =>
    locks.some((lock) => lock.inode === inode && lock.first <= last && first <= lock.last);
  return [
    holds(shmInode, readMarks.first, readMarks.last) ? [] : [readMark],
    holds(shmInode, deadmanSwitch) ? [] : ['the shared memory'],
    locks.some(({ inode }) => inode === databaseInode) ? [] : ['the database'],
  ]
    .flat()
    .join(', ');
}

/** Lines such as `3: POSIX  ADVISORY  READ 1234 fe:00:5678 123 123`. */
function heldLocks(): readonly Lock[] {
  return fs
    .readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, owner, inode, first, last] =
        /POSIX\s+ADVISORY\s+\w+\s+(\d+) [0-9a-f]+:[0-9a-f]+:(\d+) (\d+) (\d+|EOF)$/.exec(line) ?? [];
      if (owner !== pid) return [];
      return [{ inode: Number(inode), first: Number(first), last: last === 'EOF' ? Infinity : Number(last) }];
    });
}
