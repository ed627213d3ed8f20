// The timeline's keys and gestures, on demand.
import { CircleQuestionMark } from 'lucide-react';
import type { ReactNode } from 'react';
import { Dialog, DialogTrigger, Heading, Popover } from 'react-aria-components';
import { IconButton } from '../../components/icon-button.tsx';
import styles from './timeline-help.module.css';

const keys: readonly (readonly [string, string])[] = [
  ['← →', 'Previous or next restore point'],
  ['Shift + ← →', 'One bar'],
  ['Ctrl + ← →', 'One day'],
  ['Home, End', 'Oldest, newest'],
  ['+ − 0', 'Zoom in, zoom out, whole history'],
  ['Page Up, Page Down', 'Earlier, later'],
  ['Backspace', 'Undo zoom'],
  ['Enter', 'Restore…'],
  ['P', 'Name this point…'],
  ['N, Shift + N', 'Next or previous named point'],
  ['Wheel', 'Zoom at the pointer; with Shift, move'],
  ['Drag', 'Move; with Shift, zoom into a span'],
];

export function TimelineHelp(): ReactNode {
  return (
    <DialogTrigger>
      <IconButton icon={CircleQuestionMark} label="Keys of the timeline" />
      <Popover placement="bottom end" offset={4} className={styles.popover ?? ''}>
        <Dialog className={styles.dialog ?? ''}>
          <Heading slot="title" className={styles.title ?? ''}>
            Moving in time
          </Heading>
          <dl className={styles.keys}>
            {keys.map(([key, text]) => (
              <div key={key} className={styles.row}>
                <dt>{key}</dt>
                <dd>{text}</dd>
              </div>
            ))}
          </dl>
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}
