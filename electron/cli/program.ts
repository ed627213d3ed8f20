// The commands of the command line, their flags and their help. Parses, hands over to the file of the command, and turns
// what comes back into an exit code: 0 done, 1 failed, 2 wrong use, 3 restored with findings, 130 and 143 interrupted.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { AppError } from '../../shared/errors.ts';
import { plainText } from '../../shared/plain-text.ts';
import { type Generation, isGeneration } from '../../shared/position.ts';
import { type ListKind, type ListOptions, list } from './list.ts';
import { foreignValued, takeForeignFlags } from './foreign-flags.ts';
import { type Reading, normaliseFlags, readIndex, readInstant } from './options.ts';
import { formatError, type Terminal } from './output.ts';
import { openWindow } from './open.ts';
import { type ReplicateOptions, replicate } from './replicate.ts';
import { type RetainOptions, readRetention, retain } from './retain.ts';
import { type RestoreOptions, restore } from './restore.ts';
import { watchInterrupts } from './signals.ts';
import { holdsSecret } from './s3.ts';
import { UsageError } from './sources.ts';
import { patientTerminal, processTerminal, written } from './terminal.ts';
import { resolveDataDir } from '../host/data-dir.ts';
import { startEngine, workerBeside } from '../host/engine-host.ts';
import { leave } from '../host/leave.ts';
import { guardProcess } from '../host/process-guards.ts';
import { readKeyFile } from '../host/secret-key.ts';
import { version } from '../host/version.ts';

const visibleSecret =
  'tidemark: a key on the command line can be read by every user of this computer while this runs, and stays in your shell’s ' +
  'history. Give it in AWS_SECRET_ACCESS_KEY, in an AWS profile or in a configuration instead.\n';

/** For so long is waited for somebody to read the last words. */
const lastWordsMs = 300;

const valued = [
  '--config',
  '--replica',
  '--generation',
  '--index',
  '--timestamp',
  '--name',
  '--integrity-check',
  '--keep',
  '--at',
  '--data-dir',
  '-o',
  ...foreignValued,
];

const switches = [
  '--enable-wal',
  '--take-over',
  '--restore-if-missing',
  '--restore-if-db-not-exists',
  '--no-expand-env',
  '--if-db-not-exists',
  '--if-replica-exists',
  '--dry-run',
  '--json',
  '-v',
];

const lists: Readonly<Record<ListKind, string>> = {
  databases: 'list the databases of a configuration or of a replica',
  generations: 'list the generations of a database',
  snapshots: 'list the snapshots of a database',
  wal: 'list the WAL segments of a database',
};

const closing = `
Flags may have one dash or two, as with Litestream. A <url> is a folder (file:///path or a plain path) or
a bucket: s3://bucket/folder?region=…&endpoint=…, with keys from AWS_… or LITESTREAM_… variables, or AWS’s own files.
`;

/** Runs one command; `hostUrl` is the entry's own place, beside which the engine lies. Answers the exit code. */
export async function runCommandLine(words: readonly string[], hostUrl: string): Promise<number> {
  guardProcess();
  // @NOTE Whoever closed it does not want to know.
  process.stderr.on('error', () => {});
  if (words.some((word) => holdsSecret(word))) process.stderr.write(visibleSecret);
  let exitCode = 0;
  const program = createProgram(hostUrl, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...normaliseFlags(words, { valued: new Set(valued), switches: new Set(switches) })], {
      from: 'user',
    });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof UsageError) {
      process.stderr.write(plainText(`tidemark: ${error.message}.\nSee: tidemark help\n`));
      return 2;
    }
    process.stderr.write(formatError(error));
    // A bug of ours: where it happened is what a report needs.
    if (!(error instanceof AppError) && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
    return 1;
  }
}

/** Of what only moves on, a line is printed every few of these. */
const tellEveryMs = 2000;

