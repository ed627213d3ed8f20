// Events of a protection as sentences for the activity.
import { assertNever } from '../../../shared/assert.ts';
import { errorSentence, type Problem } from '../../../shared/errors.ts';
import { formatBytes, formatTimestampLocal, plural } from '../../../shared/format.ts';
import type { TargetState } from '../../../shared/targets.ts';
import type { ProtectionEvent } from '../protection/session.ts';
import type { NewActivity } from '../state/activity-rows.ts';
import type { FolderLimit } from '../targets/folder.ts';

/** Nothing gets through to the destination `name` from now on, or it does again. */
export function narrateTarget(
  problem: Problem | undefined,
  { name, wasAway }: { readonly name: string; readonly wasAway: boolean },
): Pick<NewActivity, 'kind' | 'level' | 'text'> {
  if (problem !== undefined) return { kind: 'problem', level: 'warning', text: `${name}: ${errorSentence(problem)}` };
  const back = wasAway ? `Your disk is back: ${name} is reachable again.` : `${name} is reachable again.`;
  return { kind: 'recovered', level: 'good', text: `${back} What waited on this computer goes there now.` };
}

/** What the disk of the destination `name` cannot do, and what that means. */
export function narrateLimits(
  limits: readonly FolderLimit[],
  { name }: { readonly name: string },
): Pick<NewActivity, 'kind' | 'level' | 'text'> {
  const words: Readonly<Record<FolderLimit, string>> = {
    durability:
      'it does not say when something is safe on it (fsync), so that a power cut there may take what was shipped in the moments before, which is shipped again while this computer still has it',
    times:
      'it does not keep the times of files, so that Litestream’s own restore to an instant may give another moment there; Tidemark’s own restore goes by the times in its files',
  };
  const text = `${name} is used, but its disk cannot do everything: ${limits.map((limit) => words[limit]).join('; ')}.`;
  return { kind: 'problem', level: 'warning', text };
}

/** The histories of `databases` do not lie at the destination `name` any more. */
export function narrateGone(
  databases: readonly string[],
  { name }: { readonly name: string },
): Pick<NewActivity, 'kind' | 'level' | 'text'> {
  const shown = databases.length > 3 ? plural(databases.length, 'database') : databases.join(', ');
  return {
    kind: 'problem',
    level: 'warning',
    text: `${name}: the history of ${shown} was removed there, not by Tidemark. The databases are untouched; a new image of each goes there, and restore points that lay nowhere else are not offered any more.`,
  };
}

/** What happened to the database `name`, as one entry. */
export function narrate(
  event: ProtectionEvent,
  { name, targets }: { readonly name: string; readonly targets: readonly Pick<TargetState, 'id' | 'name'>[] },
): Pick<NewActivity, 'kind' | 'level' | 'text'> {
  const at = (replica: { readonly targetId: string } | undefined) =>
    targets.find(({ id }) => id === replica?.targetId)?.name ?? 'the destination';
  switch (event.kind) {
    case 'generation-started':
      return event.isFirst
        ? { kind: 'generation-started', level: 'info', text: `The history of ${name} begins.` }
        : {
            kind: 'generation-started',
            level: 'warning',
            text: `A new history of ${name} begins: ${event.reason}. Earlier restore points stay.`,
          };
    case 'snapshot':
      return {
        kind: 'snapshot',
        level: 'good',
        text: `An image of ${name} (${formatBytes(event.bytes)}) lies on ${at(event.replica)}.`,
      };
    case 'gap':
      return {
        kind: 'generation-started',
        level: 'info',
        text: `${name} was changed while it was not watched; ${plural(event.pages, 'changed page')} caught up.`,
      };
    case 'hole':
      return {
        kind: 'problem',
        level: 'warning',
        text: `${name}: ${at(event.replica)} was away for longer than changes were kept for it. It goes on with a new image; restore points in between are not there.`,
      };
    case 'damaged':
      return { kind: 'problem', level: 'warning', text: `${name}: ${damageWords(event.losses, at(event.replica))}` };
    case 'deletes-refused':
      return {
        kind: 'replica-changed',
        level: 'info',
        text: `${name}: ${at(event.replica)} lets nothing be deleted. That is safe; how long history stays there is left to its own rules.`,
      };
    case 'rest-lost':
      return {
        kind: 'problem',
        level: 'warning',
        text: `${name}: the end of its former history did not reach ${at(event.replica)} and is not kept any more. What lies there stays restorable.`,
      };
    case 'unsound':
      return {
        kind: 'problem',
        level: 'problem',
        text: `${name} was damaged before it was protected. SQLite’s check finds: ${event.findings.join('; ')}. It is captured as it is, and every restore point holds the same; an older copy from elsewhere may be sound.`,
      };
    case 'outside':
      return { kind: 'problem', level: 'warning', text: `${name}: ${errorSentence(event.what)}` };
    case 'problem':
      return {
        kind: 'problem',
        level: event.replica === undefined ? 'problem' : 'warning',
        text: `${name}: ${errorSentence(event.problem)}`,
      };
    case 'recovered':
      return {
        kind: 'recovered',
        level: 'good',
        text:
          event.replica === undefined
            ? `${name} is being captured again.`
            : `${name}: ${at(event.replica)} is reachable again.`,
      };
    default:
      return assertNever(event);
  }
}

/** What was damaged or removed on a destination means for what can be restored. */
function damageWords(
  losses: Extract<ProtectionEvent, { readonly kind: 'damaged' }>['losses'],
  targetName: string,
): string {
  const what = `part of the history on ${targetName} was changed or removed there, not by Tidemark`;
  if (losses.length === 0)
    return `${what}. Every restore point can still be restored; a new image takes the place of what is gone.`;
  const spans = losses.map(({ fromAt, toAt }) => `${formatTimestampLocal(fromAt)} to ${formatTimestampLocal(toAt)}`);
  const shown = spans.slice(0, 3).join(', ') + (spans.length > 3 ? ` and ${spans.length - 3} more times` : '');
  const isKept = losses.every(({ isElsewhere }) => isElsewhere);
  const meaning = isKept
    ? 'They are whole on another destination of this database.'
    : 'They are not offered any more. Everything else can be restored; new changes are kept as before.';
  return `${what}. It had the restore points from ${shown}. ${meaning}`;
}
