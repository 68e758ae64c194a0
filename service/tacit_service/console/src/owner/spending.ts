// What was spent, by whom, on what, when.

import { api, owner } from "../api";
import { byDay, charges } from "../budget";
import { fill, h, type Child } from "../dom";
import { amount } from "../format";
import { card, grid, meter, page, worker } from "../ui";
import type { Analyst, Charge, DatasetFacts } from "../wire";

export async function spendingPage(facts: DatasetFacts, signal: AbortSignal): Promise<HTMLElement> {
  const [spending, analysts, first, pending] = await Promise.all([api.spending(facts.name, signal), owner.analysts(signal), owner.history(facts.name, undefined, signal), owner.pending(facts.name, signal)]);
  const all: Charge[] = [...first.charges];
  let next = first.next_before;
  const box = h("div");
  const older = worker("Older", async () => {
    const more = await owner.history(facts.name, next ?? undefined);
    all.push(...more.charges);
    next = more.next_before;
    draw();
  });
  const draw = (): void => { fill(box, charges(all, true)); older.hidden = next === null; };
  draw();
  return page("Spending", "Who spent what. Analysts who were handed a stored release pay from their own account, and the dataset pays nothing more.",
    h("div", { class: "columns" }, card("By analyst and dataset", people(analysts)), card(`${facts.name} by day`, byDay(spending))),
    card("All charges together", h("p", { class: "about" }, "What they amount to by the ledger's own ways of adding, and, as information, by one privacy loss distribution."), together(facts)),
    pending.charges.length ? card("Without an end", h("p", { class: "about" }, "These hold budget and have neither an answer nor an end: in work, or cut off. Those that nobody works on are ended by ", h("code", null, "tacit-service ledger reap"), "."), charges(pending.charges, true, "Without an end")) : null,
    card("Charges", box, older));
}

function together(facts: DatasetFacts): Child {
  const box = h("div", { role: "status" });
  return [worker("Add them up", async () => {
    const found = await owner.total(facts.name);
    fill(box, h("div", { class: "gap" }), h("p", null, found.in_words),
      found.pld_epsilon === null ? null : h("p", null, `One privacy loss distribution: ε ${amount(String(found.pld_epsilon))} at δ ${amount(found.pld_delta)}.`), found.note ? h("p", { class: "help" }, found.note) : null);
  }), box];
}

function people(analysts: Analyst[]): HTMLElement {
  const accounts = analysts.flatMap((analyst) => analyst.accounts);
  const most = Math.max(...accounts.map((account) => Number(account.spent.epsilon)), Number.MIN_VALUE);
  return grid({
    label: "Spending by analyst and dataset", class: "wide", head: ["Analyst", "Dataset", "Spent", "", "Left", "Charges"], numbers: [2, 4, 5], none: "Nobody has an account yet.",
    rows: accounts.map((account) => [account.analyst, account.dataset, `ε ${amount(account.spent.epsilon)}`,
      meter(Number(account.spent.epsilon) / most, `${account.analyst ?? ""} spent ε ${amount(account.spent.epsilon)}`, "plain"), amount(account.remaining.epsilon), String(account.charges)]),
  });
}