function createProgram(hostUrl: string, onEnd: (exitCode: number) => void): Command {
  let opened: Terminal | undefined;
  const terminal = (): Terminal => (opened ??= processTerminal());
  const workerUrl = workerBeside(hostUrl);
  const openToolbox = async () => await startEngine({ dataDir: undefined, workerUrl });

  const program = new Command('tidemark')
    .description('Continuous, proven backups for SQLite databases.')
    .version(version, '--version', 'print the version')
    .addHelpText('after', closing)
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error:/, 'tidemark:')) })
    .exitOverride();
  // Commands added below inherit what is set above.

  program
    .command('replicate')
    .description('protect databases until interrupted')
    .argument('[db]', 'the database')
    .argument('[url...]', 'where it goes; one or more')
    .option('--config <file>', 'read databases and replicas from a configuration')
    .option('--no-expand-env', 'leave $NAME in the configuration as it stands')
    .option('--enable-wal', 'allow switching a database to WAL mode')
    .option(
      '--take-over',
      'go on where another Tidemark, or Litestream 0.5, kept a history: a new one begins beside it',
    )
    .option('--restore-if-missing', 'restore a database that is not there from its replicas, then protect it')
    .addOption(new Option('--restore-if-db-not-exists').hideHelp())
    .option('--data-dir <folder>', 'where state and spool live (also TIDEMARK_DATA_DIR)')
    .action(
      async (path: string | undefined, urls: readonly string[], options: ReplicateOptions & { dataDir?: string }) => {
        using interrupts = watchInterrupts();
        const dataDir = resolveDataDir(options.dataDir);
        const openEngine = async () =>
          await startEngine({
            dataDir,
            secretKey: readKeyFile(dataDir),
            workerUrl,
            isDeclaredOnly: true,
            progressEveryMs: tellEveryMs,
          });
        const { code, hangs } = await replicate({
          path,
          urls,
          options,
          terminal: patientTerminal(),
          interrupts,
          openEngine,
          openToolbox,
        });
        // Somebody who does not read what was said must not keep it from ending.
        await written(lastWordsMs);
        leave(code, { hangs });
      },
    );

  program
    .command('restore')
    .description('restore a moment to a new file, proven')
    .argument('[url or db]', 'a replica; with -config the path of a database')
    .option('-o <file>', 'the file to write; with -config the database’s own place by default')
    .option('--timestamp <time>', 'restore the newest moment at or before this time', reading(readTime))
    .option('--name <name>', 'restore the point that has this name')
    .option('--generation <id>', 'restore from this generation', reading(readGeneration))
    .option('--index <hex>', 'restore up to the end of this WAL index', reading(readIndex))
    .option('--integrity-check <quick|full>', 'how SQLite checks the result', reading(readCheck), 'quick')
    .option('--config <file>', 'find the replicas in a configuration')
    .option('--replica <name>', 'of the configuration’s replicas, this one; by default the one that reaches furthest')
    .option('--no-expand-env', 'leave $NAME in the configuration as it stands')
    .option('--if-db-not-exists', 'do nothing, successfully, where the file exists already')
    .option('--if-replica-exists', 'do nothing, successfully, where there is no history')
    .option('--json', 'print the result as JSON')
    .action(async (subject: string | undefined, options: RestoreOptions) => {
      using interrupts = watchInterrupts();
      onEnd(await restore({ subject, options, terminal: terminal(), interrupts, openEngine: openToolbox }));
    });

  program
    .command('retain')
    .description('delete what is not to be kept any longer, or say what that would be')
    .argument('[url or db]', 'a replica; with -config the path of a database')
    .option('--dry-run', 'only say what would stay and what would be deleted')
    .option(
      '--keep <window[,daily[,weekly]]>',
      'how long every transaction, a snapshot a day and one a week stay, such as 7d,30d,365d',
      reading(readRetention),
    )
    .option('--at <time>', 'with -dry-run: as of this instant', reading(readTime))
    .option('--config <file>', 'find the replicas in a configuration')
    .option('--replica <name>', 'of the configuration’s replicas, this one')
    .option('--no-expand-env', 'leave $NAME in the configuration as it stands')
    .option('--json', 'print JSON')
    .action(async (subject: string | undefined, options: RetainOptions) => {
      onEnd(await retain({ subject, options, terminal: terminal(), openEngine: openToolbox }));
    });

  for (const [kind, description] of Object.entries(lists) as [ListKind, string][]) {
    const command = program
      .command(kind)
      .description(description)
      .argument('[url or db]', 'a replica; with -config the path of a database')
      .option('--config <file>', 'find the replicas in a configuration')
      .option('--replica <name>', 'of the configuration’s replicas, this one')
      .option('--no-expand-env', 'leave $NAME in the configuration as it stands')
      .option('--json', 'print JSON')
      .action(async (subject: string | undefined, options: ListOptions) => {
        onEnd(await list(kind, { subject, options, terminal: terminal(), openEngine: openToolbox }));
      });
    if (kind !== 'databases') command.option('--generation <id>', 'only this generation', reading(readGeneration));
  }

  program
    .command('open')
    .description('open what npm start serves to a browser, with a new key')
    .option('--no-browser', 'only print the address')
    .option('--data-dir <folder>', 'whose (also TIDEMARK_DATA_DIR)')
    .action((options: { dataDir?: string; browser: boolean }) => {
      openWindow({ dataDir: resolveDataDir(options.dataDir), ...options, terminal: terminal() });
    });

  program
    .command('version')
    .description('print the version')
    .action(() => terminal().out(`${version}\n`));

  for (const command of program.commands) takeForeignFlags(command, (text) => terminal().note(text));
  return program;
}

/** A reader of values for commander, which puts the option's name before the reason. */
function reading<T>(read: (text: string) => Reading<T>): (text: string) => T {
  return (text) => {
    const result = read(text);
    if (result.kind === 'unclear') throw new InvalidArgumentError(result.reason);
    if (result.notice !== undefined) process.stderr.write(`${result.notice}\n`);
    return result.value;
  };
}

function readTime(text: string): Reading<number> {
  return readInstant(text, Date.now());
}

function readGeneration(text: string): Reading<Generation> {
  if (isGeneration(text)) return { kind: 'read', value: text };
  return { kind: 'unclear', reason: `“${text}” is no generation. Write its 16 lowercase hexadecimal digits.` };
}

function readCheck(text: string): Reading<'quick' | 'full'> {
  if (text === 'quick' || text === 'full') return { kind: 'read', value: text };
  return { kind: 'unclear', reason: `“${text}” is no check. Write quick or full.` };
}
