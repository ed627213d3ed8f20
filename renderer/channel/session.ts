// What this page holds beside its cookie where a browser shows it: a secret that only pages of the same origin can read.

const place = 'tidemark-secret';

/** The secret that was kept; undefined before anybody came in here, and where the browser keeps nothing. */
export function readSecret(): string | undefined {
  try {
    return localStorage.getItem(place) ?? undefined;
  } catch {
    // @NOTE Storage is forbidden here.
    return undefined;
  }
}

/** Keeps a secret for all pages of this origin; throws where the browser keeps nothing. */
export function keepSecret(secret: string): void {
  localStorage.setItem(place, secret);
}

/** The host is there and knows this page no more. False also where it does not answer. */
export async function isLockedOut(): Promise<boolean> {
  try {
    const { status } = await fetch('./session', { headers: { 'x-tidemark-secret': readSecret() ?? '' } });
    return status === 401;
  } catch {
    // @NOTE It is away, which is another matter.
    return false;
  }
}
