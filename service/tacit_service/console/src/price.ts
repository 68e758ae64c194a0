// The price, before it is paid: one line while typing, a slider that trades ε against ±, and caps for those who want them.

import { append, fill, h, type Child } from "./dom";
import { amount, compact, inWords, percent } from "./format";
import type { DatasetFacts, Problem, QueryRequest, Quote, QuotedColumn } from "./wire";

const STEPS = 200;
const COLUMNS_SHOWN = 3;
export const LARGE_SHARE = 0.1;
const SHARE_SAID = 0.05;

export interface Wish { epsilon: string; max_rows: string; max_groups: string; max_amount: string; bias_check: boolean; approx_bounds: boolean; fresh: boolean }
const SWITCHES = ["bias_check", "approx_bounds", "fresh"] as const;
export const noWish = (): Wish => ({ epsilon: "", max_rows: "", max_groups: "", max_amount: "", bias_check: false, approx_bounds: false, fresh: false });

export function request(dataset: string, sql: string, wish: Wish): QueryRequest {
  const body: QueryRequest = { dataset, sql };
  if (wish.epsilon) body.epsilon = wish.epsilon;
  if (wish.max_rows) body.max_rows = asNumber(wish.max_rows);
  if (wish.max_groups) body.max_groups = asNumber(wish.max_groups);
  if (wish.max_amount) body.max_amount = asNumber(wish.max_amount);
  for (const name of SWITCHES) if (wish[name]) body[name] = true;
  return body;
}

// What is no number goes out as it was written, so that the service refuses it: a default must never stand in for a typing error.
const asNumber = (text: string): number | string => Number.isFinite(Number(text)) ? Number(text) : text;

// The column whose ± the slider speaks of: the first with a half-width that is known beforehand.
export function target(quote: Quote | null): QuotedColumn | null {
  return quote?.columns.find((column) => column.plus_minus !== null && column.plus_minus > 0) ?? null;
}

export const isFree = (quote: Quote): boolean => quote.held || Number(quote.price.epsilon) === 0 && Number(quote.price.delta) === 0;

export function share(quote: Quote): number {
  return isFree(quote) ? 0 : quote.share ?? 1;
}

export class PriceBar {
  readonly element: HTMLElement;
  private readonly said = h("span");
  private readonly line = h("div", { class: "price-line", role: "status", "aria-live": "polite" }, this.said);
  private readonly slider = h("input", { type: "range", min: 0, max: STEPS, step: 1, "aria-label": "Privacy loss ε against accuracy", oninput: () => this.slid() });
  private readonly epsilon = h("input", { type: "text", inputmode: "decimal", size: 6, oninput: () => this.typed() });
  private readonly accuracy = h("input", { type: "text", inputmode: "decimal", size: 7, onchange: () => this.asked() });
  private readonly accuracyName = h("span", null, "±");
  private readonly caps: Record<"max_rows" | "max_groups" | "max_amount", HTMLInputElement>;
  private readonly switches: Record<(typeof SWITCHES)[number], HTMLInputElement>;
  private quote: Quote | null = null;
  private wish: Wish = noWish();

  constructor(private readonly facts: DatasetFacts, private readonly changed: () => void, private readonly byAccuracy: (plusMinus: number) => void) {
    const cap = (name: "max_rows" | "max_groups" | "max_amount", placeholder: string): HTMLInputElement => {
      const input = h("input", { type: "text", inputmode: "decimal", size: 6, placeholder, oninput: () => {
        this.wish[name] = input.value.trim();
        this.changed();
      } });
      return input;
    };
    this.caps = { max_rows: cap("max_rows", String(facts.max_rows)), max_groups: cap("max_groups", String(facts.max_groups)), max_amount: cap("max_amount", "–") };
    const toggle = (name: (typeof SWITCHES)[number]): HTMLInputElement => {
      const input = h("input", { type: "checkbox", onchange: () => { this.wish[name] = input.checked; this.changed(); } });
      return input;
    };
    this.switches = { bias_check: toggle("bias_check"), approx_bounds: toggle("approx_bounds"), fresh: toggle("fresh") };
    this.epsilon.placeholder = amount(facts.default_epsilon);
    const unit = facts.privacy_unit;
    this.element = h("div", { class: "price" }, this.line,
      h("div", { class: "bar trade" },
        h("span", { class: "ends" }, "cheaper"), this.slider, h("span", { class: "ends" }, "sharper"),
        h("label", { class: "pick" }, "ε ", this.epsilon), h("label", { class: "pick" }, this.accuracyName, " ", this.accuracy),
        h("details", { class: "caps" }, h("summary", null, "Caps"),
          h("div", { class: "bar" },
            h("label", { class: "pick" }, `rows of a ${unit} `, this.caps.max_rows), h("label", { class: "pick" }, `groups of a ${unit} `, this.caps.max_groups),
            h("label", { class: "pick" }, `total amount of a ${unit} `, this.caps.max_amount)),
          h("div", { class: "bar switches" },
            h("label", { class: "pick" }, this.switches.bias_check, " tell how much these caps cut away (a tenth of the price)"),
            h("label", { class: "pick" }, this.switches.approx_bounds, " find bounds of sums that the policy gives none for (a tenth)"),
            h("label", { class: "pick" }, this.switches.fresh, " new noise, even where a held answer is free")))));
  }

