// Where one can go, with every database's state and the age of its newest restore point; running restores at the bottom.
import { HardDrive, LayoutGrid, List, type LucideIcon, Plus, Settings } from 'lucide-react';
import type { ReactNode } from 'react';
import { formatAge } from '../../../shared/format.ts';
import type { DatabaseState } from '../../../shared/databases.ts';
import { statusWord } from '../../../shared/standing.ts';
import { openDrawer } from '../../actions/window.ts';
import { BrandMark } from '../../components/brand-mark.tsx';
import { classNames } from '../../components/class-names.ts';
import { Guarded } from '../../components/guarded.tsx';
import { HiddenText } from '../../components/hidden-text.tsx';
import { Icon } from '../../components/icon.tsx';
import { StateIcon } from '../../components/state-icon.tsx';
import { formatPlace, type Place } from '../../store/place.ts';
import { selectDatabases, selectIsSeen, selectNow, selectOperations } from '../../store/selectors.ts';
import { useStore } from '../../store/store.ts';
import { RunningRestore } from './running-restore.tsx';
import { toneOf, whenText } from '../parts/status-words.ts';
import styles from './sidebar.module.css';

export function Sidebar(): ReactNode {
  const databases = useStore(selectDatabases);
  const operations = useStore(selectOperations);
  const now = useStore(selectNow);
  const isSeen = useStore(selectIsSeen);
  return (
    <div className={styles.sidebar}>
      <div className={styles.brand}>
        <BrandMark />
        Tidemark
      </div>
      <nav className={styles.nav} aria-label="Main">
        <NavLink place={{ kind: 'overview' }} icon={LayoutGrid}>
          Overview
        </NavLink>
        <h2 className={styles.heading} id="sidebar-databases">
          Databases
        </h2>
        <ul aria-labelledby="sidebar-databases">
          {databases.map((database) => (
            <li key={database.id}>
              <Guarded>
                <DatabaseLink database={database} now={now} isSeen={isSeen} />
              </Guarded>
            </li>
          ))}
        </ul>
        <NavLink place={{ kind: 'add' }} icon={Plus}>
          Add database
        </NavLink>
        <span className={styles.grow} />
        {operations
          .filter((operation) => operation.state === 'running')
          .map((operation) => (
            <Guarded key={operation.id}>
              <RunningRestore operation={operation} />
            </Guarded>
          ))}
        <NavLink place={{ kind: 'destinations' }} icon={HardDrive}>
          Destinations
        </NavLink>
        <NavLink place={{ kind: 'activity' }} icon={List}>
          Activity
        </NavLink>
        <NavLink place={{ kind: 'settings' }} icon={Settings}>
          Settings
        </NavLink>
      </nav>
    </div>
  );
}

/** Places that belong to another one. */
const parents: Partial<Readonly<Record<Place['kind'], Place['kind']>>> = {
  destination: 'destinations',
  'new-destination': 'destinations',
};

interface NavLinkProps {
  readonly place: Place;
  readonly icon: LucideIcon;
  readonly children: ReactNode;
}

function NavLink({ place, icon, children }: NavLinkProps): ReactNode {
  const isHere = useStore(({ view }) => (parents[view.place.kind] ?? view.place.kind) === place.kind);
  return (
    <a
      href={formatPlace(place)}
      className={classNames(styles.link, isHere && styles.here)}
      aria-current={isHere ? 'page' : undefined}
      onClick={() => openDrawer(false)}
    >
      <Icon of={icon} />
      {children}
    </a>
  );
}

interface DatabaseLinkProps {
  readonly database: DatabaseState;
  readonly now: number;
  readonly isSeen: boolean;
}

function DatabaseLink({ database, now, isSeen }: DatabaseLinkProps): ReactNode {
  const isHere = useStore(({ view }) => view.place.kind === 'database' && view.place.databaseId === database.id);
  const age = ageOf(database, now);
  const words = [statusWord(database, now), whenText(database, now)].filter((text) => text !== undefined).join(', ');
  return (
    <a
      href={formatPlace({ kind: 'database', databaseId: database.id })}
      className={classNames(styles.link, styles.database, isHere && styles.here)}
      aria-current={isHere ? 'page' : undefined}
      title={database.path}
      onClick={() => openDrawer(false)}
    >
      <StateIcon tone={isSeen ? toneOf(database, now) : 'unknown'} />
      <b className={styles.name}>{database.name}</b>
      <HiddenText>, {isSeen ? words : 'State unknown'}, </HiddenText>
      <span className={styles.age}>{age}</span>
    </a>
  );
}

function ageOf(database: DatabaseState, now: number): string {
  if (database.status.kind === 'paused') return 'paused';
  return database.newest === undefined ? '' : formatAge(now - database.newest.at);
}
