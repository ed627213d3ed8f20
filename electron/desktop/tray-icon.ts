// Draws the tray's icons: each state has a shape of its own, so that it can be told apart without colour.
// Pure: status, size and colour in, premultiplied BGRA pixels out (what nativeImage calls a bitmap).
import type { TrayStatus } from './tray-status.ts';

type Shape = (x: number, y: number) => boolean;

/** Colours that hold on light and dark bars alike. */
const colours: Readonly<Record<TrayStatus, readonly [red: number, green: number, blue: number]>> = {
  protected: [0x17, 0x9c, 0x74],
  working: [0x2a, 0x8f, 0xd1],
  attention: [0xd9, 0x8a, 0x12],
  problem: [0xd9, 0x54, 0x1e],
  paused: [0x7c, 0x8b, 0x98],
  empty: [0x7c, 0x8b, 0x98],
  disconnected: [0x7c, 0x8b, 0x98],
};

const disc: Shape = (x, y) => Math.hypot(x - 8, y - 8) <= 7.2;
const ring: Shape = (x, y) => disc(x, y) && Math.hypot(x - 8, y - 8) >= 5.2;

/** On a grid of 16 by 16. */
const shapes: Readonly<Record<TrayStatus, Shape>> = {
  /** A disc with a tick cut out. */
  protected: (x, y) => disc(x, y) && !onLine(x, y, [4.6, 8.3], [7, 10.7]) && !onLine(x, y, [7, 10.7], [11.6, 5.6]),
  /** A ring with a filled core. */
  working: (x, y) => ring(x, y) || Math.hypot(x - 8, y - 8) <= 3,
  /** A triangle with an exclamation mark cut out. */
  attention: (x, y) => inTriangle(x, y) && !onLine(x, y, [8, 6], [8, 9.4]) && Math.hypot(x - 8, y - 12.2) > 1.1,
  /** A square on its corner with a cross cut out. */
  problem: (x, y) =>
    Math.abs(x - 8) + Math.abs(y - 8) <= 8 && !onLine(x, y, [6, 6], [10, 10]) && !onLine(x, y, [10, 6], [6, 10]),
  /** Two bars. */
  paused: (x, y) => y >= 2 && y <= 14 && ((x >= 3 && x <= 6.6) || (x >= 9.4 && x <= 13)),
  /** A ring alone. */
  empty: ring,
  /** A ring with a stroke through it. */
  disconnected: (x, y) => ring(x, y) || (disc(x, y) && onLine(x, y, [4, 12], [12, 4])),
};

const samples = 4;

export interface TrayBitmap {
  readonly pixels: Buffer;
  readonly size: number;
}

/** The icon of a state, `size` pixels square. `isTemplate`: black, for systems that colour it themselves. */
export function drawTrayIcon(status: TrayStatus, size: number, isTemplate: boolean): TrayBitmap {
  const [red, green, blue] = isTemplate ? [0, 0, 0] : colours[status];
  const pixels = Buffer.alloc(size * size * 4);
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      const alpha = coverage(shapes[status], column, row, 16 / size);
      pixels.set([blue * alpha, green * alpha, red * alpha, 255 * alpha].map(Math.round), (row * size + column) * 4);
    }
  }
  return { pixels, size };
}

/** How much of a pixel lies inside, by regular samples. */
function coverage(shape: Shape, column: number, row: number, scale: number): number {
  let inside = 0;
  for (let i = 0; i < samples * samples; i += 1) {
    const x = (column + ((i % samples) + 0.5) / samples) * scale;
    const y = (row + (Math.floor(i / samples) + 0.5) / samples) * scale;
    if (shape(x, y)) inside += 1;
  }
  return inside / (samples * samples);
}

type Point = readonly [x: number, y: number];

/** Within a stroke of two units with round ends. */
function onLine(x: number, y: number, [fromX, fromY]: Point, [toX, toY]: Point): boolean {
  const [dx, dy] = [toX - fromX, toY - fromY];
  const along = ((x - fromX) * dx + (y - fromY) * dy) / (dx * dx + dy * dy);
  const at = Math.min(1, Math.max(0, along));
  return Math.hypot(x - fromX - at * dx, y - fromY - at * dy) <= 1;
}

function inTriangle(x: number, y: number): boolean {
  return y <= 14.6 && y >= 1.2 && Math.abs(x - 8) <= ((y - 1.2) / 13.4) * 7.8;
}
