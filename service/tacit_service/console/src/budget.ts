// What is spent and left, by day and by query; and why the sum can pass the limit.

import { api } from "./api";
import { h, type Child } from "./dom";
import { amount, when } from "./format";
import { priced, releaseLink } from "./history";
import { columns, plot } from "./plot";
import { badge, card, grid, meter, page, stat, type Tone } from "./ui";
import type { Charge, DatasetFacts, Group, Pace, Spending } from "./wire";

export const STATES: Record<Charge["status"], [string, Tone]> = {
  pending: ["holds budget", "warn"], released: ["released", "good"], failed: ["failed, charged", "bad"], voided: ["given back", "plain"], settled: ["settled", "good"],
};

export const toneOf = (share: number): Tone => share < 0.1 ? "bad" : share < 0.25 ? "warn" : "good";

export async function budgetPage(facts: DatasetFacts, signal: AbortSignal): Promise<HTMLElement> {
  const [accounts, spending] = await Promise.all([api.budget(signal), api.spending(facts.name, signal)]);
  const account = accounts.find((each) => each.dataset === facts.name);
  if (!account) return page("Budget", "This key has no account here.");
  const share = Number(account.limit.epsilon) > 0 ? Number(account.remaining.epsilon) / Number(account.limit.epsilon) : 0;
  const usual = Number(facts.default_epsilon);
  return page("Budget", `ε bounds what anyone can learn about one ${facts.privacy_unit} from all the answers together. Spent ε never comes back.`,
    card(null,
      h("div", { class: "stats" },
        stat("Left", `ε ${amount(account.remaining.epsilon)}`, `of ${amount(account.limit.epsilon)} for life`),
        stat("Spent", `ε ${amount(account.spent.epsilon)}`, `${account.releases} ${account.releases === 1 ? "charge" : "charges"}`),
        stat("About", `${Math.floor(Number(account.remaining.epsilon) / usual + 1e-9)} more`, `at the usual ε ${amount(facts.default_epsilon)}`),
        Number(account.limit.delta) ? stat("δ left", amount(account.remaining.delta), `of ${amount(account.limit.delta)} for life`) : null,
        account.dataset_remaining ? stat("The whole dataset", `ε ${amount(account.dataset_remaining.epsilon)}`, "left for all its analysts") : null),
      h("div", { class: "gap" }), meter(share, `ε ${amount(account.remaining.epsilon)} of ${amount(account.limit.epsilon)} left`, toneOf(share)),
      account.in_words.includes("Rényi") ? h("p", { class: "help" }, `${account.in_words} Many small charges together tell less than their sum, so the ledger counts in both ways.`) : null,
      account.pending ? h("p", { class: "help" }, `ε ${amount(account.pending.epsilon)} of it is held by charges that have no answer yet, or were cut off.`) : null),
    pace("Your pace", account.pace), pace("Pace of the whole dataset", account.dataset_pace), account.group ? shared(account.group) : null,
    h("div", { class: "columns" }, card("By day", byDay(spending)), spending.pending.length ? card("Held up", pending(spending)) : null),
    card("By query", charges(spending.charges), spending.complete ? null : h("p", { class: "help" }, "Only the newest are listed.")));
}

// Slows spending down; what a window does not admit waits for the next, and nothing is given back.
function pace(title: string, found: Pace | null): Child {
  if (!found) return null;
  const share = Number(found.limit) > 0 ? Number(found.remaining) / Number(found.limit) : 0;
  const now = found.period === "day" ? "today" : "this month";
  return card(title, h("p", { class: "about" }, `At most ε ${amount(found.limit)} a ${found.period} (UTC). ε ${amount(found.remaining)} of it is left ${now}; more is refused, free of charge, until ${when(found.ends)}.`),
    meter(share, `ε ${amount(found.remaining)} of ${amount(found.limit)} left ${now}`, toneOf(share)));
}

function shared(group: Group): Child {
  const share = Number(group.limit.epsilon) > 0 ? Number(group.remaining.epsilon) / Number(group.limit.epsilon) : 0;
  return [card(`Shared by the group ${group.name}`, h("p", { class: "about" }, `What you spend is charged to the group as well: ε ${amount(group.remaining.epsilon)} of ${amount(group.limit.epsilon)} is left for all its members together.`),
    meter(share, `ε ${amount(group.remaining.epsilon)} of ${amount(group.limit.epsilon)} left for ${group.name}`, toneOf(share))), pace(`Pace of ${group.name}`, group.pace)];
}

export function byDay(spending: Spending): Child {
  if (!spending.days.length) return h("p", { class: "muted none" }, "Nothing is spent yet.");
  const days = [...spending.days].reverse().slice(-30).map((day) => ({
    label: day.day.slice(5), value: Number(day.spent.epsilon), said: `${day.day}: ε ${amount(day.spent.epsilon)} in ${day.charges} ${day.charges === 1 ? "charge" : "charges"}`,
  }));
  return [plot((width) => columns(width, "ε spent by day", days)),
    h("ul", { class: "aside" }, days.map((day) => h("li", null, day.said)))];
}

const pending = (spending: Spending): Child => grid({
  label: "Charges without an end", head: ["When", "Statement", "Holds"], numbers: [2], class: "wide",
  rows: spending.pending.map((charge) => [h("span", { class: "when" }, when(charge.at)), h("code", null, charge.sql), priced(charge.cost)]),
});

export function charges(all: Charge[], who = false, label = "Charges"): HTMLElement {
  return grid({
    label, class: "releases wide", numbers: [who ? 4 : 3], none: "Nothing was asked yet.",
    head: ["When", ...(who ? ["Who"] : []), "Statement", "State", "Cost"],
    rows: all.map((charge) => {
      const [name, tone] = STATES[charge.status];
      const statement = charge.release_id?.startsWith("rel_") && !who ? releaseLink(charge.release_id, charge.sql) : h("code", null, charge.sql.replace(/\s+/g, " "));
      const cost = charge.paid_by_dataset === false ? [priced(charge.cost), " ", badge("handed on")] : priced(charge.cost);
      return [h("span", { class: "when" }, when(charge.at)), ...(who ? [charge.analyst] : []), statement, badge(name, tone), cost];
    }),
  });
}
