// The page through which a browser comes in: redeems the key that stands behind the address's #, once, keeps what it gets for it,
// and goes on to the application.
import { keepSecret } from './channel/session.ts';

// Pasted into this very page, an address loads nothing anew.
window.addEventListener('hashchange', () => void redeem());
await redeem();

async function redeem(): Promise<void> {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token === null) return;
  // It opens nothing a second time; still it need not stay where it can be seen.
  history.replaceState(undefined, '', location.pathname);
  say(await enter(token));
}

/** Comes in; else says why not. */
async function enter(key: string): Promise<string> {
  try {
    const answer = await fetch('./session', { method: 'POST', body: key });
    if (!answer.ok) return await answer.text();
    keepSecret(await answer.text());
    location.replace('./');
    return 'Opening…';
  } catch {
    // @NOTE The host went away, or the browser keeps no data of pages.
    return 'This did not work: Tidemark does not answer, or this browser keeps no data of pages.';
  }
}

function say(sentence: string): void {
  const place = document.getElementById('said');
  if (place !== null) place.textContent = sentence;
}
