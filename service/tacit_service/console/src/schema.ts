// The schema pane: what the policy makes public, in words.

import { button, fill, h, type Child } from "./dom";
import { amount, number } from "./format";
import type { Cell, ColumnFacts, DatasetFacts, TableFacts } from "./wire";

export function schema(facts: DatasetFacts, insert: (text: string) => void): HTMLElement {
  const box = h("div");
  const search = h("input", { type: "search", placeholder: "Find a table or column", "aria-label": "Find a table or column", oninput: () => draw() });
  const draw = (): void => {
    const wanted = search.value.trim().toLowerCase();
    const tables = facts.tables.map((table) => found(table, wanted)).filter((table) => table !== null);
    fill(box, tables.length ? tables.map((table) => drawTable(table, facts, insert)) : h("p", { class: "muted" }, "No table or column has this name."));
  };
  draw();
  return h("section", { class: "schema", "aria-label": "Schema" },
    h("p", { class: "about" }, facts.description),
    h("p", { class: "about" }, "Protected: each ", h("strong", null, facts.privacy_unit), ", with all rows in all tables. In one query a ",
      facts.privacy_unit, ` counts with at most ${facts.max_rows} rows and in at most ${facts.max_groups} groups, unless you ask otherwise.`),
    search, box,
    h("p", { class: "about" }, `A query costs ε ${amount(facts.default_epsilon)} unless you choose, and at most ε ${amount(facts.max_epsilon)}.`));
}

function found(table: TableFacts, wanted: string): TableFacts | null {
  if (!wanted || table.name.toLowerCase().includes(wanted)) return table;
  const columns = table.columns.filter((column) => column.name.toLowerCase().includes(wanted));
  return columns.length ? { ...table, columns } : null;
}

function drawTable(table: TableFacts, facts: DatasetFacts, insert: (text: string) => void): HTMLElement {
  return h("details", { class: "table-facts", open: true },
    h("summary", null, h("span", { class: "name" }, table.name), h("span", { class: table.public ? "tag public" : "tag protected" }, table.public ? "public" : "protected")),
    h("p", { class: "about" }, [table.description, belongs(table, facts), joins(table, facts)].filter(Boolean).join(" ")),
    h("ul", { class: "columns-list" }, table.columns.map((column) => h("li", null,
      h("div", { class: "column-line" }, button(column.name, () => insert(column.name), { class: "column", title: "Insert into the statement" }), h("span", { class: "type" }, column.type)),
      words(column)))));
}

function belongs(table: TableFacts, facts: DatasetFacts): string {
  if (table.public) return "Exact and free to read.";
  if (table.one_row_per_unit) return `A ${facts.privacy_unit} has one row here, so noise is smallest.`;
  return table.unit_path.length ? `Belongs to a ${facts.privacy_unit} by ${table.unit_path.join(" → ")}.` : "";
}

// Protected tables join on the unit; public ones on a column of the same name.
function joins(table: TableFacts, facts: DatasetFacts): string {
  const unit = table.columns.find((column) => column.is_privacy_unit)?.name;
  const others = facts.tables.filter((other) => other !== table).flatMap((other) => {
    if (!table.public && !other.public) return unit && other.columns.some((column) => column.is_privacy_unit) ? [`${other.name} on ${unit}`] : [];
    const same = table.columns.find((column) => !column.is_privacy_unit && other.columns.some((each) => each.name === column.name && each.type === column.type));
    return same ? [`${other.name} on ${same.name}`] : [];
  });
  return others.length ? `Joins ${others.join(", ")}.` : "";
}

const SHOWN = 8;

export const said = (cell: Cell): string => typeof cell === "number" ? number(cell) : String(cell);

function words(column: ColumnFacts): Child {
  const out: Child[] = [];
  if (column.is_privacy_unit) out.push(h("span", null, "who is protected; count it or join on it, it is never shown"));
  if (column.bounds) out.push(h("span", null, `from ${said(column.bounds[0] ?? null)} to ${said(column.bounds[1] ?? null)}${column.precision && column.precision !== "1" ? `, in steps of ${column.precision}` : ""}`));
  const categories = column.categories;
  if (categories) out.push(h("span", null, categories.slice(0, SHOWN).join(", "), categories.length > SHOWN ? ` and ${categories.length - SHOWN} more` : ""));
  if (column.description) out.push(h("span", null, column.description));
  return out.length ? h("div", { class: "words" }, out) : null;
}
