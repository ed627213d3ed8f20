// The restore points with names, newest first, each a way to it. Not there where nothing has a name.
import { Flag } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button } from 'react-aria-components';
import { formatAgo, formatInstantLocal } from '../../../shared/format.ts';
import type { DatabaseState } from '../../../shared/databases.ts';
import { findNamed } from '../../../shared/named-points.ts';
import { selectExact } from '../../actions/history.ts';
import { Card } from '../../components/card.tsx';
import { Icon } from '../../components/icon.tsx';
import { selectNow } from '../../store/selectors.ts';
import { historyOf, useStore } from '../../store/store.ts';
import styles from './named-points-card.module.css';

export function NamedPointsCard({ database }: { readonly database: DatabaseState }): ReactNode {
  const now = useStore(selectNow);
  const selected = useStore((store) => historyOf(store.view, database.id).selection.point);
  const { namedPoints } = database;
  if (namedPoints.length === 0) return undefined;
  const chosen = findNamed(namedPoints, selected?.position);
  return (
    <Card heading="Named points">
      <ul className={styles.list}>
        {namedPoints.toReversed().map((named) => (
          <li key={named.id}>
            <Button
              className={styles.point ?? ''}
              aria-current={named.id === chosen?.id}
              onPress={() => void selectExact(database.id, named.position)}
            >
              <Icon of={Flag} className={styles.flag} />
              <span className={styles.name}>{named.name}</span>
              <span className={styles.when}>
                {formatInstantLocal(named.at, now, { precision: 'minute' })} · {formatAgo(named.at, now)}
              </span>
            </Button>
          </li>
        ))}
      </ul>
    </Card>
  );
}
