// Comes in to the headless host as its page does, without a page: a key for a cookie and a secret.
export interface Entered {
  readonly cookie: string;
  readonly secret: string;
  readonly origin: string;
  /** Headers of an upgrade to the contract's socket. */
  readonly headers: Readonly<Record<string, string>>;
  /** Its words of protocol. */
  readonly protocols: readonly string[];
}

/** Redeems the key of an address as it was printed. */
export async function enter(printed: string): Promise<Entered> {
  const { origin, hash } = new URL(printed);
  const key = new URLSearchParams(hash.slice(1)).get('token') ?? '';
  const answer = await fetch(`${origin}/session`, { method: 'POST', body: key, headers: { origin } });
  const secret = await answer.text();
  if (answer.status !== 200) throw new Error(`not let in: ${answer.status} ${secret}`);
  const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
  return { cookie, secret, origin, headers: { cookie, origin }, protocols: ['tidemark', secret] };
}
