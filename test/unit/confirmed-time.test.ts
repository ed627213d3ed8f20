// What the time is at least: clocks that are wrong for a while, at every start, or for good; starts of the computer; damaged notes.
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../electron/engine/basics/clock.ts';
import { confirmTime } from '../../electron/engine/basics/confirmed-time.ts';
import { labels, wasAhead } from '../../electron/engine/protection/labels.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const yearMs = 365 * dayMs;
const start = Date.UTC(2026, 5, 1);

/** A computer with a clock that may be wrong, and the real time beside it. */
function computer() {
  const at = { real: start, wrong: 0, uptime: 0, boot: 'boot 1' };
  let kept: string | undefined;
  const clock = {
    ...systemClock,
    now: () => at.real + at.wrong,
    uptime: () => at.uptime,
    ticks: () => at.uptime,
  };
  const open = () => confirmTime({ clock, boot: at.boot, load: () => kept, save: (text) => (kept = text) });
  let time = open();
  return {
    clock,
    look: () => time.look(),
    /** How far the real time is ahead of what is confirmed. */
    lag: () => at.real - (time.look() ?? Number.NaN),
    run: (ms: number, everyMs = hourMs) => {
      for (let left = ms; left > 0; left -= everyMs) {
        const passed = Math.min(left, everyMs);
        at.real += passed;
        at.uptime += passed;
        time.look();
      }
    },
    set: (wrongMs: number) => {
      at.wrong = wrongMs;
      time.look();
    },
    restart: (offMs: number, wrongMs = at.wrong) => {
      Object.assign(at, { real: at.real + offMs, uptime: 0, boot: `${at.boot}.`, wrong: wrongMs });
      time = open();
      time.look();
    },
    forget: (text: string | undefined) => {
      kept = text;
      time = open();
    },
    get confirmed() {
      return { look: () => time.look() };
    },
  };
}

describe('the confirmed time', () => {
  test('is unknown for a day, and then that of a clock that went as time passed', () => {
    const desk = computer();
    desk.run(23 * hourMs);
    expect(desk.look()).toBeUndefined();
    desk.run(2 * hourMs);
    expect(desk.lag()).toBe(0);
    desk.run(30 * dayMs);
    expect(desk.lag()).toBe(0);
  });

  test.each([17 * yearMs, 2 * yearMs, yearMs, 8 * dayMs, 2 * hourMs, -hourMs, -3 * yearMs])(
    'is that of before and what passed, while the clock is wrong by %i ms',
    (wrongMs) => {
      const desk = computer();
      desk.run(2 * dayMs);
      desk.set(wrongMs);
      desk.run(20 * hourMs);
      expect(desk.lag()).toBe(0);
      desk.set(0);
      desk.run(3 * dayMs);
      expect(desk.lag()).toBe(0);
      // The same at each start of the computer, until the network tells the time.
      for (let day = 0; day < 40; day++) {
        desk.restart(2 * hourMs, wrongMs);
        desk.run(5 * minuteMs, minuteMs);
        desk.set(0);
        desk.run(8 * hourMs);
        expect(desk.lag()).toBeGreaterThanOrEqual(0);
        expect(desk.lag()).toBeLessThan(7 * dayMs);
      }
    },
  );

  test('follows a computer that is off most of the time, some days late', () => {
    const desk = computer();
    desk.run(2 * dayMs);
    for (let day = 0; day < 60; day++) {
      desk.restart(16 * hourMs);
      desk.run(8 * hourMs);
      expect(desk.lag()).toBeGreaterThanOrEqual(0);
    }
    expect(desk.lag()).toBeLessThan(7 * dayMs);
  });

  test('makes up for a long absence, but not at once', () => {
    const desk = computer();
    desk.run(2 * dayMs);
    desk.restart(30 * dayMs);
    desk.run(23 * hourMs);
    expect(desk.lag()).toBe(30 * dayMs);
    desk.run(10 * hourMs);
    expect(desk.lag()).toBeGreaterThan(10 * dayMs);
    desk.run(3 * dayMs);
    expect(desk.lag()).toBe(0);
  });

  test('never makes up for years in a day of a wrong clock', () => {
    const desk = computer();
    desk.run(2 * dayMs);
    desk.set(17 * yearMs);
    desk.run(25 * hourMs);
    expect(desk.lag()).toBeGreaterThan(-3 * dayMs);
    // Right again, it is believed against what was confirmed once it has been so for a day.
    desk.run(5 * dayMs);
    desk.set(0);
    desk.run(2 * dayMs);
    expect(desk.lag()).toBe(0);
  });

  test('is unknown again where its notes are lost or damaged', () => {
    const desk = computer();
    desk.run(2 * dayMs);
    for (const text of [undefined, '', '{}', '{"boot":1}', '{"boot":"x","uptime":null}']) {
      desk.forget(text);
      expect(desk.look()).toBeUndefined();
    }
  });
});

describe('labels', () => {
  const open = (desk: ReturnType<typeof computer>, startAt = 0) => {
    const told = { corrections: 0 };
    const { clock, confirmed } = desk;
    return { told, label: labels({ clock, confirmed, startAt, onCorrected: () => told.corrections++ }) };
  };

  test('never run backwards, and never lie before what is confirmed', () => {
    const desk = computer();
    desk.run(2 * dayMs);
    const { label, told } = open(desk);
    const before = label();
    desk.set(-3 * yearMs);
    desk.run(hourMs);
    expect(label() - before).toBe(hourMs);
    desk.set(-1000);
    expect(label() - before).toBeGreaterThanOrEqual(hourMs);
    desk.set(0);
    desk.run(hourMs);
    expect(label() - before).toBe(2 * hourMs);
    expect(told.corrections).toBe(0);
  });

  test('tell once that the clock was ahead', () => {
    const desk = computer();
    desk.run(2 * dayMs);
    const { label, told } = open(desk);
    desk.set(17 * yearMs);
    const wrong = label();
    expect(told.corrections).toBe(0);
    expect(wasAhead(wrong, desk)).toBe(false);
    desk.set(0);
    expect([label(), label()]).toEqual([wrong, wrong]);
    expect(told.corrections).toBe(1);
    expect(wasAhead(wrong, desk)).toBe(true);
  });

  test('go on from where they were where a clock is set by little', () => {
    const desk = computer();
    const { label, told } = open(desk, start + 30_000);
    expect(label()).toBe(start + 30_000);
    desk.run(minuteMs);
    expect(label()).toBe(start + minuteMs);
    expect(told.corrections).toBe(0);
  });
});
