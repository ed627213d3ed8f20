// The empty look of the overview: what Tidemark does in three steps, and the two ways to begin.
import { Clock, DatabaseZap, HardDrive, type LucideIcon, Plus, ShieldCheck, Sparkles } from 'lucide-react';
import type { ReactNode } from 'react';
import { startDemo } from '../../actions/databases.ts';
import { BrandMark } from '../../components/brand-mark.tsx';
import { Button } from '../../components/button.tsx';
import { Icon } from '../../components/icon.tsx';
import { LinkButton } from '../../components/link-button.tsx';
import { formatPlace } from '../../store/place.ts';
import { selectIsPending } from '../../store/selectors.ts';
import { useStore } from '../../store/store.ts';
import { OperationNotes } from '../parts/operation-notes.tsx';
import styles from './welcome.module.css';

const steps: readonly { readonly icon: LucideIcon; readonly title: string; readonly text: string }[] = [
  {
    icon: DatabaseZap,
    title: 'Choose a database',
    text: 'Any SQLite file of an application on this computer. It goes on working as before.',
  },
  {
    icon: HardDrive,
    title: 'Choose a folder',
    text: 'Best on another disk. Every change is captured and kept there, within seconds.',
  },
  {
    icon: Clock,
    title: 'Go back to any moment',
    text: 'Pick a time, get the database as it was then, as a new file, proven identical.',
  },
];

export function Welcome(): ReactNode {
  const isPending = useStore(selectIsPending('demo'));
  return (
    <>
      <OperationNotes />
      <section className={styles.welcome} aria-labelledby="welcome">
        <Waves />
        <div className={styles.intro}>
          <BrandMark size={40} />
          <h1 id="welcome" className={styles.heading}>
            Protect your first database
          </h1>
          <p className={styles.lead}>
            Tidemark keeps every change of your SQLite databases, so that you can go back to any moment.
          </p>
          <div className={styles.buttons}>
            <LinkButton href={formatPlace({ kind: 'add' })} kind="primary" icon={Plus} isLarge>
              Add a database…
            </LinkButton>
            <Button icon={Sparkles} isLarge isPending={isPending} onPress={() => void startDemo()}>
              {isPending ? 'Creating the demo…' : 'Try it with a demo database'}
            </Button>
          </div>
          <p className={styles.hint}>Or drop a database file anywhere on this window.</p>
        </div>
        <ol className={styles.steps}>
          {steps.map((step, index) => (
            <li key={step.title} className={styles.step}>
              <span className={styles.glyph}>
                <Icon of={step.icon} size={18} />
              </span>
              <h2>
                {index + 1}. {step.title}
              </h2>
              <p className={styles.text}>{step.text}</p>
            </li>
          ))}
        </ol>
        <p className={styles.promise}>
          <Icon of={ShieldCheck} />
          Nothing is added to your databases, and nothing leaves this computer unless you choose a place elsewhere.
        </p>
      </section>
    </>
  );
}

/** The tide behind the words; decoration only. */
function Waves(): ReactNode {
  const wave =
    'c60-34 120-34 180 0s120 34 180 0 120-34 180 0 120 34 180 0 120-34 180 0 120 34 180 0 120-34 180 0 120 34 180 0';
  return (
    <svg className={styles.waves} viewBox="0 0 1440 190" preserveAspectRatio="xMidYMax slice" aria-hidden>
      <path d={`M0 60${wave}V190H0Z`} opacity=".35" />
      <path d={`M-90 100${wave}h180V190H-90Z`} opacity=".5" />
      <path d={`M-30 140${wave}h180V190H-30Z`} opacity=".8" />
    </svg>
  );
}
