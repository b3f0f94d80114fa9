/** Numbers as people read them. All return plain text; "–" for what is not known. */

type Maybe = number | null | undefined;

const NONE = "–";

/** A metric: three places, and for what is smaller than a hundredth the two figures that count. */
export function figure(value: Maybe): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  const size = Math.abs(value);
  if (size >= 1000) return value.toLocaleString("en", { maximumFractionDigits: 0 });
  if (size && size < 0.01) return String(Number(value.toPrecision(2))).replace("-", "−");
  return value.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : 3).replace("-", "−");
}

/** A difference: as `figure`, always with its sign. */
export const signed = (value: Maybe): string =>
  value !== null && value !== undefined && value > 0 ? `+${figure(value)}` : figure(value);

/** A whole number with commas. */
export const count = (value: Maybe): string =>
  value === null || value === undefined ? NONE : value.toLocaleString("en");

/** Requests per second. */
export function rate(value: Maybe): string {
  if (value === null || value === undefined) return NONE;
  return value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 1 : 0 });
}

/** Milliseconds. */
export function ms(value: Maybe): string {
  if (value === null || value === undefined) return NONE;
  return `${value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 1 : 0 })} ms`;
}

/** A share in percent: `12 %`. */
export const percent = (value: Maybe): string =>
  value === null || value === undefined ? NONE : `${figure(value * 100).replace(/\.?0+$/, "")} %`;

/** `1 day`, `3 days`. */
export const counted = (value: number, word: string, words = `${word}s`): string =>
  `${count(value)} ${value === 1 ? word : words}`;

/** A number in a column or a text. */
export function Figure({ value, as = figure, unit }: { value: Maybe; as?: (value: Maybe) => string; unit?: string }) {
  return (
    <span class="number">
      {as(value)}
      {unit && value !== null && value !== undefined && <span class="unit"> {unit}</span>}
    </span>
  );
}
