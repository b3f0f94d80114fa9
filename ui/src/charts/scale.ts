/** From values to pixels and back, and round numbers for an axis. */

export type Range = readonly [number, number];

export interface Scale {
  (value: number): number;
  invert(pixel: number): number;
  readonly domain: Range;
}

/** A straight scale; a domain without width maps to the middle. */
export function scale(domain: Range, range: Range): Scale {
  const [low, high] = domain;
  const [start, end] = range;
  const width = high - low;
  const to = (value: number) => (width ? start + ((value - low) / width) * (end - start) : (start + end) / 2);
  const invert = (pixel: number) => low + ((pixel - start) / (end - start || 1)) * width;
  return Object.assign(to, { invert, domain });
}

/** Smallest and largest of the numbers there are; null where there is none. */
export function extent(values: Iterable<number | null | undefined>): Range | null {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value === null || value === undefined || !Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : null;
}

/** The range with a share of its width more on both sides; some room even where it has no width. */
export function roomy([low, high]: Range, share = 0.08): Range {
  const room = (high - low) * share || Math.abs(high) * share || 1;
  return [low - room, high + room];
}

/** Round numbers within the range, about `count` of them. */
export function ticks([low, high]: Range, count = 4): number[] {
  const step = roundStep((high - low) / Math.max(count, 1));
  if (!(step > 0)) return [low];
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(last - first + 1, 0) }, (_, place) => trimmed((first + place) * step));
}

function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  const factor = [1, 2, 5, 10].find((one) => one * power >= least * (1 - 1e-9)) ?? 10;
  return factor * power;
}

function trimmed(value: number): number {
  return Number(value.toPrecision(12));
}

/** A number as short as it stays telling: three digits that count. */
export function short(value: number | null | undefined, digits = 3): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value !== 0 && (Math.abs(value) >= 1e6 || Math.abs(value) < 1e-4))
    return value.toExponential(1).replace("-", "−");
  return String(Number(value.toPrecision(digits))).replace("-", "−");
}

/** Keep `value` between both ends. */
export function within(value: number, [low, high]: Range): number {
  return Math.min(Math.max(value, low), high);
}
