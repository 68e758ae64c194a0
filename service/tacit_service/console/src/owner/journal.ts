// The journal: every charge and every change, chained by hashes; and its verification, from the first entry.

import { owner, words } from "../api";
import { button, download, fill, h, type Child } from "../dom";
import { when } from "../format";
import { badge, card, grid, loading, page, worker } from "../ui";
import type { Entry, Verification } from "../wire";

const PAGE = 50;

export async function journalPage(signal: AbortSignal): Promise<HTMLElement> {
  const head = (await owner.journal(0, signal)).head;
  let after = Math.max(0, head.sequence - PAGE);
  let entries = (await owner.journal(after, signal)).entries;
  const box = h("div");
  const older = worker("Older", async () => {
    const from = Math.max(0, after - PAGE);
    const more = (await owner.journal(from)).entries.filter((entry) => entry.sequence <= after);
    entries = [...more, ...entries];
    after = from;
    draw();
  });
  const draw = (): void => { fill(box, table(entries)); older.hidden = after === 0; };
  draw();
  const verdict = h("div", { role: "status" });
  const verify = button("Verify the whole ledger", () => {
    verify.disabled = true;
    fill(verdict, loading("Deriving every hash, price and balance again …"));
    owner.verify().then((found) => fill(verdict, told(found)), (error: unknown) => fill(verdict, h("p", { class: "problem" }, words(error)))).finally(() => { verify.disabled = false; });
  }, { class: "primary" });
  const checkpoint = worker("Signed checkpoint", async () => {
    const signed = await owner.checkpoint();
    download(`checkpoint-${head.sequence}.txt`, `${signed.checkpoint}\n${signed.public_key}`, "text/plain");
  });
  return page("Journal", "Every charge and every change of an owner, each chained to the one before by SHA-256: what was written cannot be changed without showing.",
    card("Verification", h("p", { class: "about" }, "From the first entry on, every hash is computed again, every charge priced again, and every balance added up and compared."), h("div", { class: "bar" }, verify, checkpoint), verdict),
    card([`Entries `, badge(`head ${head.sequence}`), " ", h("code", { class: "muted" }, head.hash.slice(0, 16))], box, older));
}

function told(found: Verification): Child {
  return [h("div", { class: "gap" }), h("div", { class: found.ok ? "verdict good" : "verdict bad" },
    h("strong", null, found.ok ? "The ledger is whole" : "The ledger does not add up"),
    h("small", null, [many(found.head.sequence, "entry", "entries"), many(found.charges, "charge"), many(found.releases, "release"), many(found.accounts, "account")].join(", "))),
  found.findings.length ? h("ul", null, found.findings.map((finding) => h("li", null, finding))) : null];
}

function table(entries: Entry[]): HTMLElement {
  return grid({
    label: "Entries", class: "wide", head: ["Entry", "Kind", "What", "Hash"], numbers: [0],
    rows: [...entries].reverse().map((entry) => [String(entry.sequence), badge(entry.kind.replaceAll("_", " ")), what(entry), h("code", { class: "muted hash", title: entry.hash }, entry.hash.slice(0, 12))]),
  });
}

const SHOWN = 3;

const many = (count: number, one: string, more = `${one}s`): string => `${count} ${count === 1 ? one : more}`;

function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 1);
  } catch {
    return body;
  }
}

function what(entry: Entry): Child {
  let data: Record<string, unknown> = {};
  try {
    const body = JSON.parse(entry.body) as Record<string, unknown>;
    data = { ...(body.data as object | undefined), at: body.at };
  } catch { /* shown as it stands, below */ }
  const parts = ["action", "dataset", "analyst", "principal", "role", "state", "reason", "description", "release_id"].flatMap((name) => typeof data[name] === "string" && data[name] !== "" ? [name === "analyst" || name === "principal" ? `for ${String(data[name])}` : String(data[name])] : []);
  const at = typeof data.at === "string" ? `${when(data.at)} · ` : "";
  return h("details", null, h("summary", null, short(at + parts.slice(0, SHOWN).join(" · ")) || entry.kind), h("pre", null, pretty(entry.body)));
}

const short = (text: string): string => text.length > 160 ? `${text.slice(0, 159)}…` : text;
