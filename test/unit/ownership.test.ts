// Who may write to a replica: two computers on one place, copies of a file and of a whole installation, taking over.
import fs from 'node:fs';
import os from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { claimNotes } from '../../electron/engine/destinations/claims.ts';
import { systemClock } from '../../electron/engine/basics/clock.ts';
import { Ownership } from '../../electron/engine/destinations/ownership.ts';
import { formatSnapshotKey } from '../../electron/engine/replica/keys.ts';
import { encodeWhole } from '../../electron/engine/replica/object.ts';
import { readRecord } from '../../electron/engine/replica/record.ts';
import { openFolderTarget } from '../../electron/engine/targets/folder.ts';
import type { Target } from '../../electron/engine/targets/target.ts';
import type { DatabaseId, TargetId } from '../../shared/ids.ts';
import type { NamedMoment } from '../../shared/named-points.ts';
import type { Generation } from '../../shared/position.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

const { signal } = new AbortController();
const [first, second, third] = ['1'.repeat(16), '2'.repeat(16), '3'.repeat(16)] as [Generation, Generation, Generation];
const hourMs = 3_600_000;
const goOn = { kind: 'go-on' };

let folder: TempFolder;
let now: number;
let ticks = 0;
let target: Target;

beforeEach(() => {
  folder = tempFolder();
  now = Date.UTC(2026, 0, 2, 3, 4, 5);
  fs.mkdirSync(folder.at('to'));
  target = openFolderTarget({ path: folder.at('to') });
});
afterEach(() => folder[Symbol.dispose]());

interface Who {
  readonly machine?: string;
  readonly path?: string;
  readonly databaseId?: string;
  /** The folder with the notes: another one is another installation, or a copy of one. */
  readonly notes?: string;
  readonly to?: Target;
  /** Where its names are kept. */
  readonly named?: NamedMoment[];
  /** Generations of which it put something there. */
  readonly own?: readonly Generation[];
  /** Told what was wrong with a record that was written anew. */
  readonly repaired?: string[];
}

/** One run of an installation. */
function owns({
  machine = 'desk',
  path = '/app/shop.db',
  databaseId = 'id-1',
  notes = machine,
  to = target,
  named = [],
  own = [],
  repaired = [],
}: Who = {}) {
  const ownership = new Ownership({
    owner: { databaseId: databaseId as DatabaseId, databasePath: path, machineId: machine, version: '1.0.0' },
    clock: { ...systemClock, now: () => now, ticks: () => ticks },
    notes: claimNotes(folder.at(notes), 'target-1' as TargetId),
    namedPoints: () => named,
    isOwnGeneration: (generation) => own.includes(generation),
    onRepaired: ({ details }) => repaired.push(String(details['reason'])),
    onNamedPoints: (found) => named.push(...found.filter(({ name }) => named.every((one) => one.name !== name))),
  });
  return {
    look: async (generation = first) => await ownership.look({ target: to, pageSize: 4096, generation }, { signal }),
    hold: async (isSnapshot = false) => await ownership.hold({ ...(isSnapshot && { before: 'snapshot' }), signal }),
    tellNames: async () => await ownership.tellNames({ signal }),
    takeOver: (from?: Generation) => ownership.takeOver(from),
    sequenceOf: (generation: Generation) => ownership.sequenceOf(generation),
  };
}

function namedOf(name: string, offset: number): NamedMoment {
  return { name, position: { generation: first, index: 3, offset }, at: 1000, namedAt: 2000 };
}

async function putImage(generation: Generation, sequence: number | undefined): Promise<void> {
  const fields = {
    pages: 1,
    pageSize: 512,
    ...(sequence !== undefined && { sequence }),
    by: { tidemark: '1', sqlite: '3' },
  };
  const object = await encodeWhole(new Uint8Array(512), fields);
  await target.put(formatSnapshotKey(generation, 0), object, { signal });
}

const record = async () => await readRecord(target, { signal });
const lost = (over: object = {}) => ({
  code: 'target-owned-by-other',
  details: expect.objectContaining(over) as object,
});

