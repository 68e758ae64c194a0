// A chart of an answer, always with its intervals: bars for named groups, lines over time, points over numbers.

import { s } from "./dom";
import { compact, interval, number } from "./format";
import { text } from "./table";
import type { Answer, Column } from "./wire";

export type ChartKind = "bars" | "line" | "points";
export interface Choice { kind: ChartKind; x: number; y: number; series: number | null }
interface Mark { x: number | string; label: string; series: string; value: number; low: number; high: number }

const HEIGHT = 300;
const BARS_MAX = 60;
const SERIES_MAX = 6;

const isMeasured = (column: Column): boolean => column.kind === "noisy" || column.kind === "derived";
const isNumber = (column: Column): boolean => column.type === "integer" || column.type === "number";
const isTime = (column: Column): boolean => column.type === "date" || column.type === "timestamp";

export function axes(answer: Answer): { xs: number[]; ys: number[] } {
  const all = answer.columns.map((_, index) => index);
  const at = (index: number): Column => answer.columns[index] as Column;
  const ys = all.filter((index) => isNumber(at(index)) && isMeasured(at(index)));
  const publicNumbers = all.filter((index) => isNumber(at(index)) && at(index).kind === "public");
  const measures = ys.length ? ys : publicNumbers;
  return { xs: all.filter((index) => !measures.includes(index)), ys: measures };
}

export function suggest(answer: Answer): Choice | null {
  const { xs, ys } = axes(answer);
  const y = ys[0];
  if (y === undefined || xs.length === 0 || answer.rows.length < 2) return null;
  const time = xs.find((index) => isTime(answer.columns[index] as Column));
  const x = time ?? xs[0] as number;
  const series = xs.find((index) => index !== x) ?? null;
  return { x, y, series, kind: kindFor(answer, x) };
}

export function kindFor(answer: Answer, x: number): ChartKind {
  const column = answer.columns[x] as Column;
  return isTime(column) ? "line" : isNumber(column) ? "points" : "bars";
}

function marks(answer: Answer, choice: Choice, order: number[]): Mark[] {
  const column = answer.columns[choice.x] as Column;
  const out: Mark[] = [];
  for (const index of order) {
    const row = answer.rows[index] ?? [];
    const value = row[choice.y];
    if (typeof value !== "number") continue;
    const [low, high] = answer.intervals[index]?.[choice.y] ?? [value, value];
    if (!Number.isFinite(high - low)) continue;  // no interval can be drawn, and no number is drawn without one
    const raw = row[choice.x] ?? null;
    const place = choice.kind === "bars" ? text(raw, column.type) : isTime(column) ? Date.parse(String(raw)) : Number(raw);
    if (raw === null && choice.kind !== "bars" || typeof place === "number" && Number.isNaN(place)) continue;
    out.push({ x: place, label: text(raw, column.type), series: choice.series === null ? "" : text(row[choice.series] ?? null), value, low, high });
  }
  return out;
}

interface Colours { ink: string; muted: string; line: string; paper: string; series: string[] }

function colours(): Colours {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string): string => style.getPropertyValue(name).trim();
  return { ink: read("--ink"), muted: read("--muted"), line: read("--line"), paper: read("--field"), series: [1, 2, 3, 4, 5, 6].map((each) => read(`--series-${each}`)) };
}

