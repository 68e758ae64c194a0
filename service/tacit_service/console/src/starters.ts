// First questions for somebody who has never asked one here, made from the dataset's public facts.

import type { ColumnFacts, DatasetFacts, TableFacts } from "./wire";

export interface Starter { title: string; sql: string }

const SHOWN = 5;

export function starters(facts: DatasetFacts): Starter[] {
  const found = facts.tables.filter((table) => !table.public).flatMap(ofTable);
  const open = facts.tables.find((table) => table.public);
  if (open) found.splice(SHOWN - 1, 0, { title: `Read ${open.name}, free`, sql: `SELECT * FROM ${open.name}` });
  return found.slice(0, SHOWN);
}

function ofTable(table: TableFacts): Starter[] {
  const usable = table.columns.filter((column) => !column.is_privacy_unit);
  const key = usable.find((column) => column.categories && column.categories.length <= 30);
  const number = usable.find((column) => isNumber(column) && column.bounds);
  const time = usable.find((column) => (column.type === "date" || column.type === "timestamp") && column.bounds);
  const out: Starter[] = [];
  if (key) out.push({ title: `How many ${table.name} by ${key.name}`, sql: `SELECT ${key.name}, COUNT(*) AS n\nFROM ${table.name}\nGROUP BY ${key.name}` });
  if (key && number) out.push({ title: `Average ${number.name} by ${key.name}`, sql: `SELECT ${key.name}, AVG(${number.name}) AS mean\nFROM ${table.name}\nGROUP BY ${key.name}` });
  if (time) out.push({ title: `${capital(table.name)} month by month`, sql: `SELECT DATE_TRUNC('month', ${time.name}) AS month, COUNT(*) AS n\nFROM ${table.name}\nGROUP BY month` });
  if (!out.length) out.push({ title: `How many rows of ${table.name}`, sql: `SELECT COUNT(*) AS n FROM ${table.name}` });
  return out;
}

const isNumber = (column: ColumnFacts): boolean => column.type === "integer" || column.type === "number";
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
