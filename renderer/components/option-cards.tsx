// A few ways to go on, each with a sentence, one of which holds.
import type { LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { RadioButton, RadioField, RadioGroup } from 'react-aria-components';
import { Icon } from './icon.tsx';
import { classNames } from './class-names.ts';
import styles from './option-cards.module.css';

export interface Option<K extends string> {
  readonly key: K;
  readonly icon?: LucideIcon;
  readonly title: string;
  readonly about?: ReactNode;
}

interface OptionCardsProps<K extends string> {
  readonly label: string;
  readonly options: readonly Option<K>[];
  readonly chosen: K | undefined;
  readonly onChoose: (key: K) => void;
  /** Beside each other where there is room. */
  readonly isRow?: boolean;
}

export function OptionCards<K extends string>(props: OptionCardsProps<K>): ReactNode {
  const { label, options, chosen, onChoose, isRow = false } = props;
  return (
    <RadioGroup
      aria-label={label}
      className={classNames(styles.group, isRow && styles.inRow)}
      value={chosen ?? null}
      onChange={(key) => onChoose(key as K)}
    >
      {options.map(({ key, icon, title, about }) => (
        <RadioField key={key} value={key}>
          <RadioButton className={styles.option ?? ''}>
            <span className={styles.mark} aria-hidden />
            <span className={styles.words}>
              <span className={styles.title}>
                {icon !== undefined && <Icon of={icon} />}
                {title}
              </span>
              {about !== undefined && <span className={styles.about}>{about}</span>}
            </span>
          </RadioButton>
        </RadioField>
      ))}
    </RadioGroup>
  );
}
