// DisposableStack and AsyncDisposableStack for an old Node, as far as the application uses them. Loaded before anything of it.
type End = () => unknown;
type Disposable = Partial<Record<symbol, End>> | null | undefined;

class Stack {
  readonly ends: End[] = [];
  disposed = false;

  use<T>(value: T): T {
    const owned = value as Disposable;
    const end = owned?.[Symbol.asyncDispose] ?? owned?.[Symbol.dispose];
    if (end !== undefined) this.ends.push(() => end.call(owned));
    return value;
  }

  adopt<T>(value: T, onEnd: (adopted: T) => unknown): T {
    this.ends.push(() => onEnd(value));
    return value;
  }

  defer(onEnd: End): void {
    this.ends.push(onEnd);
  }

  /** Hands everything to a new stack. */
  handOver<T extends Stack>(other: T): T {
    other.ends.push(...this.ends.splice(0));
    this.disposed = true;
    return other;
  }

  last(): End[] {
    this.disposed = true;
    return this.ends.splice(0).reverse();
  }
}

class OldDisposableStack extends Stack {
  move(): OldDisposableStack {
    return this.handOver(new OldDisposableStack());
  }

  dispose(): void {
    for (const end of this.last()) end();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

class OldAsyncDisposableStack extends Stack {
  move(): OldAsyncDisposableStack {
    return this.handOver(new OldAsyncDisposableStack());
  }

  async disposeAsync(): Promise<void> {
    for (const end of this.last()) await end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disposeAsync();
  }
}

const globals = globalThis as Record<string, unknown>;
globals['DisposableStack'] ??= OldDisposableStack;
globals['AsyncDisposableStack'] ??= OldAsyncDisposableStack;
