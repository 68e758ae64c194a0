// What the card's audit found: the exact tests of the run's own noise and clipping, and the attacks that it was asked to be put to.

import { h } from "../dom";
import { compact } from "../format";
import { badge, card, grid } from "../ui";
import type { AttackFinding, AuditFinding } from "../wire";

const said = (number: number | null | undefined, interval?: [number, number] | null): string =>
  number === null || number === undefined ? "–" : compact(number) + (interval ? ` (${compact(interval[0])} to ${compact(interval[1])})` : "");

const verdict = (holds: boolean): HTMLElement => badge(holds ? "holds" : "broken", holds ? "good" : "bad");

export function findings(audit: AuditFinding[], attacks: AttackFinding[]): HTMLElement | null {
  if (!audit.length && !attacks.length) return null;
  return card("Put to the test",
    attacks.length ? [h("p", { class: "about" }, "Attacks on made-up or public rows, by the code that trained. A run that they prove to tell more than it claims ends without a model."),
      grid({ label: "Attacks", class: "wide", head: ["Attack", "On", "Found", "Without noise", "ε proven", "ε claimed", "Verdict"], numbers: [4, 5], none: "",
        rows: attacks.map((each) => [each.name, each.on, said(each.found, each.interval), said(each.without_noise, each.without_noise_interval), said(each.epsilon_at_least), said(each.claimed), verdict(each.holds)]) })] : null,
    audit.length ? [h("p", { class: "about" }, "Exact tests of this run's noise, clipping and sampling, on made-up rows."),
      grid({ label: "Exact tests", class: "wide", head: ["Test", "Claimed", "Found", "Verdict"], numbers: [1, 2], none: "",
        rows: audit.map((each) => [each.name.replaceAll("_", " "), said(each.claimed), said(each.found), verdict(each.holds)]) })] : null);
}