export function draw(answer: Answer, choice: Choice, order: number[], width: number): { svg: SVGElement; note: string } {
  const all = marks(answer, choice, order);
  const names = [...new Set(all.map((mark) => mark.series))];
  const kept = names.slice(0, SERIES_MAX);
  let shown = all.filter((mark) => kept.includes(mark.series));
  const groups = [...new Set(shown.map((mark) => mark.x))];
  const notes: string[] = [];
  if (names.length > SERIES_MAX) notes.push(`the first ${SERIES_MAX} of ${names.length} series`);
  if (choice.kind === "bars" && groups.length > BARS_MAX) {
    const some = new Set(groups.slice(0, BARS_MAX));
    shown = shown.filter((mark) => some.has(mark.x));
    notes.push(`the first ${BARS_MAX} of ${groups.length} groups`);
  }
  if (shown.length === 0) {
    return { svg: s("svg", { width, height: 1, viewBox: `0 0 ${width} 1` }), note: `${answer.columns[choice.x]?.name ?? "This column"} has no numbers to draw ${choice.kind} over; bars can show it.` };
  }
  const palette = colours();
  const ends = shown.flatMap((mark) => [mark.low, mark.high, mark.value]);
  const zero = choice.kind === "bars" || Math.min(...ends) >= 0 && Math.min(...ends) < 0.5 * Math.max(...ends);
  const { ticks, low, high } = scale(Math.min(...ends, ...(zero ? [0] : [])), Math.max(...ends, ...(zero ? [0] : [])));
  const left = 14 + 7.2 * Math.max(...ticks.map((tick) => compact(tick).length));
  const box = { left, right: width - 14, top: kept.length > 1 ? 34 : 14, bottom: HEIGHT - 44 };
  const y = (value: number): number => box.bottom - ((value - low) / (high - low)) * (box.bottom - box.top);
  const svg = s("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "font-family": "Tacit, Inter, system-ui, sans-serif", "font-size": 12 });
  svg.append(s("title", null, `${answer.columns[choice.y]?.name ?? ""} by ${answer.columns[choice.x]?.name ?? ""}, with 95 % intervals`),
    s("rect", { width, height: HEIGHT, fill: palette.paper }));
  for (const tick of ticks) {
    svg.append(s("line", { x1: box.left, x2: box.right, y1: y(tick), y2: y(tick), stroke: palette.line, "stroke-width": tick === 0 ? 1.5 : 1 }),
      s("text", { x: box.left - 6, y: y(tick) + 4, "text-anchor": "end", fill: palette.muted }, compact(tick)));
  }
  const context: Context = { svg, shown, kept, palette, box, y, base: y(Math.max(low, Math.min(high, 0))) };
  if (choice.kind === "bars") bars(context);
  else curve(context, choice.kind, answer.columns[choice.x] as Column);
  if (kept.length > 1) legend(context);
  svg.append(s("text", { x: (box.left + box.right) / 2, y: HEIGHT - 6, "text-anchor": "middle", fill: palette.muted }, answer.columns[choice.x]?.name ?? ""));
  return { svg, note: notes.length ? `Shown: ${notes.join(", ")}.` : "" };
}

interface Context {
  svg: SVGElement;
  shown: Mark[];
  kept: string[];
  palette: Colours;
  box: { left: number; right: number; top: number; bottom: number };
  y: (value: number) => number;
  base: number;
}

function whisker(context: Context, x: number, mark: Mark, colour: string, arm: number): SVGElement {
  const [top, bottom] = [context.y(mark.high), context.y(mark.low)];
  return s("path", { d: `M${x} ${top}V${bottom}M${x - arm} ${top}H${x + arm}M${x - arm} ${bottom}H${x + arm}`, stroke: colour, "stroke-width": 1.5, fill: "none", class: "whisker" });
}

const hover = (mark: Mark): SVGElement =>
  s("title", null, `${mark.label}${mark.series ? ` · ${mark.series}` : ""}: ${number(mark.value)} (${interval(mark.value, mark.low, mark.high)})`);

function bars(context: Context): void {
  const { svg, shown, kept, palette, box, y, base } = context;
  const groups = [...new Set(shown.map((mark) => mark.x))];
  const step = (box.right - box.left) / Math.max(1, groups.length);
  const thick = Math.min(48, (step * 0.76) / kept.length);
  for (const mark of shown) {
    const series = kept.indexOf(mark.series);
    const middle = box.left + step * (groups.indexOf(mark.x) + 0.5) + thick * (series - (kept.length - 1) / 2);
    const top = Math.min(base, y(mark.value));
    svg.append(s("g", null, hover(mark),
      s("rect", { x: middle - thick * 0.46, y: top, width: thick * 0.92, height: Math.abs(base - y(mark.value)), fill: palette.series[series] ?? "", rx: 2 }),
      whisker(context, middle, mark, palette.ink, Math.min(5, thick * 0.3))));
  }
  const letters = Math.max(2, Math.floor(step / 7.5));
  const every = Math.max(1, Math.ceil(26 / step));
  groups.forEach((group, index) => {
    if (index % every) return;
    const full = String(group);
    const short = full.length > letters * every ? `${full.slice(0, Math.max(1, letters * every - 1))}…` : full;
    svg.append(s("text", { x: box.left + step * (index + 0.5), y: box.bottom + 17, "text-anchor": "middle", fill: palette.ink }, s("title", null, full), short));
  });
}

function curve(context: Context, kind: ChartKind, column: Column): void {
  const { svg, shown, kept, palette, box, y } = context;
  const places = shown.map((mark) => mark.x as number);
  const [first, last] = [Math.min(...places), Math.max(...places)];
  const x = (place: number): number => first === last ? (box.left + box.right) / 2 : box.left + 10 + ((place - first) / (last - first)) * (box.right - box.left - 20);
  kept.forEach((name, series) => {
    const own = shown.filter((mark) => mark.series === name).sort((a, b) => (a.x as number) - (b.x as number));
    const colour = palette.series[series] ?? palette.ink;
    const at = (mark: Mark, value: number): string => `${x(mark.x as number).toFixed(1)} ${y(value).toFixed(1)}`;
    if (kind === "line" && own.length > 1) {
      const band = [...own.map((mark) => at(mark, mark.high)), ...own.toReversed().map((mark) => at(mark, mark.low))];
      svg.append(s("path", { d: `M${band.join("L")}Z`, fill: colour, "fill-opacity": 0.18, class: "whisker" }),
        s("path", { d: `M${own.map((mark) => at(mark, mark.value)).join("L")}`, fill: "none", stroke: colour, "stroke-width": 2 }));
    }
    for (const mark of own) {
      const place = x(mark.x as number);
      svg.append(s("g", null, hover(mark), kind === "points" ? whisker(context, place, mark, colour, 3) : null,
        s("circle", { cx: place, cy: y(mark.value), r: own.length > 80 ? 1.5 : 3, fill: colour })));
    }
  });
  const count = Math.max(2, Math.min(8, Math.floor((box.right - box.left) / 90)));
  const stops = isTime(column) ? moments(first, last, count) : scale(first, last).ticks.filter((tick) => tick >= first && tick <= last).map((at) => ({ at, label: compact(at) }));
  for (const { at, label } of stops) {
    const middle = Math.min(x(at), box.right + 12 - label.length * 3.4);
    svg.append(s("line", { x1: x(at), x2: x(at), y1: box.bottom, y2: box.bottom + 4, stroke: palette.muted }),
      s("text", { x: middle, y: box.bottom + 17, "text-anchor": "middle", fill: palette.ink }, label));
  }
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MONTHS = [1, 2, 3, 6, 12, 24, 60, 120, 300, 600, 1200];
const SHORTER = [HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY];

// Ticks where a calendar has them, so that a label says exactly where it stands: at most `most`, in UTC as the answer is.
export function moments(first: number, last: number, most: number): { at: number; label: string }[] {
  const iso = (at: number): string => new Date(at).toISOString();
  if (first === last) return [{ at: first, label: iso(first).slice(0, 10) }];
  const months = (last - first) / (30 * DAY);
  const out: { at: number; label: string }[] = [];
  if (months >= 3) {
    const step = MONTHS.find((each) => months / each <= most) ?? 1200;
    const start = new Date(first);
    for (let month = Math.ceil((12 * start.getUTCFullYear() + start.getUTCMonth()) / step) * step; ; month += step) {
      const at = Date.UTC(Math.floor(month / 12), month % 12, 1);
      if (at > last) return out;
      if (at >= first) out.push({ at, label: iso(at).slice(0, step % 12 ? 7 : 4) });
    }
  }
  const step = SHORTER.find((each) => (last - first) / each <= most - 1) ?? 28 * DAY;
  const monday = step < 7 * DAY ? 0 : 4 * DAY;  // the epoch was a Thursday
  for (let at = Math.ceil((first - monday) / step) * step + monday; at <= last; at += step) out.push({ at, label: step < DAY ? iso(at).slice(5, 16).replace("T", " ") : iso(at).slice(0, 10) });
  return out;
}

function legend({ svg, kept, palette, box }: Context): void {
  let left = box.left;
  kept.forEach((name, series) => {
    const short = name.length > 18 ? `${name.slice(0, 17)}…` : name;
    svg.append(s("rect", { x: left, y: 10, width: 11, height: 11, rx: 2, fill: palette.series[series] ?? "" }), s("text", { x: left + 16, y: 20, fill: palette.ink }, short));
    left += 30 + short.length * 7.2;
  });
}

export function scale(from: number, to: number): { ticks: number[]; low: number; high: number } {
  const span = to - from || Math.abs(to) || 1;
  const rough = span / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((each) => each * power >= rough) ?? 10) * power;
  const low = from === 0 ? 0 : from - 0.03 * span;
  const high = Math.max(to + 0.03 * span, low + step);
  const first = Math.ceil(low / step);
  const ticks = Array.from({ length: Math.floor(high / step) - first + 1 }, (_, index) => (first + index) * step);
  return { ticks, low, high };
}
