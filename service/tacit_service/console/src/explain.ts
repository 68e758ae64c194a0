// The derivation, drawn: the plan's indented text as a tree, its judgements as tags.

import { h, type Child } from "./dom";

interface Node_ { text: string; children: Node_[] }

export function parse(plan: string): Node_[] {
  const roots: Node_[] = [];
  const open: { depth: number; node: Node_ }[] = [];
  for (const line of plan.split("\n")) {
    if (!line.trim()) continue;
    const depth = line.length - line.trimStart().length;
    const node = { text: line.trim(), children: [] };
    while (open.length && (open.at(-1)?.depth ?? 0) >= depth) open.pop();
    (open.at(-1)?.node.children ?? roots).push(node);
    open.push({ depth, node });
  }
  return roots;
}

export function tree(plan: string): HTMLElement {
  return h("ul", { class: "tree" }, parse(plan).map(branch));
}

function branch(node: Node_): HTMLElement {
  return h("li", null, h("span", { class: "step" }, line(node.text)), node.children.length ? h("ul", null, node.children.map(branch)) : null);
}

// "table visits [protected, one row a unit]": what stands in brackets at the end of a step is what was derived of it.
function line(text: string): Child {
  const judged = /^(.*?)\s*\[([^\]]*)\](.*)$/.exec(text);
  if (!judged) return split(text);
  const kind = (judged[2] ?? "").startsWith("public") ? "public" : (judged[2] ?? "").startsWith("protected") ? "protected" : "";
  return [split(judged[1] ?? ""), h("span", { class: `tag ${kind}` }, judged[2]), judged[3]];
}

function split(text: string): Child {
  const headed = /^(post-processing, free|public tables, read exactly and free of charge|price|(?:release|measure|engine) [^:]+): (.*)$/s.exec(text);
  if (!headed) return h("code", null, text);
  const [, head = "", body = ""] = headed;
  // The statements for machines are long; they open on demand.
  if (body.length > 300) return h("details", null, h("summary", null, h("strong", null, head)), h("code", null, body));
  return [h("strong", null, head), " ", head.startsWith("measure") ? body.split("; ").map((part) => h("div", null, part)) : h("code", null, body)];
}
