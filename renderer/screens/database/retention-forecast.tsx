// What would remain: the history as a strip – full where every transaction stays, a mark for each snapshot before that – and
// the same in figures, for today or for a day ahead.
import { type ReactNode, useId } from 'react';
import { dayMs, formatBytes, formatDay, formatInstantLocal, plural } from '../../../shared/format.ts';
import type { RetentionPreview } from '../../../shared/retention.ts';
import { lookAhead } from '../../actions/replicas.ts';
import { Disclosure } from '../../components/disclosure.tsx';
import { Segmented } from '../../components/segmented.tsx';
import { selectNow } from '../../store/selectors.ts';
import { type SettingsDraft, useStore } from '../../store/store.ts';
import { ErrorLine, FindingLine } from '../../components/finding.tsx';
import { pointsText } from './replica-words.ts';
import styles from './retention-forecast.module.css';

const aheads = [
  { key: '0', text: 'Today' },
  { key: '7', text: 'In a week' },
  { key: '30', text: 'In a month' },
  { key: '365', text: 'In a year' },
] as const;

export function RetentionForecast({ draft }: { readonly draft: SettingsDraft }): ReactNode {
  const now = useStore(selectNow);
  const id = useId();
  const { preview, previewAt, previewError } = draft;
  const days = previewAt === undefined ? 0 : Math.round((previewAt - now) / dayMs);
  const chosen = aheads.find(({ key }) => Number(key) === days)?.key;
  return (
    <section className={styles.section} aria-labelledby={id}>
      <div className={styles.head}>
        <h3 id={id} className={styles.heading}>
          What would remain
        </h3>
        <label className={styles.date}>
          <span>on</span>
          <input
            type="date"
            className={styles.day}
            aria-label="Day to look ahead to"
            min={dateText(now)}
            value={dateText(previewAt ?? now)}
            onChange={({ target: { value } }) => lookAhead(value === '' ? undefined : endOfDay(value, now))}
          />
        </label>
        <Segmented
          label="Look ahead"
          choices={aheads}
          chosen={chosen}
          onChoose={(key) => lookAhead(key === '0' ? undefined : now + Number(key) * dayMs)}
        />
      </div>
      {previewError !== undefined && <ErrorLine error={previewError} />}
      {preview === undefined ? (
        previewError === undefined && <p className={styles.waiting}>Working it out…</p>
      ) : (
        <Forecast preview={preview} now={now} />
      )}
    </section>
  );
}

interface ForecastProps {
  readonly preview: RetentionPreview;
  readonly now: number;
}

function Forecast({ preview, now }: ForecastProps): ReactNode {
  const { keptSnapshots, windowFromAt, keptObjects, keptBytes, deletedObjects, deletedBytes, held } = preview;
  const [oldest] = keptSnapshots;
  if (oldest === undefined) {
    return <p className={styles.waiting}>Nothing lies there yet; the first snapshot is on its way.</p>;
  }
  return (
    <>
      <Strip preview={preview} now={now} />
      <dl className={styles.figures}>
        <div>
          <dt>Back to</dt>
          <dd>{formatInstantLocal(oldest.at, now, { precision: 'minute' })}</dd>
        </div>
        <div>
          <dt>Restore points</dt>
          <dd>{pointsText(preview, now)}</dd>
        </div>
        <div>
          <dt>Stays</dt>
          <dd>
            {formatBytes(keptBytes)} in {plural(keptObjects, 'object')}
          </dd>
        </div>
        <div>
          <dt>Goes</dt>
          <dd>
            {deletedObjects === 0 ? 'nothing' : `${formatBytes(deletedBytes)} in ${plural(deletedObjects, 'object')}`}
          </dd>
        </div>
      </dl>
      {held !== undefined && <FindingLine tone="attention">{held}</FindingLine>}
      <Disclosure title="Dates" about={plural(keptSnapshots.length, 'snapshot')}>
        <ol className={styles.dates}>
          {keptSnapshots.map((snapshot) => (
            <li key={`${snapshot.generation}/${snapshot.index}`}>
              {formatInstantLocal(snapshot.at, now, { precision: 'minute' })}
              <span className={styles.why}>{reasonText(snapshot)}</span>
            </li>
          ))}
          {windowFromAt !== undefined && (
            <li>
              {formatInstantLocal(windowFromAt, now, { precision: 'minute' })}
              <span className={styles.why}>every transaction from here on</span>
            </li>
          )}
        </ol>
      </Disclosure>
    </>
  );
}

type KeptSnapshot = RetentionPreview['keptSnapshots'][number];

const reasons: Readonly<Record<KeptSnapshot['why'], string>> = {
  window: 'for every transaction',
  daily: 'of its day',
  weekly: 'of its week',
  pinned: 'a named point',
  proven: 'the last proven one',
  newest: 'the newest',
};

function reasonText({ why, names = [] }: KeptSnapshot): string {
  return names.length === 0 ? reasons[why] : `for ${names.map((name) => `“${name}”`).join(', ')}`;
}

function Strip({ preview, now }: ForecastProps): ReactNode {
  const { keptSnapshots, windowFromAt, atMs } = preview;
  const fromAt = Math.min(keptSnapshots[0]?.at ?? atMs, windowFromAt ?? atMs);
  const span = Math.max(atMs - fromAt, 1);
  const at = (instant: number): string => `${(Math.min(1, (instant - fromAt) / span) * 100).toFixed(2)}%`;
  return (
    <div className={styles.strip} aria-hidden>
      <div className={styles.track}>
        {windowFromAt !== undefined && <span className={styles.window} style={{ '--at': at(windowFromAt) }} />}
        {keptSnapshots
          .filter(({ why }) => why !== 'window')
          .map((snapshot) => (
            <span
              key={`${snapshot.generation}/${snapshot.index}`}
              className={styles.mark}
              data-why={snapshot.why}
              style={{ '--at': at(snapshot.at) }}
            />
          ))}
      </div>
      <div className={styles.ends}>
        <span>{formatDay(fromAt, now)}</span>
        <span>{formatDay(atMs, now)}</span>
      </div>
    </div>
  );
}

/** As a date field writes it: the local day. */
function dateText(at: number): string {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** The end of a local day; undefined for today. */
function endOfDay(text: string, now: number): number | undefined {
  if (text === dateText(now)) return undefined;
  const at = new Date(`${text}T23:59:59`).getTime();
  return Number.isFinite(at) && at > now ? at : undefined;
}
