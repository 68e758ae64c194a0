// Completion from the policy's public facts: tables, their columns with bounds and categories as detail, functions.

import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import type { ColumnFacts, DatasetFacts, TableFacts } from "./wire";

const KEYWORDS = [
  "SELECT", "FROM", "WHERE", "GROUP BY", "HAVING", "ORDER BY", "LIMIT", "JOIN", "LEFT JOIN", "ON", "USING", "AS", "AND", "OR", "NOT", "IN", "BETWEEN",
  "CASE WHEN", "THEN", "ELSE", "END", "IS NULL", "IS NOT NULL", "DISTINCT", "WITH", "DESC", "ASC", "DATE", "INTERVAL",
];
const AGGREGATES: Record<string, string> = {
  count: "how many; the least noise of all",
  sum: "a total; needs declared bounds",
  avg: "a mean; a sum and a count, each with noise",
  median: "the middle value; needs declared bounds",
  variance: "spread, squared",
  stddev: "spread",
  count_if: "how many rows meet a condition",
};

export function range(column: ColumnFacts): string {
  if (column.bounds) return `${column.bounds[0]} to ${column.bounds[1]}`;
  if (column.categories) return `${column.categories.length} known values`;
  return "";
}

function info(column: ColumnFacts): string {
  const parts = [column.description];
  if (column.is_privacy_unit) parts.push("Says who is protected: it can be counted and joined on, never shown.");
  if (column.categories) parts.push(`One of ${column.categories.slice(0, 12).join(", ")}${column.categories.length > 12 ? ", …" : ""}.`);
  if (column.bounds) parts.push(`From ${column.bounds[0]} to ${column.bounds[1]}; values outside are clamped.`);
  return parts.filter(Boolean).join(" ");
}

function ofColumn(column: ColumnFacts, table: TableFacts, boost = 0): Completion {
  const detail = [column.type, range(column)].filter(Boolean).join(", ");
  return { label: column.name, type: "property", detail: `${detail} · ${table.name}`, info: info(column) || undefined, boost };
}

export function completer(facts: () => DatasetFacts | null): (context: CompletionContext) => CompletionResult | null {
  return (context) => {
    const known = facts();
    if (!known) return null;
    const quoted = context.matchBefore(/'[^']*/);
    if (quoted) return values(known, context, quoted.from);
    const dotted = context.matchBefore(/(\w+)\.\w*/);
    if (dotted) return members(known, context, dotted);
    const word = context.matchBefore(/\w+/);
    if (!word && !context.explicit) return null;
    return { from: word ? word.from : context.pos, options: everything(known, context.state.doc.toString()), validFor: /^\w*$/ };
  };
}

function used(known: DatasetFacts, sql: string): TableFacts[] {
  const words = new Set(sql.toLowerCase().match(/\w+/g) ?? []);
  return known.tables.filter((table) => words.has(table.name.toLowerCase()));
}

function everything(known: DatasetFacts, sql: string): Completion[] {
  const inUse = new Set(used(known, sql));
  const options: Completion[] = [];
  for (const table of known.tables) {
    options.push({ label: table.name, type: "class", detail: table.public ? "public table" : "protected table", info: table.description || undefined, boost: 1 });
    if (inUse.size === 0 || inUse.has(table)) options.push(...table.columns.map((column) => ofColumn(column, table, 2)));
  }
  for (const name of known.functions) {
    const aggregate = AGGREGATES[name];
    options.push({ label: name.toUpperCase(), apply: `${name.toUpperCase()}(`, type: "function", detail: aggregate ?? "function", boost: aggregate ? 0 : -2 });
  }
  options.push(...KEYWORDS.map((label) => ({ label, type: "keyword", boost: -1 })));
  return options;
}

// After "alias." the columns of the alias's table, where the statement says which table that is.
function members(known: DatasetFacts, context: CompletionContext, dotted: { from: number; text: string }): CompletionResult | null {
  const [alias = ""] = dotted.text.split(".");
  const sql = context.state.doc.toString();
  const named = new RegExp(`\\b(\\w+)\\s+(?:as\\s+)?${alias}\\b`, "gi");
  const candidates = [alias, ...Array.from(sql.matchAll(named), (match) => match[1] ?? "")].map((name) => name.toLowerCase());
  const table = known.tables.find((each) => candidates.includes(each.name.toLowerCase()));
  if (!table) return null;
  return { from: dotted.from + alias.length + 1, options: table.columns.map((column) => ofColumn(column, table)), validFor: /^\w*$/ };
}

// Inside quotes, the declared categories of the column named just before.
function values(known: DatasetFacts, context: CompletionContext, from: number): CompletionResult | null {
  const before = context.state.sliceDoc(Math.max(0, from - 200), from);
  const name = /(\w+)\s*(?:=|<>|!=|in\s*\((?:\s*'[^']*'\s*,)*)\s*$/i.exec(before)?.[1]?.toLowerCase();
  for (const table of known.tables) {
    const column = table.columns.find((each) => each.name.toLowerCase() === name && each.categories);
    if (column) return { from: from + 1, options: (column.categories ?? []).map((value) => ({ label: String(value), type: "constant", detail: column.name })), validFor: /^[^']*$/ };
  }
  return null;
}
