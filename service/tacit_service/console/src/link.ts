// Addresses of answers: a release by its id, and, where the answer only follows from that release, the question beside it.

import type { QueryRequest } from "./wire";

const NUMBERS = ["max_rows", "max_groups", "max_amount"] as const;
const TEXTS = ["epsilon", "accuracy"] as const;
const SWITCHES = ["bias_check", "approx_bounds"] as const;

export function releaseHash(id: string, asked: QueryRequest | null): string {
  const path = `#/release/${encodeURIComponent(id)}`;
  if (!asked) return path;
  const terms = new URLSearchParams({ dataset: asked.dataset, sql: asked.sql });
  for (const name of [...NUMBERS, ...TEXTS, ...SWITCHES]) if (asked[name] !== undefined) terms.set(name, String(asked[name]));
  return `${path}/${terms.toString()}`;
}

// The question that an address holds; `fresh` is not among its terms, so that opening one can buy nothing.
export function questionOf(text: string): QueryRequest | null {
  const terms = new URLSearchParams(text);
  const [dataset, sql] = [terms.get("dataset"), terms.get("sql")];
  if (!dataset || !sql) return null;
  const body: QueryRequest = { dataset, sql };
  for (const name of TEXTS) if (terms.has(name)) body[name] = terms.get(name) ?? "";
  for (const name of NUMBERS) if (terms.has(name)) body[name] = Number(terms.get(name));
  for (const name of SWITCHES) if (terms.get(name) === "true") body[name] = true;
  return body;
}