describe('a place', () => {
  const own = owns;

  test('is claimed by the first look, and by each run that puts something', async () => {
    const run = own();
    expect(await run.look()).toEqual(goOn);
    const made = await record();
    expect(made).toEqual({
      v: 1,
      database: 'shop.db',
      databaseId: 'id-1',
      path: '/app/shop.db',
      machine: { name: os.hostname(), id: 'desk' },
      pageSize: 4096,
      createdAt: now,
      by: '1.0.0',
      encryption: 'none',
      claim: expect.any(String) as string,
      claimedAt: now,
      latest: { generation: first, sequence: 1 },
    });
    await run.hold();
    expect(await record()).toEqual(made);

    now += hourMs;
    const next = own();
    expect(await next.look()).toEqual(goOn);
    expect(await record()).toEqual(made);
    await next.hold();
    const renewed = await record();
    expect(renewed).toEqual({ ...made, claim: expect.any(String) as string });
    expect(renewed?.claim).not.toBe(made?.claim);
  });

  test.each<[string, Who]>([
    ['another computer', { machine: 'laptop' }],
    ['a copy of the file under another path', { path: '/elsewhere/shop.db', databaseId: 'id-2' }],
  ])('stays with its owner, against %s', async (_what, other) => {
    await own().look();
    const before = fs.readFileSync(folder.at('to', 'tidemark.json'), 'utf8');
    const late = own(other);
    await expect(late.look()).rejects.toMatchObject(
      lost({ databasePath: '/app/shop.db', machine: os.hostname(), since: '2026-01-02 03:04:05 UTC' }),
    );
    expect(fs.readFileSync(folder.at('to', 'tidemark.json'), 'utf8')).toBe(before);
    expect(await own().look()).toEqual(goOn);
  });

  test.each<[string, Who]>([
    ['a new row for the same path', { databaseId: 'id-2', notes: 'fresh' }],
    ['the same database at another path', { path: '/moved/shop.db' }],
  ])('is gone on with by %s', async (_what, same) => {
    await own().look();
    const run = own(same);
    expect(await run.look()).toEqual(goOn);
    await run.hold();
    expect(await record()).toMatchObject({ path: same.path ?? '/app/shop.db', databaseId: same.databaseId ?? 'id-1' });
  });

  test('is taken over deliberately, for a new generation, and the former owner is told', async () => {
    const desk = own();
    await desk.look();
    await desk.hold();
    const laptop = own({ machine: 'laptop' });
    await expect(laptop.look(second)).rejects.toMatchObject(lost());

    now += hourMs / 2;
    expect(laptop.takeOver(second)).toBe(`This computer took over from ${os.hostname()}`);
    // Nothing changes there before the new generation is begun.
    expect(await laptop.look(second)).toMatchObject({ kind: 'start-over' });
    expect(await record()).toMatchObject({ machine: { id: 'desk' } });
    expect(await laptop.look(third)).toEqual(goOn);
    await laptop.hold();
    expect(await record()).toMatchObject({ machine: { id: 'laptop' }, claimedAt: now });

    // The former owner goes on until it looks: with a snapshot, or within an hour.
    await desk.hold();
    await expect(desk.hold(true)).rejects.toMatchObject(lost({ since: '2026-01-02 03:34:05 UTC' }));
    await expect(desk.look()).rejects.toMatchObject(lost());
    await expect(own().look()).rejects.toMatchObject(lost());
  });

  test('is looked at once an hour while something is shipped', async () => {
    const desk = own();
    await desk.look();
    await desk.hold();
    const laptop = own({ machine: 'laptop' });
    await laptop.look().catch(() => {});
    laptop.takeOver(second);
    await laptop.look(third);
    now += hourMs - 1;
    await desk.hold();
    now += 1;
    await expect(desk.hold()).rejects.toMatchObject(lost());
  });

  test('whose record is gone may have been emptied whole: what lies there is looked at anew, and it goes on', async () => {
    const desk = own();
    await desk.look();
    await desk.hold();
    fs.rmSync(folder.at('to', 'tidemark.json'));
    await desk.hold();
    now += hourMs;
    await expect(desk.hold()).rejects.toMatchObject({ code: 'object-changed' });
    expect(await desk.look()).toEqual(goOn);
    await desk.hold();
    expect(fs.existsSync(folder.at('to', 'tidemark.json'))).toBe(true);
  });

  test('is looked at, and asked for again, as often when the system’s clock is set back', async () => {
    const desk = own();
    await desk.look();
    await desk.hold();
    const laptop = own({ machine: 'laptop' });
    await expect(laptop.look()).rejects.toMatchObject(lost());
    now -= 10 * hourMs;
    fs.rmSync(folder.at('to', 'tidemark.json'));
    ticks += 5 * 60_000;
    expect(await laptop.look()).toEqual(goOn);
    ticks += hourMs;
    await expect(desk.hold()).rejects.toMatchObject(lost());
  });

  test('which was given back is gone on with, minutes later', async () => {
    const desk = own();
    await desk.look();
    const laptop = own({ machine: 'laptop' });
    await expect(laptop.look()).rejects.toMatchObject(lost());
    fs.rmSync(folder.at('to', 'tidemark.json'));
    await expect(laptop.look()).rejects.toMatchObject(lost());
    now += 5 * 60_000;
    expect(await laptop.look()).toEqual(goOn);
  });
});

