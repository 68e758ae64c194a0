// The answer as a table: the interval beside each number, digits that mean nothing greyed, sorted and filtered here, for free.

import { button, fill, h } from "./dom";
import { digits, interval, number, percent } from "./format";
import { meter } from "./ui";
import type { Answer, Cell } from "./wire";

const ROWS_SHOWN = 500;

export interface View { order: number[]; changed?: () => void }

export function table(answer: Answer, view: View): HTMLElement {
  let sorted: { column: number; down: boolean } | null = null;
  let shown = ROWS_SHOWN;
  const filter = h("input", { type: "search", placeholder: "Filter rows", "aria-label": "Filter rows", oninput: () => draw() });
  const count = h("span", { class: "muted" });
  const head = h("tr");
  const body = h("tbody");
  const more = button("Show more rows", () => { shown += ROWS_SHOWN; draw(); }, { class: "quiet" });

  const draw = (): void => {
    const wanted = filter.value.trim().toLowerCase();
    view.order = answer.rows.map((_, index) => index).filter((index) =>
      !wanted || (answer.rows[index] ?? []).some((cell) => String(cell ?? "null").toLowerCase().includes(wanted)));
    if (sorted) {
      const { column, down } = sorted;
      view.order.sort((a, b) => compare(answer.rows[a]?.[column] ?? null, answer.rows[b]?.[column] ?? null) * (down ? -1 : 1));
    }
    fill(head, answer.columns.map((column, index) => {
      const state = sorted?.column === index ? (sorted.down ? "descending" : "ascending") : "none";
      const arrow = state === "none" ? "" : state === "ascending" ? " ↑" : " ↓";
      return h("th", { scope: "col", "aria-sort": state, class: measured(column.kind) ? "number measured" : column.type === "integer" || column.type === "number" ? "number" : null },
        button([column.name, arrow], () => { sorted = { column: index, down: state === "ascending" }; draw(); }, { class: "sort", title: `${column.type}, ${KINDS[column.kind]}` }));
    }), answer.membership ? h("th", { scope: "col", class: "number sureness" }, "Belongs here") : null);
    fill(body, view.order.slice(0, shown).map((index) => h("tr", null, answer.columns.map((column, place) =>
      cell(answer.rows[index]?.[place] ?? null, answer.intervals[index]?.[place] ?? null, column.type)), belongs(answer.membership?.[index]))));
    const whole = answer.rows.length;
    count.textContent = view.order.length === whole ? `${whole} ${whole === 1 ? "row" : "rows"}` : `${view.order.length} of ${whole} rows`;
    more.hidden = view.order.length <= shown;
    view.changed?.();
  };
  draw();
  return h("div", null,
    answer.rows.length > 8 ? h("div", { class: "bar" }, filter, count) : h("div", { class: "bar" }, count),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Rows" }, h("table", { class: "answer" }, h("thead", null, head), body)), more,
    answer.membership ? h("p", { class: "help" }, BELONGS) : null);
}

const BELONGS = "Belongs here: noisy numbers decided which rows are shown, or in which order. In so many re-draws of the noise the row is shown, or keeps its place; a low share means that another row might as well stand here.";

// How sure it is that the row is shown at all: a bar for the eye, the share for the rest.
function belongs(share: number | undefined): HTMLElement | null {
  if (share === undefined) return null;
  const tone = share < 0.5 ? "bad" : share < 0.8 ? "warn" : "good";
  return h("td", { class: "number sureness" }, h("span", { class: "bar tight" }, meter(share, `belongs here: ${percent(share)}`, tone), h("span", { class: "share" }, percent(share))));
}

const KINDS = { key: "a group key", noisy: "measured with noise", derived: "computed from measured numbers", public: "public and exact" };
const measured = (kind: string): boolean => kind === "noisy" || kind === "derived";

function compare(a: Cell, b: Cell): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

function cell(value: Cell, ends: [number, number] | null, type: string): HTMLElement {
  if (ends) {
    const [low, high] = ends;
    const title = `95 % interval: ${number(low)} to ${number(high)}`;
    if (typeof value !== "number") return h("td", { class: "number", title }, text(value), h("span", { class: "interval" }, interval(null, low, high)));
    const shown = digits(value, low, high);
    return h("td", { class: "number", title: `${value}; ${title}` },
      h("span", { class: "value" }, shown.sure, shown.unsure ? h("span", { class: "unsure" }, shown.unsure) : null),
      h("span", { class: "interval" }, interval(value, low, high)));
  }
  if (typeof value === "number") return h("td", { class: "number" }, type === "integer" || type === "number" ? number(value) : String(value));
  return h("td", { class: value === null ? "null" : null }, text(value, type));
}

export function text(value: Cell, type = ""): string {
  if (value === null) return "null";
  if (type === "timestamp") return String(value).replace("T", " ").replace(/ 00:00:00(\.0+)?$/, "");
  return String(value);
}
