// What is spent and left, and on what.

import { h } from "./dom";
import { amount, when } from "./format";
import type { Account, ReleaseItem, Spend } from "./wire";

export function budgetView(accounts: Account[], releases: ReleaseItem[]): HTMLElement {
  return h("section", { class: "page", "aria-labelledby": "budget-title" },
    h("h1", { id: "budget-title" }, "Budget"),
    h("p", { class: "about" }, "ε bounds what anyone can learn about one protected unit from all the answers together. Spent ε never comes back."),
    accounts.map((account) => h("div", { class: "account" },
      h("h2", null, account.dataset),
      meter("ε", account.limit.epsilon, account.remaining.epsilon),
      Number(account.limit.delta) ? meter("δ", account.limit.delta, account.remaining.delta) : null,
      account.dataset_remaining ? h("p", { class: "muted" }, `The whole dataset has ε ${amount(account.dataset_remaining.epsilon)} left for all its analysts.`) : null,
      h("p", { class: "muted" }, `${account.releases} ${account.releases === 1 ? "charge" : "charges"} so far.`))),
    releases.length ? [byDay(releases), releasesTable(releases)] : null);
}

function meter(name: string, limit: string, remaining: string): HTMLElement {
  const [whole, left] = [Number(limit), Number(remaining)];
  const label = `${name} ${amount(remaining)} of ${amount(limit)} left`;
  return h("div", { class: "meter" }, h("span", null, label), h("meter", { min: 0, max: 1, low: 0.1, value: whole > 0 ? left / whole : 0, "aria-label": label }));
}

function byDay(releases: ReleaseItem[]): HTMLElement {
  const days = new Map<string, number>();
  for (const release of releases) {
    const day = release.created_at.slice(0, 10);
    days.set(day, (days.get(day) ?? 0) + Number(release.charged.epsilon));
  }
  const most = Math.max(...days.values(), Number.MIN_VALUE);
  return h("div", null, h("h2", null, "By day"), h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Spending by day" }, h("table", { class: "days" }, h("tbody", null, [...days].map(([day, spent]) =>
    h("tr", null, h("th", { scope: "row" }, day), h("td", null, h("meter", { min: 0, max: 1, value: spent / most, "aria-label": `Spent on ${day}` })), h("td", { class: "number" }, `ε ${amount(String(spent))}`)))))));
}

const priced = (spend: Spend): string => Number(spend.epsilon) === 0 ? "free" : `ε ${amount(spend.epsilon)}`;

export function releasesTable(releases: ReleaseItem[]): HTMLElement {
  return h("div", null, h("h2", null, "Releases that you hold"),
    h("p", { class: "about" }, "Each can be read again for free; asking the same question again answers from here."),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Releases" }, h("table", { class: "releases" },
      h("thead", null, h("tr", null, ["When", "Statement", "Cost"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", null, releases.map((release) => h("tr", null,
        h("td", { class: "when" }, when(release.created_at)),
        h("td", null, h("a", { href: `#/release/${encodeURIComponent(release.release_id)}` }, h("code", null, release.sql.replace(/\s+/g, " ")))),
        h("td", { class: "number" }, priced(release.charged))))))));
}
