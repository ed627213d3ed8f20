// The application: the shell around the place one is at, and what may lie above it (restore, removal, drop).
import type { ReactNode } from 'react';
import { Guarded } from './components/guarded.tsx';
import { formatPlace } from './store/place.ts';
import { ActivityScreen } from './screens/activity/activity-screen.tsx';
import { AddScreen } from './screens/add/add-screen.tsx';
import { DatabaseScreen } from './screens/database/database-screen.tsx';
import { DestinationScreen } from './screens/destinations/destination-screen.tsx';
import { DestinationsScreen } from './screens/destinations/destinations-screen.tsx';
import { DropTarget } from './screens/shell/drop-target.tsx';
import { LoadingScreen } from './screens/shell/loading-screen.tsx';
import { OverviewScreen } from './screens/overview/overview-screen.tsx';
import { NamingDialogs } from './screens/database/naming-dialogs.tsx';
import { ReplicaDialogs } from './screens/database/replica-dialogs.tsx';
import { RemoveDestinationDialog } from './screens/destinations/remove-destination-dialog.tsx';
import { RemoveDialog } from './screens/database/remove-dialog.tsx';
import { RestoreDialog } from './screens/restore/restore-dialog.tsx';
import { SettingsScreen } from './screens/settings/settings-screen.tsx';
import { Shell } from './screens/shell/shell.tsx';
import { useStore } from './store/store.ts';

export function App(): ReactNode {
  const isLoaded = useStore(({ remote }) => remote !== undefined);
  const place = useStore(({ view }) => formatPlace(view.place));
  if (!isLoaded) return <LoadingScreen />;
  return (
    <DropTarget>
      <Shell>
        <Guarded key={place}>
          <Screen />
        </Guarded>
      </Shell>
      <Guarded>
        <RestoreDialog />
      </Guarded>
      <Guarded>
        <RemoveDialog />
      </Guarded>
      <Guarded>
        <RemoveDestinationDialog />
      </Guarded>
      <Guarded>
        <ReplicaDialogs />
      </Guarded>
      <Guarded>
        <NamingDialogs />
      </Guarded>
    </DropTarget>
  );
}

function Screen(): ReactNode {
  const place = useStore(({ view }) => view.place);
  switch (place.kind) {
    case 'overview':
      return <OverviewScreen />;
    case 'add':
      return <AddScreen path={place.path} />;
    case 'database':
      return <DatabaseScreen key={place.databaseId} databaseId={place.databaseId} />;
    case 'destinations':
      return <DestinationsScreen />;
    case 'destination':
      return <DestinationScreen key={place.targetId} targetId={place.targetId} databaseId={undefined} />;
    case 'new-destination':
      return <DestinationScreen targetId={undefined} databaseId={place.databaseId} />;
    case 'activity':
      return <ActivityScreen />;
    case 'settings':
      return <SettingsScreen />;
  }
}
