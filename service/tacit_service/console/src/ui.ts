// The pieces that every page is made of: cards, tables, meters, states, dialogs.

import { Refused, words } from "./api";
import { append, button, fill, h, toast, type Child, type Props } from "./dom";

export type Tone = "good" | "warn" | "bad" | "plain";

export const badge = (text: Child, tone: Tone = "plain"): HTMLElement => h("span", { class: `badge ${tone}` }, text);

export const card = (title: Child, ...children: Child[]): HTMLElement =>
  h("section", { class: "card" }, title ? h("h2", null, title) : null, children);

export const page = (title: string, about: Child, ...children: Child[]): HTMLElement =>
  h("section", { class: "page" }, h("div", { class: "page-head" }, h("h1", null, title), about ? h("p", { class: "about" }, about) : null), children);

// What there is when there is nothing: said in words, with the next step.
export const empty = (title: string, text: Child, ...actions: Child[]): HTMLElement =>
  h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), h("p", { class: "muted" }, text), actions.length ? h("div", { class: "bar" }, actions) : null);

export const loading = (text = "Loading …"): HTMLElement =>
  h("div", { class: "loading", role: "status" }, h("span", { class: "spinner", "aria-hidden": "true" }), text);

export function meter(share: number, label: string, tone: Tone = "good"): HTMLElement {
  const bounded = Math.max(0, Math.min(1, share));
  const inner = h("div", { class: `fill ${tone}` });
  inner.style.width = `${(100 * bounded).toFixed(2)}%`;
  return h("div", { class: "meter", role: "meter", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 1, "aria-valuenow": bounded.toFixed(4) }, inner);
}

export const stat = (label: string, value: Child, note: Child = null): HTMLElement =>
  h("div", { class: "stat" }, h("div", { class: "stat-label" }, label), h("div", { class: "stat-value" }, value), note ? h("div", { class: "stat-note" }, note) : null);

interface Table { label: string; head: Child[]; rows: Child[][]; numbers?: number[]; class?: string; none?: string }

export function grid({ label, head, rows, numbers = [], class: kind = "", none = "Nothing here yet." }: Table): HTMLElement {
  if (!rows.length) return h("p", { class: "muted none" }, none);
  const at = (place: number): string | null => numbers.includes(place) ? "number" : null;
  // On a narrow screen its rows become blocks, each value under its column's name; the roles keep it a table there.
  const name = (place: number): string | null => typeof head[place] === "string" && head[place] !== "" ? head[place] : null;
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, h("table", { class: kind, role: "table" },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head.map((said, place) => h("th", { scope: "col", role: "columnheader", class: at(place) }, said)))),
    h("tbody", { role: "rowgroup" }, rows.map((row) => h("tr", { role: "row" }, row.map((cell, place) => h("td", { class: at(place), role: "cell", "data-name": name(place) }, cell)))))));
}

export interface Field { name: string; label: string; value?: string; options?: [string, string][]; help?: string; required?: boolean; numeric?: boolean }

// A dialog with a form. It stays open, and says what was wrong, until `act` succeeds or the person gives up.
export function formDialog(title: string, about: Child, fields: Field[], submit: string, act: (values: Record<string, string>) => Promise<void>, danger = false): void {
  const dialog = h("dialog", { "aria-labelledby": "dialog-title" });
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const inputs = new Map<string, HTMLInputElement | HTMLSelectElement>();
  const rows = fields.map((field) => {
    const props: Props = { id: `field-${field.name}`, required: field.required ?? false };
    const input = field.options
      ? h("select", props, field.options.map(([value, name]) => h("option", { value }, name)))
      : h("input", { ...props, type: "text", autocomplete: "off", spellcheck: "false", inputmode: field.numeric ? "decimal" : null });
    if (field.value !== undefined) input.value = field.value;
    inputs.set(field.name, input);
    return h("div", { class: "field" }, h("label", { for: `field-${field.name}` }, field.label), input, field.help ? h("p", { class: "help" }, field.help) : null);
  });
  const end = (): void => { dialog.close(); dialog.remove(); };
  const go = h("button", { type: "submit", class: danger ? "danger" : "primary" }, submit);
  const form = h("form", { onsubmit: (event: Event) => {
    event.preventDefault();
    go.disabled = true;
    act(Object.fromEntries([...inputs].map(([name, input]) => [name, input.value.trim()]))).then(end, (error: unknown) => {
      problem.hidden = false;
      problem.textContent = words(error);
      go.disabled = false;
    });
  } }, h("h2", { id: "dialog-title" }, title), about ? h("p", { class: "about" }, about) : null, rows, problem, h("div", { class: "bar end" }, button("Cancel", end), go));
  append(dialog, form);
  dialog.addEventListener("cancel", (event) => { event.preventDefault(); end(); });
  document.body.append(dialog);
  dialog.showModal();
}

// A dialog belongs to the page that opened it: it closes, unanswered, when that page is left.
export function closeDialogs(): void {
  document.querySelectorAll("dialog").forEach((dialog) => dialog.dispatchEvent(new Event("cancel", { cancelable: true })));
}

// Shows a message until `work` has made the view; a problem takes the view's place.
export function later(work: () => Promise<Child>, text?: string): HTMLElement {
  const box = h("div", { class: "later", "aria-busy": "true" }, loading(text));
  work().then((view) => fill(box, view), (error: unknown) => fill(box, h("p", { class: "problem", role: "alert" }, words(error)))).finally(() => box.removeAttribute("aria-busy"));
  return box;
}

export const trying = (work: () => Promise<unknown>, done = ""): (() => void) => () => {
  work().then(() => { if (done) toast(done); }, (error: unknown) => toast(words(error)));
};

// A button that is asleep while its work goes on: two hasty presses do one thing.
export function worker(label: string, work: () => Promise<unknown>, props: Props = {}): HTMLButtonElement {
  const made = button(label, () => {
    made.disabled = true;
    work().catch((error: unknown) => toast(words(error))).finally(() => { made.disabled = false; });
  }, props);
  return made;
}

export function copyText(text: string): void {
  navigator.clipboard.writeText(text).then(() => toast("Copied"), () => toast("The clipboard is not available here."));
}

export function problemView(error: unknown): HTMLElement {
  if (!(error instanceof Refused)) return h("p", { class: "problem", role: "alert" }, words(error));
  const { problem } = error;
  return h("div", { class: "problem", role: "alert" }, h("strong", null, problem.title), h("p", null, problem.detail), problem.hint ? h("p", null, problem.hint) : null,
    h("p", { class: "muted" }, problem.status === 422 || problem.status === 403 ? `${problem.code} · nothing was charged` : problem.code));
}
