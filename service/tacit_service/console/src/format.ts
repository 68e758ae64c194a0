// Numbers as people read them: amounts of ε, half-widths, and values whose meaningless digits are known.

export interface Digits { sure: string; unsure: string }

const plain = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0, useGrouping: true });

export function compact(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1e15 || size < 1e-4) return value.toExponential(1);
  if (size >= 100) return plain.format(Number(value.toPrecision(size >= 10_000 ? 3 : 4)));
  return String(Number(value.toPrecision(2)));
}

// An amount of privacy budget comes as an exact decimal string; it is shown to three digits and never computed with.
export function amount(text: string): string {
  const value = Number(text);
  if (value === 0) return "0";
  if (Math.abs(value) < 1e-4) return value.toExponential(1).replace(".0e", "e").replace("e-", "e−");
  const short = Number(value.toPrecision(3)).toString();
  return /^\d{1,3}(\.\d)?$/.test(short) ? value.toFixed(2) : short;
}

// A note of the service in the page's own words: measures by what they are, the API's names as the page calls them.
export function inWords(note: string, mechanisms: { measure: string }[]): string {
  const kinds = new Map(mechanisms.flatMap(({ measure }) => [...measure.matchAll(/\b(m\d+): ([^,]+)/g)].map(([, name, kind]) => [name ?? "", kind ?? ""] as const)));
  const said = note.replace(/\bm\d+\b/g, (name) => kinds.get(name) ?? name).replace(/\b([\w ]+) and \1\b/g, "$1").replace(/^bias_check: /, "").replace("membership tells", "the column “Belongs here” says");
  return /^[a-z]/.test(said) ? said.charAt(0).toUpperCase() + said.slice(1) : said;
}

const MEASURES: Record<string, string> = { count: "count of rows", sum: "sum", units: "count of units", distinct: "count of distinct values", histogram: "histogram", rank: "choice of a quantile's bin" };

// "m0: sum, m1: count" is "sum and count of rows".
export function measuresOf(measure: string): string {
  const kinds = [...measure.matchAll(/\bm\d+: ([^,]+)/g)].map(([, kind = ""]) => MEASURES[kind] ?? kind);
  return kinds.length ? [...new Set(kinds)].join(" and ") : MEASURES[measure] ?? measure;
}

// A share as people read it; never "100 %" of what is only nearly all.
export function percent(share: number): string {
  const whole = 100 * share;
  if (whole > 0 && whole < 1) return whole < 0.1 ? "< 0.1 %" : `${whole.toPrecision(1)} %`;
  if (whole > 99 && whole < 100) return "> 99 %";
  return `${Math.round(whole)} %`;
}

// The last digit that still means something is the leading digit of the half-width; what follows is noise.
export function digits(value: number, low: number, high: number): Digits {
  const half = (high - low) / 2;
  if (!(half > 0) || !Number.isFinite(half) || !Number.isFinite(value)) return { sure: number(value), unsure: "" };
  const place = Math.floor(Math.log10(half));
  if (Math.abs(value) < half && place > 0) return { sure: "", unsure: plain.format(Math.round(value)) };
  if (place <= 0) return { sure: fixed(value, Math.min(12, -place)), unsure: "" };
  const whole = plain.format(Math.round(value));
  let left = place;
  let cut = whole.length;
  while (left > 0 && cut > 0) {
    cut -= 1;
    if (/\d/.test(whole[cut] ?? "")) left -= 1;
  }
  if (cut > 0 && whole[cut - 1] === ",") cut -= 1;
  return { sure: whole.slice(0, cut), unsure: whole.slice(cut) };
}

function fixed(value: number, decimals: number): string {
  return new Intl.NumberFormat("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals }).format(value);
}

export function number(value: number): string {
  if (Number.isInteger(value)) return plain.format(value);
  return new Intl.NumberFormat("en-US", { maximumSignificantDigits: 8 }).format(value);
}

export function interval(value: number | null, low: number, high: number): string {
  const half = (high - low) / 2;
  if (half === 0) return "exact";
  if (!Number.isFinite(half)) return `${low === -Infinity ? "−∞" : compact(low)} – ${high === Infinity ? "∞" : compact(high)}`;
  if (value !== null && Math.abs(high - value - half) <= 0.05 * half) return `±${compact(half)}`;
  const place = Math.floor(Math.log10(half)) - 1;
  return `${rounded(low, place)} – ${rounded(high, place)}`;
}

function rounded(value: number, place: number): string {
  if (place <= 0) return fixed(value, Math.min(12, -place));
  const step = 10 ** place;
  return plain.format(Math.round(value / step) * step);
}

export function when(text: string): string {
  const moment = new Date(text);
  return Number.isNaN(moment.getTime()) ? text : moment.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}
