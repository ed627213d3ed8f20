// What one may change, and what one may want to know about this Tidemark.
import { Play } from 'lucide-react';
import type { ReactNode } from 'react';
import { formatAgo, formatInstantLocal } from '../../../shared/format.ts';
import type { HostInfo, Settings } from '../../../shared/model.ts';
import { startDemo, stopDemo } from '../../actions/databases.ts';
import { chooseTheme } from '../../actions/window.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { Facts } from '../../components/facts.tsx';
import { PauseBars } from '../../components/pause-bars.ts';
import { Segmented } from '../../components/segmented.tsx';
import { selectIsPending, selectNow } from '../../store/selectors.ts';
import { useStore } from '../../store/store.ts';
import { PageHeader } from '../../components/page-header.tsx';
import styles from './settings-screen.module.css';

const themes: readonly { readonly key: Settings['theme']; readonly text: string }[] = [
  { key: 'system', text: 'As the system' },
  { key: 'light', text: 'Light' },
  { key: 'dark', text: 'Dark' },
];

const hosts: Readonly<Record<HostInfo['kind'], string>> = {
  desktop: 'Desktop application',
  headless: 'Without a display, in a browser',
  'command-line': 'Command line',
};

const keptBy: Readonly<Record<HostInfo['secretsKeptBy'], string>> = {
  keyring: 'Encrypted, with their key in the system’s keyring',
  file: 'Encrypted, with their key in a file of the data folder that only you may read',
};

export function SettingsScreen(): ReactNode {
  const remote = useStore((store) => store.remote);
  const now = useStore(selectNow);
  const isPending = useStore(selectIsPending('demo'));
  if (remote === undefined) return undefined;
  const { app, host, settings, demo } = remote;
  return (
    <div className={styles.screen}>
      <PageHeader title="Settings" />
      <Card heading="Appearance" isPadded>
        <Segmented
          label="Theme"
          choices={themes}
          chosen={settings.theme}
          onChoose={(theme) => void chooseTheme(theme)}
        />
      </Card>
      <Card heading="Demo" isPadded>
        <div className={styles.row}>
          <p className={styles.text}>
            {demo.isRunning
              ? 'A separate process writes a few transactions a second to the demo database. Stopping it keeps the database and its history.'
              : 'A small shop database, written to by a process of its own and protected to a folder of its own: to try everything without touching your data.'}
          </p>
          {demo.isRunning ? (
            <Button icon={PauseBars} isDisabled={isPending} onPress={() => void stopDemo()}>
              Stop the demo
            </Button>
          ) : (
            <Button icon={Play} isDisabled={isPending} onPress={() => void startDemo()}>
              Start the demo
            </Button>
          )}
        </div>
      </Card>
      <Card heading="About" isPadded>
        <Facts
          facts={[
            { name: 'Version', value: `Tidemark ${app.version}` },
            { name: 'SQLite', value: app.sqliteVersion },
            { name: 'Data folder', value: <span className={styles.path}>{app.dataDir}</span> },
            { name: 'Runs as', value: hosts[host.kind] },
            { name: 'Secret keys', value: keptBy[host.secretsKeptBy] },
            {
              name: 'Running since',
              value: `${formatInstantLocal(app.startedAt, now, { precision: 'minute' })} · ${formatAgo(app.startedAt, now)}`,
            },
          ]}
        />
      </Card>
    </div>
  );
}