describe('a copy of a whole installation', () => {
  test('does not go on with the same generation, and both are told', async () => {
    const desk = owns();
    await desk.look();
    await desk.hold();
    fs.cpSync(folder.at('desk'), folder.at('copy'), { recursive: true });
    // The original goes on in a new run; the copy knows nothing of its claim.
    const again = owns();
    await again.look();
    await again.hold();
    const copy = owns({ notes: 'copy' });
    expect(await copy.look(first)).toMatchObject({
      kind: 'start-over',
      reason: expect.stringContaining('A copy') as string,
    });
    expect(await copy.look(first)).toMatchObject({ kind: 'start-over' });
    expect(await copy.look(second)).toEqual(goOn);
    await copy.hold();
    await expect(again.hold(true)).resolves.toBeUndefined();
    now += hourMs;
    await expect(again.hold()).rejects.toMatchObject(lost());
    now += hourMs;
    await copy.hold();
  });

  test('made while the original runs is noticed by the original', async () => {
    const desk = owns();
    await desk.look();
    await desk.hold();
    fs.cpSync(folder.at('desk'), folder.at('copy'), { recursive: true });
    const copy = owns({ notes: 'copy' });
    expect(await copy.look()).toEqual(goOn);
    await copy.hold();
    now += hourMs;
    await expect(desk.hold()).rejects.toMatchObject(lost());
    expect(desk.takeOver(first)).toBe('It took over the place of another history');
    expect(await desk.look(second)).toEqual(goOn);
    await expect(copy.hold(true)).rejects.toMatchObject(lost());
  });
});

