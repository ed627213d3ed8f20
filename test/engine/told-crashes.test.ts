// Whatever an engine that dies had shipped and not written down, or the other way round: what is told of each destination
// afterwards is what lies there.
import { expect, test } from 'vitest';
import { CrashWorld } from '../support/told-crashes.ts';

const random = Number(process.env['TIDEMARK_SEED'] ?? Math.floor(Math.random() * 1e6));
const rounds = 10;

test.for([1010, random])(
  'what is told of two destinations lies there, however the engine dies: seed %i',
  async (seed) => {
    await using world = new CrashWorld(seed);
    for (let round = 0; round < rounds; round++) await world.live();
    const { near, far } = await world.judge();
    const story = [`seed ${seed}`, ...world.story].join('\n');
    expect([near.told, far.told], story).toEqual([near.there, far.there]);
    expect(near.there.length, story).toBeGreaterThan(0);
  },
);
