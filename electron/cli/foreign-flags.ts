// Flags of Litestream's, of either line, that Tidemark knows and does nothing with: each says so by its name. Those that change
// nothing of the outcome are told; those that would are wrong use.
import { type Command, Option } from 'commander';
import { UsageError } from './sources.ts';

interface ForeignFlag {
  /** As commander takes it. */
  readonly flags: string;
  readonly reason: string;
  /** True where what was asked for would be left undone. */
  readonly isRefused: boolean;
}

function needless(flags: string, reason: string): ForeignFlag {
  return { flags, reason, isRefused: false };
}

function refused(flags: string, reason: string): ForeignFlag {
  return { flags, reason, isRefused: true };
}

const verbose = needless('-v', 'what there is to say is said');
const logLevel = needless('--log-level <level>', 'progress is printed as plain lines');

const byCommand: Readonly<Record<string, readonly ForeignFlag[]>> = {
  replicate: [
    verbose,
    logLevel,
    refused('--exec <command>', 'starting another program is not supported: start it beside Tidemark'),
    refused('--once', 'Tidemark replicates until it is interrupted'),
    refused('--force-snapshot', 'images are made as they are due'),
    refused('--enforce-retention', 'it is kept while replicating; or use: tidemark retain'),
  ],
  restore: [
    verbose,
    logLevel,
    needless('--parallelism <n>', 'Tidemark reads as much at a time as the destination takes'),
    refused('--txid <id>', 'that is of Litestream 0.5, whose histories are not read yet'),
    refused('-f', 'following a replica is not supported'),
    refused('--follow-interval <duration>', 'following a replica is not supported'),
    refused('--force', 'a file that is there is never replaced: move it away'),
    refused('--dry-run', 'list what there is with: tidemark generations <url>'),
  ],
};

/** The flags that a value follows. */
export const foreignValued: readonly string[] = Object.values(byCommand)
  .flat()
  .flatMap(({ flags }) => (flags.includes('<') ? [flags.replace(/ .*/, '')] : []));

/** Makes a command take Litestream's flags, and say what it does not do with them. */
export function takeForeignFlags(command: Command, note: (text: string) => void): void {
  const foreign = byCommand[command.name()] ?? [verbose];
  const options = foreign.map((flag) => ({ ...flag, option: new Option(flag.flags).hideHelp() }));
  for (const { option } of options) command.addOption(option);
  command.hook('preAction', () => {
    for (const { option, flags, reason, isRefused } of options) {
      if (command.getOptionValue(option.attributeName()) === undefined) continue;
      const name = `-${flags.replace(/^-+/, '').replace(/ .*/, '')}`;
      if (isRefused) throw new UsageError(`${name}: ${reason}`);
      note(`${name} has no effect: ${reason}.\n`);
    }
  });
}
