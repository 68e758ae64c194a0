// What was asked: releases that can be read again for free, and one of them.

import { answerView } from "./answer";
import { Refused, api } from "./api";
import { button, fill, h, type Child } from "./dom";
import { amount, when } from "./format";
import { questionOf } from "./link";
import { badge, empty, grid, page } from "./ui";
import type { Answer, DatasetFacts, QueryRequest, ReleaseItem, Spend } from "./wire";

export const priced = (spend: Spend): string => Number(spend.epsilon) === 0 ? "free" : `ε ${amount(spend.epsilon)}`;

export const releaseLink = (id: string, sql: string): HTMLElement => h("a", { href: `#/release/${encodeURIComponent(id)}` }, h("code", null, sql.replace(/\s+/g, " ")));

function table(releases: ReleaseItem[]): HTMLElement {
  return grid({
    label: "Releases", head: ["When", "Statement", "Cost"], numbers: [2], class: "releases wide",
    rows: releases.map((release) => [h("span", { class: "when" }, when(release.created_at)), releaseLink(release.release_id, release.sql), priced(release.charged)]),
    none: "No statement holds these words.",
  });
}

export async function historyPage(facts: DatasetFacts, signal: AbortSignal): Promise<HTMLElement> {
  const releases = await api.releases(facts.name, signal);
  const box = h("div", { class: "card" });
  const search = h("input", { type: "search", placeholder: "Search statements", "aria-label": "Search statements", oninput: () => draw() });
  const draw = (): void => {
    const wanted = search.value.trim().toLowerCase();
    fill(box, table(releases.filter((release) => !wanted || release.sql.toLowerCase().includes(wanted))));
  };
  draw();
  return page("History", "Releases that you hold. Each can be read again for free, and asking the same question again answers from here.",
    releases.length ? [h("div", { class: "bar" }, search, badge(`${releases.length} ${releases.length === 1 ? "release" : "releases"}`)), box]
      : empty("Nothing asked yet.", "What you buy appears here, and stays.", h("a", { href: "#/query" }, "Ask the first question")));
}

export async function releasePage(id: string, question: string, open: (sql: string) => void, signal: AbortSignal): Promise<HTMLElement> {
  const asked = questionOf(question);
  let answer: Answer;
  try {
    const held = asked && await api.again(asked, signal);
    if (asked && !held) return unheld(asked, open);
    answer = held || await api.release(id, signal);
  } catch (error) {
    if (!(error instanceof Refused) || error.problem.status !== 404) throw error;
    return page("Release", null, h("div", { class: "problem", role: "alert" }, h("strong", null, "This key holds no release of this id."), h("p", null, "A link to a release opens it for the one who bought it.")),
      h("p", null, h("a", { href: "#/history" }, "The releases that you hold")));
  }
  const about = asked ? "Follows from a release that you hold: reading it again is free." : `Of ${when(answer.created_at)}. The same noise as then: reading it again is free.`;
  return page("Release", about, statement(answer.sql, open), answerView(answer, asked));
}

const statement = (sql: string, open: (sql: string) => void): Child =>
  [h("pre", { tabindex: 0, "aria-label": "Statement" }, sql), h("div", { class: "bar" }, button("Open in the editor", () => open(sql)))];

const unheld = (asked: QueryRequest, open: (sql: string) => void): HTMLElement =>
  page("Release", null, h("div", { class: "problem", role: "alert" }, h("strong", null, "This key holds no release that answers this."),
    h("p", null, "Opening a link never buys anything. In the editor the statement shows its price.")), statement(asked.sql, open));
