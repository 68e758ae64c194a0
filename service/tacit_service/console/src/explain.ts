// The derivation, drawn: what is read inside, how it is bounded, where the noise is added, and what may then leave.

import { api } from "./api";
import { h, type Child } from "./dom";
import { amount, compact, measuresOf } from "./format";
import { card, copyText, empty, meter, page } from "./ui";
import type { DatasetFacts, Mechanism, QueryRequest, Quote } from "./wire";
import { button } from "./dom";

interface Step { text: string; children: Step[] }

export function parse(plan: string): Step[] {
  const roots: Step[] = [];
  const open: { depth: number; step: Step }[] = [];
  for (const line of plan.split("\n")) {
    if (!line.trim()) continue;
    const depth = line.length - line.trimStart().length;
    const step = { text: line.trim(), children: [] };
    while (open.length && (open.at(-1)?.depth ?? 0) >= depth) open.pop();
    (open.at(-1)?.step.children ?? roots).push(step);
    open.push({ depth, step });
  }
  return roots;
}

const EXPLAIN = /^\s*explain\s+/i;

export async function explainPage(facts: DatasetFacts, asked: QueryRequest, signal: AbortSignal): Promise<HTMLElement> {
  const about = "How the answer would be derived, and why it may leave. Free, and no data are read.";
  const sql = asked.sql.replace(EXPLAIN, "");
  if (!sql.trim()) return page("Explain", about, empty("There is no statement to explain.", "Write one, then come back.", h("a", { href: "#/query" }, "To the editor")));
  const body = { ...asked, sql };
  const [plan, quote] = await Promise.all([api.explain(body, signal), api.quote(body, signal)]);
  return page("Explain", about, h("pre", { tabindex: 0, "aria-label": "Statement" }, sql), derivation(plan, quote, facts),
    h("div", { class: "bar" }, h("a", { href: "#/query" }, "Back to the editor"), button("Copy as text", () => copyText(plan), { class: "quiet" })));
}

export function derivation(plan: string, quote: Quote, facts: DatasetFacts): HTMLElement {
  const steps = parse(plan);
  const of = (head: string): Step[] => steps.filter((step) => step.text.startsWith(head));
  const releases = of("release ");
  const rest = (step: Step | undefined): string => step?.text.replace(/^[^:]*:\s*/, "") ?? "";
  return h("div", { class: "flow" },
    releases.length ? releases.map((step, place) => release(step, quote, facts, rest(of("stage:").find((each) => place > 0 && each.text.includes(" is "))))) :
      h("section", { class: "lane out" }, h("h2", null, "Public tables only"), h("p", { class: "about" }, "Nothing protected is read: the answer is exact and free.")),
    releases.length ? h("div", { class: "boundary" }, "what is below may leave: paid once, free from here") : null,
    h("section", { class: "lane out" }, h("h2", null, "Computed from what was released"),
      h("p", { class: "about" }, "Any SQL over released numbers tells nothing more: ordering, ratios, windows and rounding are free."),
      h("code", null, friendly(rest(of("post-processing")[0]), releases)),
      of("public tables").map((step) => h("p", { class: "help" }, `Reads the public tables ${rest(step)}, exactly.`))),
    h("div", { class: "arrow" }, "your answer"),
    h("section", { class: "lane out" }, h("div", { class: "outs" }, quote.columns.map((column) => h("span", { class: "step" }, column.name,
      column.plus_minus !== null ? ` ±${compact(column.plus_minus)}` : "", " ", h("span", { class: "tag" }, KINDS[column.kind])))),
    h("p", { class: "help" }, "Half-widths at 95 %, before anything is asked.")),
    h("div", { class: "gap" }),
    card("What the engine runs", h("p", { class: "about" }, "Exact integers inside the trusted core; they never leave it without noise."),
      of("engine ").map((step, place, all) => h("details", null, h("summary", null, all.length > 1 ? `Statement ${place + 1} of ${all.length}` : "The statement"), h("pre", null, rest(step))))));
}

const KINDS = { key: "key", noisy: "measured", derived: "computed", public: "public" };

// Internal names of the released table give way to the names that the analyst wrote.
function friendly(sql: string, releases: Step[]): string {
  const [only, ...more] = releases;
  if (!only || more.length) return sql;
  const names = new Map(only.children.flatMap((child) => {
    const [, inner, expression] = /^(a\d+) = (.*) from [^)]*$/.exec(child.text) ?? [];
    return inner && expression ? [[inner, shown(expression)] as const] : [];
  }));
  const keys = apart(/: by (.*) \((?:public|unknown) keys/s.exec(only.text)?.[1] ?? "");
  keys.forEach((key, place) => names.set(`k${place}`, key));
  return sql.replace(/,\s*"__r0"."__row" AS "__row"/g, "").replace(/"__r0"\."(\w+)"/g, (whole, inner: string) => names.get(inner) ?? whole)
    .replaceAll('"__r0"', "the release").replace(/(\b\w+) AS "\1"/g, "$1");
}

