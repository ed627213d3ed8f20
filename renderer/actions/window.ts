// The window itself: follows state, connection, address, clock and theme; notices about what failed without being asked
// for in place.
import { toErrorData } from '../../shared/errors.ts';
import type { Settings } from '../../shared/model.ts';
import { connection } from '../channel/api.ts';
import type { Connection } from '../channel/connection.ts';
import { formatPlace, parsePlace, type Place } from '../store/place.ts';
import { readStore, setView, useStore } from '../store/store.ts';

let noticeCount = 0;

/** Binds the store to the outside world; returns how to stop. */
export function startWindow(source: Connection): () => void {
  const stops = [
    source.api.subscribe((remote) => {
      useStore.setState({ remote });
      applyTheme(remote.settings.theme);
    }),
    source.watch((status) => setView({ connection: status })),
    listen(window, 'hashchange', () => arrive(parsePlace(location.hash))),
    startClock(),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** Goes to a place; the address follows. */
export function go(place: Place): void {
  location.hash = formatPlace(place);
}

/** What was begun about destinations ends where one leaves it, and what was typed as a secret with it. */
function arrive(place: Place): void {
  const { destination } = readStore().view;
  const isSame = place.kind === 'destination' && destination?.targetId === place.targetId;
  setView({
    place,
    isDrawerOpen: false,
    replica: undefined,
    naming: undefined,
    destination: isSame ? destination : undefined,
  });
}

export function openDrawer(isDrawerOpen: boolean): void {
  setView({ isDrawerOpen });
}

export function retryConnection(): void {
  connection().retry();
}

/** Runs a command for the user; while it runs its name is pending, and what it throws becomes a notice. */
export async function run(name: string, work: () => Promise<void>): Promise<void> {
  setView({ pending: [...readStore().view.pending, name] });
  try {
    await work();
  } catch (error) {
    notify(error);
  } finally {
    const { pending } = readStore().view;
    const at = pending.indexOf(name);
    setView({ pending: pending.filter((_, index) => index !== at) });
  }
}

/** Shows what failed until the user dismisses it. */
export function notify(error: unknown): void {
  noticeCount += 1;
  const notice = { id: noticeCount, error: toErrorData(error) };
  setView({ notices: [...readStore().view.notices.slice(-2), notice] });
}

export function dismissNotice(id: number): void {
  setView({ notices: readStore().view.notices.filter((notice) => notice.id !== id) });
}

/** Stores the theme; it is shown when the state comes back. */
export function chooseTheme(theme: Settings['theme']): Promise<void> {
  return run('settings', () => connection().api.call('updateSettings', { theme }));
}

function applyTheme(theme: Settings['theme']): void {
  const root = document.documentElement;
  if (theme === 'system') delete root.dataset['theme'];
  else root.dataset['theme'] = theme;
}

/** Ages are shown in seconds; a hidden window needs none. */
function startClock(): () => void {
  const tick = (): void => {
    if (document.visibilityState === 'visible') setView({ now: Date.now() });
  };
  const timer = setInterval(tick, 1_000);
  const stop = listen(document, 'visibilitychange', tick);
  return () => {
    clearInterval(timer);
    stop();
  };
}

function listen(target: EventTarget, type: string, listener: () => void): () => void {
  target.addEventListener(type, listener);
  return () => target.removeEventListener(type, listener);
}
