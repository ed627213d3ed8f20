// `node --import register.ts main.js`: the specifier `electron` means the stand-in, in this process and for this run only.
import { registerHooks } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const standIn = new URL('./electron.ts', import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    if (specifier !== 'electron') return next(specifier, context);
    // Worker threads inherit the hook, and Electron gives them no such module.
    if (!isMainThread) throw new Error("require('electron') is not available in worker threads");
    return { url: standIn, shortCircuit: true };
  },
});

Object.defineProperty(process, 'versions', { value: { ...process.versions, electron: '45.4.1', chrome: '0.0.0.0' } });
if (isMainThread) Object.defineProperty(process, 'type', { value: 'browser' });
