// The application: the shell around the place one is at, and what may lie above it (restore, removal, drop).
import type { ReactNode } from 'react';
import { Guarded } from './components/guarded.tsx';
import { formatPlace } from './place.ts';
import { ActivityScreen } from './screens/activity-screen.tsx';
import { AddScreen } from './screens/add-screen.tsx';
import { DatabaseScreen } from './screens/database-screen.tsx';
import { DestinationScreen } from './screens/destination-screen.tsx';
import { DestinationsScreen } from './screens/destinations-screen.tsx';
import { DropTarget } from './screens/drop-target.tsx';
import { LoadingScreen } from './screens/loading-screen.tsx';
import { OverviewScreen } from './screens/overview-screen.tsx';
import { NamingDialogs } from './screens/naming-dialogs.tsx';
import { ReplicaDialogs } from './screens/replica-dialogs.tsx';
import { RemoveDestinationDialog } from './screens/remove-destination-dialog.tsx';
import { RemoveDialog } from './screens/remove-dialog.tsx';
import { RestoreDialog } from './screens/restore-dialog.tsx';
import { SettingsScreen } from './screens/settings-screen.tsx';
import { Shell } from './screens/shell.tsx';
import { useStore } from './store.ts';

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
