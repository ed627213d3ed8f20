// "Go to …": takes an instant as people write it and echoes how it was read before anything happens.
import { Clock } from 'lucide-react';
import { type ReactNode, type SyntheticEvent, useState } from 'react';
import { formatAgo, formatInstantLocal } from '../../shared/format.ts';
import { formatPhrase, parseInstantPhrase } from '../../shared/instant-phrase.ts';
import { Icon } from './icon.tsx';
import { classNames } from './class-names.ts';
import styles from './time-field.module.css';

interface TimeFieldProps {
  readonly now: number;
  /** Resolves to false where no restore point lies there. */
  readonly onGo: (at: number) => Promise<boolean>;
}

export function TimeField({ now, onGo }: TimeFieldProps): ReactNode {
  const [phrase, setPhrase] = useState('');
  const [isFocused, setFocused] = useState(false);
  const [isMissing, setMissing] = useState(false);
  const reading = parseInstantPhrase(phrase, { now });

  async function submit(event: SyntheticEvent): Promise<void> {
    event.preventDefault();
    if (reading.kind !== 'instant') return;
    const isFound = await onGo(reading.at);
    setMissing(!isFound);
    if (isFound) setPhrase('');
  }

  const echo = echoOf();
  return (
    <form className={styles.form} role="search" onSubmit={(event) => void submit(event)}>
      <label className={styles.box}>
        <Icon of={Clock} />
        <input
          className={styles.input}
          aria-label="Go to a time"
          aria-describedby="time-field-echo"
          placeholder="Go to 15 min ago, 14:30, …"
          autoComplete="off"
          spellCheck={false}
          value={phrase}
          onChange={(event) => {
            setPhrase(event.target.value);
            setMissing(false);
          }}
          onFocus={() => setFocused(true)}
          onBlur={() => setFocused(false)}
        />
      </label>
      <output
        id="time-field-echo"
        className={classNames(styles.echo, (echo === '' || !isFocused) && styles.closed, isMissing && styles.missing)}
      >
        {echo}
      </output>
    </form>
  );

  function echoOf(): string {
    if (isMissing) return 'No restore point lies at or before that time.';
    if (reading.kind === 'empty') return '';
    if (reading.kind === 'unclear') return reading.hint;
    const read = `${formatInstantLocal(reading.at, now)} · ${formatAgo(reading.at, now)} — press Enter`;
    const { other } = reading;
    if (other === undefined) return read;
    const which = other < reading.at ? 'the first time' : 'the second time';
    return `${read}. Clocks showed it twice: for ${which}, write “${formatPhrase(other)}”`;
  }
}
