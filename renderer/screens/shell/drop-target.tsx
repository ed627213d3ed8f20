// The whole window takes a dropped file. The desktop knows where it lies; a browser tells only its name.
import { DatabaseZap } from 'lucide-react';
import { type DragEvent, type ReactNode, useRef, useState } from 'react';
import { dropFile } from '../../actions/add.ts';
import { Icon } from '../../components/icon.tsx';
import styles from './drop-target.module.css';

export function DropTarget({ children }: { readonly children: ReactNode }): ReactNode {
  const [isOver, setOver] = useState(false);
  // Entering a child leaves its parent: only the balance tells whether the file is still over the window.
  const depth = useRef(0);

  function count(by: 1 | -1, event: DragEvent): void {
    if (!event.dataTransfer.types.includes('Files')) return;
    depth.current = Math.max(0, depth.current + by);
    setOver(depth.current > 0);
  }

  function drop(event: DragEvent): void {
    event.preventDefault();
    depth.current = 0;
    setOver(false);
    const file = event.dataTransfer.files[0];
    if (file !== undefined) dropFile(file);
  }

  return (
    <div
      className={styles.target}
      onDragEnter={(event) => count(1, event)}
      onDragLeave={(event) => count(-1, event)}
      onDragOver={(event) => event.preventDefault()}
      onDrop={drop}
    >
      {children}
      {isOver && (
        <div className={styles.veil}>
          <div className={styles.words}>
            <Icon of={DatabaseZap} size={28} />
            Drop a SQLite database to protect it
          </div>
        </div>
      )}
    </div>
  );
}