// "date_trunc('MONTH', day), region" is two keys: a comma within brackets or quotes parts nothing.
function apart(keys: string): string[] {
  const found = [""];
  let depth = 0;
  for (const [piece] of keys.matchAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"|, |./gs)) {
    depth += Number(piece === "(" || piece === "[") - Number(piece === ")" || piece === "]");
    if (piece === ", " && depth === 0) found.push("");
    else found.push(`${found.pop() ?? ""}${piece}`);
  }
  return found;
}

const shown = (expression: string): string => expression.replace("count_star()", "COUNT(*)");

function release(step: Step, quote: Quote, facts: DatasetFacts, stage: string): Child {
  const [, name = "", keys = ""] = /^release ([^:]+): (.*)$/s.exec(step.text) ?? [];
  const outputs = step.children.filter((child) => !child.text.startsWith("over "));
  const relation = step.children.find((child) => child.text.startsWith("over "));
  const point = quote.release_points.find((each) => each.name === name);
  const total = quote.release_points.flatMap((each) => each.measurements).reduce((sum, each) => sum + Number(each.epsilon), 0);
  return [
    stage ? h("div", { class: "arrow" }, `a number released above is used below: ${stage}`) : null,
    h("section", { class: "lane inside" }, h("h2", null, "Read inside the trusted core"),
      h("p", { class: "about" }, `Each row that is protected depends on one ${facts.privacy_unit} and on public facts alone.`),
      relation ? h("div", { class: "tree-scroll", tabindex: 0, role: "region", "aria-label": "Derivation" }, h("ul", { class: "tree" }, branch({ ...relation, text: relation.text.slice(5) }))) : null),
    h("div", { class: "arrow" }, keysInWords(keys)),
    h("section", { class: "lane inside" }, h("h2", null, "Measured, with noise"),
      h("p", { class: "about" }, "A sum of integers, bounded for each unit, plus noise drawn by OpenDP on the same grid."),
      h("div", { class: "measures" }, (point?.measurements ?? []).map((each) => measure(each, outputs, total)))),
  ];
}

function keysInWords(keys: string): string {
  if (keys.startsWith("one row")) return "one row";
  const by = keys.replace(/\s*\((?:public|unknown) keys.*\)$/s, "");
  if (keys.includes("public keys")) return `${by}: the keys are declared, each has a row whether anyone is there or not`;
  if (keys.includes("unknown keys")) return `${by}: the keys are not declared; one shows up only above a noisy threshold`;
  return keys;
}

function measure(each: Mechanism, outputs: Step[], total: number): HTMLElement {
  const names = [...each.measure.matchAll(/\b(m\d+): /g)].map(([, name = ""]) => name);
  const title = measuresOf(each.measure);
  const noise = each.mechanism === "noisy_choices" ? "by the noisy maximum" : `${each.mechanism.replaceAll("_", " ")} noise`;
  const used = outputs.filter((output) => names.some((name) => new RegExp(`\\b${name}\\b`).test(output.text.split(" from ")[1] ?? ""))).map((output) => shown(output.text.replace(/^\w+ = /, "").replace(/ from .*$/, "")));
  const share = total > 0 ? Number(each.epsilon) / total : 0;
  return h("div", { class: "measure" }, h("strong", null, title.charAt(0).toUpperCase() + title.slice(1)),
    used.length ? h("div", { class: "muted" }, "for ", h("code", null, used.join(", "))) : null,
    h("div", null, each.contribution),
    h("div", { class: "muted" }, `${noise}, scale ${compact(each.unit_scale)}${each.threshold === null ? "" : `; shown above ${compact(each.threshold)}`}`),
    h("div", { class: "muted" }, `ε ${amount(each.epsilon)}${Number(each.delta) ? `, δ ${amount(each.delta)}` : ""}`), meter(share, `${Math.round(100 * share)} % of this query's ε`));
}

function branch(step: Step): HTMLElement {
  return h("li", null, step.children.length ? h("ul", null, step.children.map(branch)) : null, h("span", { class: "step" }, line(step.text)));
}

// "table visits [protected, one row a unit]": what stands in brackets at the end of a step is what was derived of it.
function line(text: string): Child {
  const judged = /^(.*?)\s*\[([^\]]*)\](.*)$/.exec(text);
  if (!judged) return h("code", null, text);
  const said = judged[2] ?? "";
  const kind = said.startsWith("public") ? "public" : said.startsWith("protected") ? "protected" : "";
  return [h("code", null, judged[1]), " ", h("span", { class: `tag ${kind}` }, said), h("span", { class: "muted" }, judged[3])];
}
