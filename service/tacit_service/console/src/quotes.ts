// Prices already known: asked a moment ago, or for a text that differs in its layout alone. Nothing is asked for them again.

import type { QueryRequest, Quote } from "./wire";

const KEPT_MS = 20_000;
const KEPT_MAX = 32;
// Outside these, a run of blanks says no more than one. Where comments, escapes or dollar quotes may begin, the text is taken as it is.
const QUOTED = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\s+/g;
const BEYOND = /--|\/\*|#|\\|\$/;

export function plain(sql: string): string {
  const text = sql.trim();
  return BEYOND.test(text) ? text : text.replace(QUOTED, (found) => /^\s/.test(found) ? " " : found);
}

export class Quotes {
  private readonly kept = new Map<string, { quote: Quote; at: number }>();

  of(body: QueryRequest): Quote | null {
    const found = this.kept.get(name(body));
    return found && performance.now() - found.at < KEPT_MS ? found.quote : null;
  }

  keep(body: QueryRequest, quote: Quote): void {
    this.kept.delete(name(body));
    this.kept.set(name(body), { quote, at: performance.now() });
    const oldest = this.kept.size > KEPT_MAX ? this.kept.keys().next().value : undefined;
    if (oldest !== undefined) this.kept.delete(oldest);
  }

  // Something was spent: what is left, and what is held, are different now.
  forget(): void { this.kept.clear(); }
}

const name = (body: QueryRequest): string => JSON.stringify({ ...body, sql: plain(body.sql) });