describe('named points', () => {
  const one = namedOf('one', 4152);

  test('are in the record of who has the place, and out of it again, under one claim', async () => {
    const named: NamedMoment[] = [];
    const run = owns({ named });
    await run.look();
    await run.hold();
    const before = await record();
    const written = () => fs.statSync(folder.at('to', 'tidemark.json')).ino;
    const at = written();
    await run.tellNames();
    expect(written()).toBe(at);

    named.push(one);
    await run.tellNames();
    const { position, ...rest } = one;
    expect(await record()).toEqual({ ...before, named: [{ ...rest, ...position }] });
    named.pop();
    await run.tellNames();
    expect(await record()).toEqual(before);
  });

  test('claim the place where nothing was put yet, and count as written by this run', async () => {
    const run = owns({ named: [one] });
    await owns().look();
    const { claim } = (await record()) ?? {};
    await run.look();
    await run.tellNames();
    const renewed = await record();
    expect(renewed?.named).toHaveLength(1);
    expect(renewed?.claim).not.toBe(claim);
    await run.hold();
    expect(await record()).toEqual(renewed);
  });

  test('are never written over the record of another owner', async () => {
    const named: NamedMoment[] = [];
    const run = owns({ named });
    await run.look();
    await run.hold();
    const laptop = owns({ machine: 'laptop' });
    await laptop.look().catch(() => {});
    laptop.takeOver(second);
    await laptop.look(third);
    const theirs = await record();
    named.push(one);
    await expect(run.tellNames()).rejects.toMatchObject(lost());
    expect(await record()).toEqual(theirs);
    // Nor later, and without another question.
    await expect(run.tellNames()).rejects.toMatchObject(lost());
  });

  test('stay when another computer takes the place over, and are not heard of again once it removed them', async () => {
    await owns({ named: [one] }).look();
    const named = [namedOf('two', 8272)];
    const laptop = owns({ machine: 'laptop', named });
    await laptop.look().catch(() => {});
    laptop.takeOver(first);
    await laptop.look(second);
    await laptop.hold();
    expect(named.map(({ name }) => name)).toEqual(['two', 'one']);
    expect((await record())?.named?.map(({ name }) => name)).toEqual(['two', 'one']);

    named.pop();
    await laptop.tellNames();
    now += hourMs;
    await laptop.hold();
    await owns({ machine: 'laptop', named }).look(second);
    expect(named.map(({ name }) => name)).toEqual(['two']);
  });

  test('are told where claiming and telling come at once', async () => {
    const run = owns({ named: [one] });
    await owns().look();
    await run.look();
    await Promise.all([run.hold(), run.tellNames(), run.hold(true), run.tellNames()]);
    expect((await record())?.named).toHaveLength(1);
    now += hourMs;
    await expect(run.hold(true)).resolves.toBeUndefined();
  });
});

describe('a claim', () => {
  test('is known again after a crash between noting and writing it', async () => {
    const broken: Target = {
      ...target,
      put: async (...put) => {
        await target.put(...put);
        throw new Error('killed');
      },
    };
    await expect(owns({ to: broken }).look()).rejects.toThrow('killed');
    expect(await owns().look()).toEqual(goOn);
    // And where the note was written, and the record was not.
    const deaf: Target = { ...target, put: () => Promise.reject(new Error('killed')) };
    const run = owns({ to: deaf });
    await run.look();
    await expect(run.hold()).rejects.toThrow('killed');
    expect(await owns().look()).toEqual(goOn);
  });

  test('is added to a record of an earlier version', async () => {
    await owns().look();
    const { claim: _claim, claimedAt: _at, ...older } = (await record()) ?? {};
    fs.writeFileSync(folder.at('to', 'tidemark.json'), JSON.stringify(older));
    const run = owns({ notes: 'fresh' });
    expect(await run.look()).toEqual(goOn);
    await run.hold();
    expect(await record()).toMatchObject({ claim: expect.any(String) as string });
  });
});

describe('the order of generations', () => {
  test('is that in which they were begun, by whomever and whatever clocks say', async () => {
    const desk = owns();
    await desk.look();
    await desk.hold();
    expect(desk.sequenceOf(first)).toBe(1);
    expect(desk.sequenceOf(second)).toBeUndefined();
    // Another one of the same run, and the same one in the next.
    await desk.look(second);
    expect(desk.sequenceOf(second)).toBe(2);
    const next = owns();
    await next.look(second);
    expect(next.sequenceOf(second)).toBe(2);

    now -= hourMs;
    const laptop = owns({ machine: 'laptop' });
    await expect(laptop.look(third)).rejects.toMatchObject(lost());
    laptop.takeOver(second);
    await laptop.look(third);
    await laptop.hold();
    expect(laptop.sequenceOf(third)).toBe(3);
    expect(await record()).toMatchObject({ latest: { generation: third, sequence: 3 } });
  });

  test('is learned from what lies there where the record does not tell it', async () => {
    await putImage(first, 7);
    await putImage(second, 5);
    await target.put(formatSnapshotKey(second, 1), new Uint8Array(10), { signal });
    const anew = owns();
    await anew.look(third);
    expect(anew.sequenceOf(third)).toBe(8);
    fs.rmSync(folder.at('to', 'tidemark.json'));
    const again = owns();
    await again.look(first);
    expect(again.sequenceOf(first)).toBe(7);
  });
});

