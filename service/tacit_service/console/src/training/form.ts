// A form from a JSON schema: one field a property, required ones and the usual ones first. The service judges what is written.

import { h } from "../dom";
import type { Json, ObjectSchema, Problem, Schema } from "../wire";

const USUAL = ["epsilon", "units", "epochs"];

export interface Form {
  element: HTMLElement;
  body: () => Record<string, Json>;
  blame: (problem: Problem | null) => void;
  set: (name: string, value: string) => void;
}

type Input = HTMLInputElement | HTMLTextAreaElement;

export function schemaForm(schema: ObjectSchema, fixed: Record<string, Json>, changed: () => void): Form {
  const inputs = new Map<string, { input: Input; schema: Schema; box: HTMLElement; wrong: HTMLElement }>();
  const field = (name: string, of: Schema): HTMLElement => {
    const id = `train-${name}`;
    const input: Input = isLong(of)
      ? h("textarea", { id, rows: holds(of, "object") ? 2 : 3, spellcheck: "false", class: "mono", oninput: changed })
      : h("input", { id, type: "text", autocomplete: "off", spellcheck: "false", oninput: changed });
    const examples = of.examples ?? [];
    if ((required.has(name) || name === "epsilon") && examples[0] !== undefined && name !== "sql" && name !== "label") input.value = written(examples[0]);
    const wrong = h("p", { class: "wrong-text", hidden: true });
    const more = examples.length > 1 ? h("select", { "aria-label": `Examples of ${words(name)}`, onchange: () => { input.value = more?.value ?? ""; changed(); } }, examples.map((each) => h("option", { value: written(each) }, titled(each)))) : null;
    const box = h("div", { class: "field" }, h("label", { for: id }, words(name)), more, input, of.description && of.description !== words(name) ? h("p", { class: "help" }, of.description) : null, wrong);
    inputs.set(name, { input, schema: of, box, wrong });
    return box;
  };
  const required = new Set(schema.required ?? []);
  const names = Object.keys(schema.properties).filter((name) => !(name in fixed));
  const rank = (name: string): number => required.has(name) ? 0 : USUAL.includes(name) ? 1 : 2;
  const of = (wanted: number): HTMLElement[] => names.filter((name) => rank(name) === wanted).map((name) => field(name, schema.properties[name] as Schema));
  const first = of(0);
  const element = h("div", null, first, h("div", { class: "knobs" }, of(1)), h("details", null, h("summary", null, "More parameters"), h("div", { class: "knobs", }, of(2))));
  return {
    element,
    body: () => ({ ...fixed, ...Object.fromEntries([...inputs].flatMap(([name, { input, schema: own }]) => input.value.trim() ? [[name, value(input.value.trim(), own)]] : [])) }),
    blame: (problem) => {
      for (const [name, { box, wrong }] of inputs) {
        const reason = problem?.field === name ? problem.detail : problem?.fields?.find((each) => each.field.split(".")[0] === name)?.reason;
        box.classList.toggle("wrong", Boolean(reason));
        wrong.hidden = !reason;
        wrong.textContent = reason ?? "";
      }
    },
    set: (name, text) => { const found = inputs.get(name); if (found) found.input.value = text; },
  };
}

const holds = (schema: Schema, type: string): boolean => schema.type === type || (schema.anyOf ?? []).some((each) => each.type === type);
const isLong = (schema: Schema): boolean => (schema.maxLength ?? 0) > 1000 || holds(schema, "object");
const written = (value: Json): string => typeof value === "string" ? value : JSON.stringify(value);
// A model by its kind; what it holds besides stands in the field below.
const titled = (example: Json): string => typeof example === "object" && example !== null && !Array.isArray(example) && "type" in example ? String(example.type).replaceAll("_", " ") : written(example);
const words = (name: string): string => name === "sql" ? "Rows to learn from (SQL)" : name === "epsilon" ? "ε of the whole run" : name === "delta" ? "δ" : name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");

// What cannot be read goes out as it was written, so that the service refuses it by name.
function value(text: string, schema: Schema): Json {
  if (holds(schema, "object") || holds(schema, "array")) {
    try {
      return JSON.parse(text) as Json;
    } catch {
      return holds(schema, "array") ? text.split(",").map((each) => each.trim()) : text;
    }
  }
  return (holds(schema, "number") || holds(schema, "integer")) && !holds(schema, "string") && Number.isFinite(Number(text)) ? Number(text) : text;
}
