// The sentence that answers "am I safe?", with the one action that fits.
import { Play, ShieldAlert, ShieldCheck, ShieldOff, ShieldQuestionMark, type LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { capitalize, formatAgo } from '../../../shared/format.ts';
import { newestOfAll, summarize, type Summary } from '../../../shared/summary.ts';
import { pause, resume } from '../../actions/databases.ts';
import { Button } from '../../components/button.tsx';
import { Icon } from '../../components/icon.tsx';
import { PauseBars } from '../../components/pause-bars.ts';
import { selectDatabases, selectIsPending, selectIsSeen, selectNow } from '../../store/selectors.ts';
import { useStore } from '../../store/store.ts';
import styles from './answer.module.css';

const shapes: Readonly<Record<Summary['health'] | 'unknown', LucideIcon>> = {
  good: ShieldCheck,
  working: ShieldCheck,
  attention: ShieldAlert,
  problem: ShieldAlert,
  paused: ShieldOff,
  none: ShieldOff,
  unknown: ShieldQuestionMark,
};

export function OverviewAnswer(): ReactNode {
  const databases = useStore(selectDatabases);
  const now = useStore(selectNow);
  const isSeen = useStore(selectIsSeen);
  const isPending = useStore(selectIsPending('pause'));
  const lostAt = useStore(({ view }) => (view.connection.kind === 'lost' ? view.connection.sinceAt : undefined));
  const summary = summarize(databases, lostAt ?? now);
  const newestAt = newestOfAll(databases);
  const health = isSeen ? summary.health : 'unknown';
  const isAllPaused = databases.every((database) => database.status.kind === 'paused');
  return (
    <section className={styles.answer} aria-labelledby="answer">
      <span className={styles.glyph} data-health={health}>
        <Icon of={shapes[health]} size={24} />
      </span>
      <div className={styles.words}>
        <h1 id="answer" className={styles.headline}>
          {lostAt === undefined ? summary.headline : 'Protection cannot be seen from here'}
        </h1>
        <p className={styles.detail}>
          {lostAt === undefined
            ? summary.detail
            : `${capitalize(formatAgo(lostAt, now))}, ${past(lowerFirst(summary.headline))}. ${
                newestAt === undefined
                  ? ''
                  : `As far as this window knows, each can be restored to ${formatAgo(newestAt, now)} or later.`
              }`}
        </p>
      </div>
      {isSeen && (
        <Button
          icon={isAllPaused ? Play : PauseBars}
          isDisabled={isPending}
          onPress={() => void (isAllPaused ? resume() : pause())}
          aria-label={isAllPaused ? 'Resume all databases' : 'Pause all databases'}
        >
          {isAllPaused ? 'Resume' : 'Pause'}
        </Button>
      )}
    </section>
  );
}

/** What was true when it was seen. */
function past(headline: string): string {
  return headline
    .replace(/ is /, ' was ')
    .replace(/ are /, ' were ')
    .replace(/ needs /, ' needed ');
}

/** File names keep their case; words that begin a sentence do not. */
function lowerFirst(headline: string): string {
  return /^(All|Both|None|Protection|[A-Z][a-z]+ (of|databases)) /.test(headline)
    ? headline.charAt(0).toLowerCase() + headline.slice(1)
    : headline;
}
