// A policy's text with what is to be said of each line beside it.

import { h } from "../dom";
import type { PolicyReading } from "../wire";

export function lined(reading: PolicyReading): HTMLElement {
  const said = new Map<number, PolicyReading["lines"]>();
  for (const line of reading.lines) said.set(line.line, [...(said.get(line.line) ?? []), line]);
  return h("div", { class: "scroll policy", tabindex: 0, role: "region", "aria-label": "Policy, line by line" }, h("ol", { class: "lines" }, reading.text.split("\n").map((text, place) => {
    const found = said.get(place + 1) ?? [];
    const level = found.some((each) => each.level === "error") ? "error" : found.some((each) => each.level === "note") ? "note" : "ok";
    return h("li", { class: found.length ? level : null }, h("span", { class: "code" }, text || " "),
      found.length ? h("span", { class: "said" }, found.map((each) => [each.level === "error" ? h("strong", null, `${each.path || "policy"}: ${each.text} `) : each.text, each.fix])) : null);
  })));
}
