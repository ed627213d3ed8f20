// A few choices side by side, one of which holds.
import type { ReactNode } from 'react';
import { ToggleButton, ToggleButtonGroup } from 'react-aria-components';
import styles from './segmented.module.css';

interface SegmentedProps<K extends string> {
  readonly label: string;
  readonly choices: readonly { readonly key: K; readonly text: string; readonly title?: string }[];
  readonly chosen: K | undefined;
  readonly onChoose: (key: K) => void;
}

export function Segmented<K extends string>({ label, choices, chosen, onChoose }: SegmentedProps<K>): ReactNode {
  return (
    <ToggleButtonGroup
      aria-label={label}
      className={styles.group ?? ''}
      selectionMode="single"
      selectedKeys={chosen === undefined ? [] : [chosen]}
      onSelectionChange={(keys) => {
        // Pressing the chosen one again empties the set: the choice stays, and is made again.
        const [key] = keys;
        const next = (key as K | undefined) ?? chosen;
        if (next !== undefined) onChoose(next);
      }}
    >
      {choices.map((choice) => (
        <ToggleButton
          key={choice.key}
          id={choice.key}
          className={styles.choice ?? ''}
          {...(choice.title === undefined ? {} : { 'aria-label': choice.title })}
        >
          {choice.text}
        </ToggleButton>
      ))}
    </ToggleButtonGroup>
  );
}