  open(wish: Wish): void {
    this.wish = wish;
    this.epsilon.value = wish.epsilon;
    for (const [name, input] of Object.entries(this.caps)) input.value = wish[name as keyof typeof this.caps];
    for (const name of SWITCHES) this.switches[name].checked = wish[name] ?? false;  // a tab may have been kept by an older page
    this.place();
  }

  setEpsilon(epsilon: string): void {
    this.wish.epsilon = epsilon;
    this.epsilon.value = epsilon;
    this.place();
  }

  private range(): [number, number] {
    const top = Math.min(Number(this.facts.max_epsilon), Number(this.quote?.remaining.epsilon) || Infinity);
    return [Math.min(0.001, top / 10), top];
  }

  private place(): void {
    const [low, high] = this.range();
    const value = Number(this.wish.epsilon || this.facts.default_epsilon) || low;
    this.slider.value = String(Math.round((STEPS * Math.log(Math.max(value, low) / low)) / Math.log(high / low)));
    this.slider.setAttribute("aria-valuetext", `ε ${amount(String(value))}`);
  }

  private slid(): void {
    const [low, high] = this.range();
    const value = low * (high / low) ** (Number(this.slider.value) / STEPS);
    // Two digits are as fine as anybody chooses, and the top is exactly what is allowed.
    this.wish.epsilon = decimal(Number(this.slider.value) >= STEPS ? high : Number(value.toPrecision(2)));
    this.epsilon.value = this.wish.epsilon;
    this.slider.setAttribute("aria-valuetext", `ε ${this.wish.epsilon}`);
    this.changed();
  }

  private typed(): void {
    this.wish.epsilon = this.epsilon.value.trim();
    this.place();
    this.changed();
  }

  private asked(): void {
    const wanted = Number(this.accuracy.value.replaceAll(",", "").replace("±", ""));
    if (wanted > 0) this.byAccuracy(wanted);
  }

  showQuote(quote: Quote): void {
    this.quote = quote;
    this.line.className = quote.affordable || isFree(quote) ? "price-line" : "price-line warn";
    fill(this.said, sentence(quote));
    if (quote.notes.length && !isFree(quote)) append(this.said, h("span", { class: "muted" }, ` ${quote.notes.map((note) => inWords(note, quote.release_points.flatMap((point) => point.measurements))).join(" ")}`));
    const column = target(quote);
    this.accuracyName.textContent = column ? `${column.name} ±` : "±";
    this.accuracy.disabled = !column;
    if (document.activeElement !== this.accuracy) this.accuracy.value = column?.plus_minus ? compact(column.plus_minus) : "";
    this.place();
  }

  showRefusal(problem: Problem, fix: string | null): void {
    this.line.className = problem.code === "sql_syntax" ? "price-line refused unfinished" : "price-line refused";
    fill(this.said, h("strong", null, problem.detail), problem.hint ? ` ${problem.hint}` : "", fix ? h("span", { class: "muted" }, ` Alt+Enter: ${fix}.`) : null);
  }

  // What is shown is about an earlier text, until the next quote comes.
  outdated(): void {
    this.line.classList.add("stale");
  }

  showText(text: string): void {
    this.line.className = "price-line muted";
    this.said.textContent = text;
  }
}

// "0.00012", never "1.2e-4": the service reads decimals.
export function decimal(value: number): string {
  return value >= 1e-6 ? String(value).includes("e") ? value.toFixed(9) : String(value) : value.toFixed(12).replace(/0+$/, "");
}

function sentence(quote: Quote): Child {
  const left = amount(quote.remaining.epsilon);
  if (quote.held) return [h("strong", null, "Free"), `: you hold this release · ε ${left} left`];
  if (isFree(quote)) return [h("strong", null, "Free"), `: ${quote.notes[0] ?? "reads public tables only"} · ε ${left} left`];
  const parts: string[] = [];
  const known = quote.columns.filter((column) => column.plus_minus !== null || column.note);
  for (const column of known.slice(0, COLUMNS_SHOWN)) {
    parts.push(column.plus_minus !== null ? `each ${column.name} ±${compact(column.plus_minus)} (95 %)` : `${column.name}: ${column.note}`);
  }
  if (known.length > COLUMNS_SHOWN) parts.push(`${known.length - COLUMNS_SHOWN} more columns`);
  if (quote.more_like_this !== null && quote.affordable) parts.push(`about ${quote.more_like_this} more like this`);
  const part = share(quote) >= SHARE_SAID ? ` (${percent(share(quote))} of it)` : "";
  const price = [h("strong", null, `costs ε ${amount(quote.price.epsilon)}`), ` of ${left} left${part}`];
  if (!quote.affordable) return [price, " – more than is left: nothing would be released or charged"];
  return [price, parts.map((part) => ` · ${part}`)];
}