describe('a record that cannot be understood', () => {
  const file = () => folder.at('to', 'tidemark.json');
  const damages: readonly (readonly [string, (json: string) => string])[] = [
    ['is empty', () => ''],
    ['was cut', (json) => json.slice(0, json.length / 2)],
    ['is garbage', () => '\u0000\u0001'.repeat(300)],
    ['is another thing', () => '{"name":"tidemark"}'],
    ['has a field that is none', (json) => json.replace('4096', '4095')],
    ['is longer than any', (json) => json + ' '.repeat(2_000_000)],
  ];
  const harm = (how: (json: string) => string) => fs.writeFileSync(file(), how(fs.readFileSync(file(), 'utf8')));

  describe.each(damages)('and %s', (_what, how) => {
    test('is written anew where all that lies there is ours', async () => {
      const [named, repaired]: [NamedMoment[], string[]] = [[namedOf('one', 0)], []];
      const run = owns({ named });
      await run.look();
      await run.hold();
      await putImage(first, 1);
      harm(how);
      const next = owns({ named, own: [first], repaired });
      expect(await next.look(second)).toEqual(goOn);
      await next.hold();
      expect(await record()).toMatchObject({ databaseId: 'id-1', machine: { id: 'desk' }, named: [{ name: 'one' }] });
      expect(next.sequenceOf(second)).toBe(2);
      expect(repaired).toHaveLength(1);
    });

    test('is written anew by the run that holds the place', async () => {
      const repaired: string[] = [];
      const named: NamedMoment[] = [];
      const run = owns({ named, repaired });
      await run.look();
      await run.hold();
      await putImage(first, 1);
      harm(how);
      await run.hold(true);
      now += hourMs;
      ticks += hourMs;
      await run.hold(true);
      harm(how);
      named.push(namedOf('one', 0));
      await run.tellNames();
      expect(await record()).toMatchObject({ databaseId: 'id-1', named: [{ name: 'one' }] });
      expect(repaired).toHaveLength(2);
    });

    test('is left where another one may have gone on there, until somebody decides', async () => {
      await owns({ machine: 'laptop' }).look(second);
      await putImage(first, 1);
      await putImage(second, 2);
      harm(how);
      const before = fs.readFileSync(file());
      const run = owns({ own: [first] });
      await expect(run.look(first)).rejects.toMatchObject({ code: 'record-damaged' });
      expect(fs.readFileSync(file()).equals(before)).toBe(true);
      run.takeOver(first);
      expect(await run.look(third)).toEqual(goOn);
      expect(run.sequenceOf(third)).toBe(3);
      expect(await record()).toMatchObject({ machine: { id: 'desk' } });
    });
  });

  test('is ours where what others put there came before, and not where nothing tells that', async () => {
    await putImage(first, 1);
    await putImage(second, 2);
    fs.writeFileSync(file(), '{');
    expect(await owns({ own: [second] }).look(third)).toEqual(goOn);
    await putImage(third, undefined);
    fs.writeFileSync(file(), '{');
    await expect(owns({ own: [second] }).look(second)).rejects.toMatchObject({ code: 'record-damaged' });
  });

  test('is nobody’s where nothing else lies there', async () => {
    fs.writeFileSync(file(), '');
    expect(await owns().look()).toEqual(goOn);
    expect(await record()).toMatchObject({ databaseId: 'id-1' });
  });

  test('is left to the newer version that wrote it', async () => {
    fs.writeFileSync(file(), '{"v":2,"place":"elsewhere"}');
    await expect(owns().look()).rejects.toMatchObject({ code: 'record-newer' });
    expect(fs.readFileSync(file(), 'utf8')).toBe('{"v":2,"place":"elsewhere"}');
  });
});
