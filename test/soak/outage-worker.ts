// The engine's thread of a storm of outages: looks at destinations many times as often as an ordinary one, and can be killed.
import { Engine } from '../../electron/engine/engine.ts';

const looks = { folderEveryMs: 250, bucketEveryMs: 250, stillMs: 30_000 };
const open = Engine.open.bind(Engine);
Engine.open = (options) => open({ ...options, limits: { ...options.limits, looks } });
await import('../support/mortal-worker.ts');
