// The schema pane: what the policy makes public, in words.

import { button, h, type Child } from "./dom";
import { amount } from "./format";
import type { ColumnFacts, DatasetFacts, TableFacts } from "./wire";

export function schema(facts: DatasetFacts, insert: (text: string) => void): HTMLElement {
  return h("section", { class: "schema", "aria-label": "Schema" },
    h("p", { class: "about" }, facts.description),
    h("p", { class: "about" }, "Protected: each ", h("strong", null, facts.privacy_unit), ", with all rows in all tables. In one query a ",
      facts.privacy_unit, ` counts with at most ${facts.max_rows} rows and in at most ${facts.max_groups} groups, unless you ask otherwise.`),
    facts.tables.map((table) => drawTable(table, facts, insert)),
    h("p", { class: "about muted" }, `A query costs ε ${amount(facts.default_epsilon)} unless you choose, and at most ε ${amount(facts.max_epsilon)}.`));
}

function drawTable(table: TableFacts, facts: DatasetFacts, insert: (text: string) => void): HTMLElement {
  return h("details", { class: "table-facts", open: true },
    h("summary", null, h("span", { class: "name" }, table.name), h("span", { class: table.public ? "tag public" : "tag protected" }, table.public ? "public" : "protected")),
    h("p", { class: "about" }, [table.description, belongs(table, facts)].filter(Boolean).join(" ")),
    h("ul", { class: "columns" }, table.columns.map((column) => h("li", null,
      button(column.name, () => insert(column.name), { class: "column", title: "Insert into the statement" }),
      h("span", { class: "type" }, column.type),
      words(column)))));
}

function belongs(table: TableFacts, facts: DatasetFacts): string {
  if (table.public) return "Exact and free to read.";
  if (table.one_row_per_unit) return `A ${facts.privacy_unit} has one row here, so noise is smallest.`;
  return table.unit_path.length ? `Belongs to a ${facts.privacy_unit} by ${table.unit_path.join(" → ")}.` : "";
}

const SHOWN = 8;

function words(column: ColumnFacts): Child {
  const out: Child[] = [];
  if (column.is_privacy_unit) out.push(h("span", null, "who is protected; count it or join on it, it is never shown"));
  if (column.bounds) out.push(h("span", null, `from ${column.bounds[0]} to ${column.bounds[1]}${column.precision ? `, in steps of ${column.precision}` : ""}`));
  const categories = column.categories;
  if (categories) out.push(h("span", null, categories.slice(0, SHOWN).join(", "), categories.length > SHOWN ? ` and ${categories.length - SHOWN} more` : ""));
  if (column.description) out.push(h("span", null, column.description));
  return out.length ? h("div", { class: "words" }, out) : null;
}
