// What the model says of one row that somebody writes: free, since the model may be used for anything.

import { training, words } from "../api";
import { fill, h, type Child } from "../dom";
import { percent } from "../format";
import { meter } from "../ui";
import type { Cell, Feature, Predictions } from "../wire";

const SHOWN = 8;

// Null where a feature is an image, which nobody writes by hand.
export function tryIt(id: string, label: string, features: Feature[]): HTMLElement | null {
  if (!features.length || features.some((each) => each.kind === "image")) return null;
  const fields = features.map((each): [Feature, HTMLInputElement | HTMLSelectElement] => [each, field(id, each)]);
  const said = h("div", { role: "status", "aria-live": "polite" });
  const submit = h("button", { type: "submit" }, "Predict");
  return h("form", { class: "card", onsubmit: (event: Event) => {
    event.preventDefault();
    submit.disabled = true;
    const row = Object.fromEntries(fields.map(([feature, input]) => [feature.name, read(feature, input.value)]));
    training.predict(id, [row]).then((found) => fill(said, told(label, found)), (error: unknown) => fill(said, h("p", { class: "problem" }, words(error)))).finally(() => { submit.disabled = false; });
  } },
  h("h2", null, "Try it"), h("p", { class: "about" }, "What the model says of a row of your own: free. What is left empty counts as unknown."),
  h("div", { class: "knobs" }, fields.map(([feature, input]) => h("div", { class: "field" }, h("label", { for: input.id }, feature.name), input, feature.kind === "number" ? h("p", { class: "help" }, `${feature.low} to ${feature.high}`) : null))),
  h("div", { class: "bar" }, submit), said);
}

function field(id: string, feature: Feature): HTMLInputElement | HTMLSelectElement {
  const name = `try-${id}-${feature.name}`;
  if (feature.kind === "number") return h("input", { id: name, type: "text", inputmode: "decimal", autocomplete: "off" });
  return h("select", { id: name }, h("option", { value: "" }, "unknown"), feature.categories.map((each, place) => h("option", { value: String(place) }, String(each))));
}

// As it was written where it is no number, so that the service says what is wrong with it.
function read(feature: Feature, text: string): Cell {
  if (text.trim() === "") return null;
  if (feature.kind === "category") return feature.categories[Number(text)] ?? null;
  return Number.isFinite(Number(text)) && (feature.type === "integer" || feature.type === "number") ? Number(text) : text;
}

function told(label: string, found: Predictions): Child {
  const first = found.predictions[0] ?? null;
  const shares = (found.classes ?? []).map((name, place): [Cell, number] => [name, found.scores?.[0]?.[place] ?? 0]).sort((a, b) => b[1] - a[1]);
  return [h("div", { class: "gap" }), h("p", null, `${label}: `, h("strong", null, typeof first === "number" ? Number(first.toPrecision(6)) : String(first))),
    shares.length ? h("dl", null, shares.slice(0, SHOWN).map(([name, share]) => h("div", { class: "chance" }, h("dt", null, String(name)), h("dd", null, meter(share, `${String(name)}: ${percent(share)}`, "plain"), h("span", null, percent(share)))))) : null];
}
