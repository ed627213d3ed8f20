/* oxlint-disable typescript/no-unsafe-call, typescript/no-unsafe-return, typescript/no-unsafe-member-access -- what is no TypeScript has no types */
// DisposableStack and AsyncDisposableStack for a Node that has none, as far as the application uses them.
for (const isAsync of [false, true]) {
  const name = isAsync ? 'AsyncDisposableStack' : 'DisposableStack';
  if (globalThis[name] !== undefined) continue;
  const symbol = isAsync ? Symbol.asyncDispose : Symbol.dispose;
  const method = isAsync ? 'disposeAsync' : 'dispose';
  class Stack {
    #ends = [];
    disposed = false;
    use(value) {
      if (value !== null && value !== undefined) this.defer(() => (value[symbol] ?? value[Symbol.dispose]).call(value));
      return value;
    }
    adopt(value, onEnd) {
      this.defer(() => onEnd(value));
      return value;
    }
    defer(onEnd) {
      this.#ends.push(onEnd);
    }
    move() {
      const other = new Stack();
      for (const end of this.#ends.splice(0)) other.defer(end);
      this.disposed = true;
      return other;
    }
    [symbol]() {
      this.disposed = true;
      const ends = this.#ends.splice(0).reverse();
      if (!isAsync) for (const end of ends) end();
      else return ends.reduce(async (before, end) => void (await before, await end()), Promise.resolve());
    }
    [method]() {
      return this[symbol]();
    }
  }
  globalThis[name] = Stack;
}
