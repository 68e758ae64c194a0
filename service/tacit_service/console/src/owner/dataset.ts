// A dataset for those who watch over it: its budget, and the policy that is served, line by line.

import { Refused, api, owner } from "../api";
import { h, type Child } from "../dom";
import { amount } from "../format";
import { schema } from "../schema";
import { badge, card, later, meter, page, stat } from "../ui";
import { toneOf } from "../budget";
import type { DatasetFacts } from "../wire";
import { lined } from "./policy";

export async function datasetPage(facts: DatasetFacts, signal: AbortSignal): Promise<HTMLElement> {
  const account = (await api.budget(signal)).find((each) => each.dataset === facts.name);
  const share = account && Number(account.limit.epsilon) > 0 ? Number(account.remaining.epsilon) / Number(account.limit.epsilon) : 0;
  return page(facts.name, facts.description,
    account ? card(null, h("div", { class: "stats" },
      stat("Left", `ε ${amount(account.remaining.epsilon)}`, `of ${amount(account.limit.epsilon)} for the life of the dataset`),
      stat("Spent", `ε ${amount(account.spent.epsilon)}`, `${account.releases} ${account.releases === 1 ? "charge" : "charges"}`), stat("δ left", amount(account.remaining.delta), `of ${amount(account.limit.delta)}`),
      stat("Protected", facts.privacy_unit, facts.privacy_unit_column)),
      h("div", { class: "gap" }), meter(share, `ε ${amount(account.remaining.epsilon)} of ${amount(account.limit.epsilon)} left`, toneOf(share))) : null,
    later(() => policy(facts, signal), "Reading the policy …"),
    card("What analysts see", schema(facts, () => undefined)));
}

async function policy(facts: DatasetFacts, signal: AbortSignal): Promise<Child> {
  try {
    const reading = await owner.policy(facts.name, signal);
    return h("section", { class: "card" }, h("div", { class: "card-head" }, h("h2", null, "The policy that is served"), reading.ok ? badge("no problem found", "good") : badge(`${reading.lines.length} problems`, "bad"), reading.digest ? h("code", { class: "muted", title: "Digest of its meaning" }, reading.digest.slice(0, 12)) : null),
      h("p", { class: "about" }, "Beside each line stands what it lets an analyst ask, with the 95 % ± at the usual ε. All of this follows from the text alone."),
      lined(reading),
      h("p", { class: "help" }, "Comparing the policy with the data reads them exactly, so it is done on the machine that holds them: ", h("code", null, "tacit-service policy check FILE"), "."));
  } catch (error) {
    if (error instanceof Refused && error.problem.status === 404) return null;
    throw error;
  }
}
