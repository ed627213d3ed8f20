// Before the first state arrived: nothing for a moment, then what one waits for; where it does not come, what to do.
import type { ReactNode } from 'react';
import { retryConnection } from '../../actions/window.ts';
import { BrandMark } from '../../components/brand-mark.tsx';
import { Button } from '../../components/button.tsx';
import { useStore } from '../../store/store.ts';
import styles from './loading-screen.module.css';

export function LoadingScreen(): ReactNode {
  const connection = useStore(({ view }) => view.connection);
  const isLost = connection.kind === 'lost';
  return (
    <main className={styles.screen}>
      <div className={styles.mark} data-still={isLost || undefined}>
        <BrandMark size={44} />
      </div>
      <div role="status" className={styles.words}>
        <h1 className={styles.heading}>{isLost ? 'Tidemark does not answer' : 'Opening Tidemark…'}</h1>
        {isLost && (
          <p>
            Your databases and their histories are untouched. Start Tidemark again, then open the address that it
            prints; this window keeps trying.
          </p>
        )}
      </div>
      {isLost && <Button onPress={retryConnection}>Try now</Button>}
    </main>
  );
}
