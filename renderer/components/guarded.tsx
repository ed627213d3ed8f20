// Keeps what goes wrong in one part of a screen to that part: a value that nobody expected, of a destination for example, must not
// blank the window. It tries again whenever it gets something new to show.
import { Component, type ReactNode } from 'react';
import { Note } from './note.tsx';

interface GuardedProps {
  readonly children: ReactNode;
}

interface GuardedState {
  readonly reason: string | undefined;
  /** What it was given last. */
  readonly seen: ReactNode;
}

export class Guarded extends Component<GuardedProps, GuardedState> {
  override readonly state: GuardedState = { reason: undefined, seen: undefined };

  static getDerivedStateFromError(error: unknown): Pick<GuardedState, 'reason'> {
    return { reason: error instanceof Error ? error.message : String(error) };
  }

  static getDerivedStateFromProps({ children }: GuardedProps, state: GuardedState): GuardedState {
    return children === state.seen ? state : { reason: undefined, seen: children };
  }

  override render(): ReactNode {
    const { reason } = this.state;
    if (reason === undefined) return this.props.children;
    return (
      <Note tone="attention" title="This part cannot be shown" role="alert">
        Something in it has a value that Tidemark does not understand ({reason}). What is protected stays protected.
      </Note>
    );
  }
}
