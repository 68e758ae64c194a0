// Small drawings of the console's own numbers: lines (ε and loss of a run) and columns (spending by day).

import { s } from "./dom";
import { compact } from "./format";
import { scale } from "./chart";

export interface Line { name: string; points: [number, number][]; colour: number }

const HEIGHT = 180;

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Redrawn with its box's width and when the theme changes.
export function plot(draw: (width: number) => SVGElement): HTMLElement {
  const box = document.createElement("div");
  box.className = "plot";
  let width = 0;
  const redraw = (): void => {
    if (width > 0) box.replaceChildren(draw(width));
  };
  new ResizeObserver(() => {
    const now = Math.round(box.clientWidth);
    if (now !== width) { width = now; redraw(); }
  }).observe(box);
  document.addEventListener("tacit:theme", redraw);
  return box;
}

interface Frame { svg: SVGElement; x: (value: number) => number; y: (value: number) => number; bottom: number }

function frame(width: number, title: string, xs: [number, number], ys: [number, number], across: string): Frame {
  const { ticks, low, high } = scale(Math.min(0, ys[0]), ys[1] || 1);
  const [left, right, top, bottom] = [16 + 7.2 * Math.max(...ticks.map((tick) => compact(tick).length)), width - 10, 10, HEIGHT - 34];
  const x = (value: number): number => left + ((value - xs[0]) / (xs[1] - xs[0] || 1)) * (right - left);
  const y = (value: number): number => bottom - ((value - low) / (high - low)) * (bottom - top);
  const svg = s("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "font-size": 11.5 }, s("title", null, title));
  for (const tick of ticks) {
    svg.append(s("line", { x1: left, x2: right, y1: y(tick), y2: y(tick), stroke: colour("--line") }),
      s("text", { x: left - 6, y: y(tick) + 4, "text-anchor": "end", fill: colour("--muted") }, compact(tick)));
  }
  svg.append(s("text", { x: (left + right) / 2, y: HEIGHT - 2, "text-anchor": "middle", fill: colour("--muted") }, across));
  return { svg, x, y, bottom };
}

export function lines(width: number, title: string, across: string, all: Line[]): SVGElement {
  const points = all.flatMap((line) => line.points);
  const ends = (values: number[]): [number, number] => [Math.min(...values), Math.max(...values)];
  const xs = ends(points.map(([x]) => x));
  const { svg, x, y, bottom } = frame(width, title, xs, ends(points.map(([, y]) => y)), across);
  for (const line of all) {
    const stroke = colour(`--series-${line.colour}`);
    svg.append(s("path", { d: `M${line.points.map(([a, b]) => `${x(a).toFixed(1)} ${y(b).toFixed(1)}`).join("L")}`, fill: "none", stroke, "stroke-width": 2, class: "curve" }));
    const last = line.points.at(-1);
    if (last) svg.append(s("circle", { cx: x(last[0]), cy: y(last[1]), r: 3.5, fill: stroke }, s("title", null, `${line.name}: ${compact(last[1])}`)));
  }
  for (const stop of scale(xs[0], xs[1]).ticks.filter((tick) => tick >= xs[0] && tick <= xs[1])) {
    svg.append(s("text", { x: x(stop), y: bottom + 16, "text-anchor": "middle", fill: colour("--muted") }, compact(stop)));
  }
  return svg;
}

export function columns(width: number, title: string, bars: { label: string; value: number; said: string }[]): SVGElement {
  const { svg, x, y, bottom } = frame(width, title, [0, bars.length], [0, Math.max(...bars.map((bar) => bar.value))], "");
  const step = x(1) - x(0);
  const thick = Math.min(44, step * 0.7);
  bars.forEach((bar, place) => {
    const middle = x(place + 0.5);
    svg.append(s("rect", { x: middle - thick / 2, y: y(bar.value), width: thick, height: Math.max(0, bottom - y(bar.value)), rx: 2, fill: colour("--series-1"), class: "column" }, s("title", null, bar.said)));
    if (place % Math.max(1, Math.ceil(64 / step)) === 0) svg.append(s("text", { x: middle, y: bottom + 16, "text-anchor": "middle", fill: colour("--muted") }, bar.label));
  });
  return svg;
}
