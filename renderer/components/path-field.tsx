// A field for a path with suggestions: type, arrow through what lies there, Tab or Enter to go on into a folder.
import { File, FolderOpen, type LucideIcon } from 'lucide-react';
import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react';
import type { PathSuggestion } from '../../shared/model.ts';
import { Icon } from './icon.tsx';
import { classNames } from './class-names.ts';
import styles from './path-field.module.css';

export interface PathFieldProps {
  readonly label: string;
  readonly path: string;
  readonly suggestions: readonly PathSuggestion[];
  readonly separator: '/' | '\\';
  readonly placeholder: string;
  readonly isInvalid?: boolean;
  /** Beside the field: a dialog's button. */
  readonly aside?: ReactNode;
  /** Under the field; it describes the field to a screen reader. */
  readonly description?: ReactNode;
  readonly shouldFocus?: boolean;
  readonly onType: (path: string) => void;
  /** A suggestion that ends the search: a file, or a folder where folders are wanted and Enter was pressed. */
  readonly onPick: (path: string) => void;
}

export function PathField(props: PathFieldProps): ReactNode {
  const { label, path, suggestions, separator, placeholder, isInvalid, aside, description, shouldFocus } = props;
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [isOpen, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const shown = isOpen ? suggestions.filter((one) => one.path !== path).slice(0, 12) : [];
  const current = shown[active];

  // The cursor belongs where the user is sent to, and long paths are read from their end.
  useEffect(() => {
    if (shouldFocus === true) input.current?.focus();
  }, [shouldFocus]);

  function type(next: string): void {
    setActive(-1);
    setOpen(true);
    props.onType(next);
  }

  function pick(suggestion: PathSuggestion): void {
    setActive(-1);
    if (suggestion.isFolder) {
      type(suggestion.path.endsWith(separator) ? suggestion.path : suggestion.path + separator);
    } else {
      setOpen(false);
      props.onPick(suggestion.path);
    }
    input.current?.focus();
  }

  function handleKey(event: KeyboardEvent): void {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      setOpen(true);
      const count = shown.length;
      if (count === 0) return;
      const by = event.key === 'ArrowDown' ? 1 : -1;
      setActive((was) => (was === -1 && by === -1 ? count - 1 : (was + by + count) % count));
    } else if (event.key === 'Escape' && shown.length > 0) {
      event.preventDefault();
      event.stopPropagation();
      setOpen(false);
      setActive(-1);
    } else if (event.key === 'Enter' && current !== undefined) {
      event.preventDefault();
      pick(current);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      setOpen(false);
      if (path !== '') props.onPick(path);
    } else if (event.key === 'Tab' && !event.shiftKey && current !== undefined) {
      event.preventDefault();
      pick(current);
    }
  }

  return (
    <div className={styles.field}>
      <label htmlFor={id} className={styles.label}>
        {label}
      </label>
      <div className={styles.row}>
        <div className={styles.box}>
          <input
            ref={input}
            id={id}
            className={styles.input}
            role="combobox"
            aria-expanded={shown.length > 0}
            aria-controls={`${id}-list`}
            aria-autocomplete="list"
            aria-activedescendant={current === undefined ? undefined : `${id}-${active}`}
            aria-describedby={description === undefined ? undefined : `${id}-about`}
            aria-invalid={isInvalid === true}
            autoComplete="off"
            autoCorrect="off"
            autoCapitalize="off"
            spellCheck={false}
            placeholder={placeholder}
            value={path}
            onChange={(event) => type(event.target.value)}
            onKeyDown={handleKey}
            onFocus={(event) => {
              if (event.target.value === '') type('');
            }}
            onBlur={() => setOpen(false)}
          />
          <ul
            id={`${id}-list`}
            role="listbox"
            aria-label={`${label}: suggestions`}
            className={classNames(styles.list, shown.length === 0 && styles.closed)}
          >
            {shown.map((suggestion, index) => (
              <li
                key={suggestion.path}
                id={`${id}-${index}`}
                role="option"
                aria-selected={index === active}
                className={classNames(styles.option, index === active && styles.active)}
                onPointerDown={(event) => {
                  event.preventDefault();
                  pick(suggestion);
                }}
              >
                <Icon of={iconOf(suggestion)} />
                <span className={styles.path}>{suggestion.path}</span>
              </li>
            ))}
          </ul>
        </div>
        {aside}
      </div>
      {description !== undefined && <div id={`${id}-about`}>{description}</div>}
    </div>
  );
}

function iconOf(suggestion: PathSuggestion): LucideIcon {
  return suggestion.isFolder ? FolderOpen : File;
}
