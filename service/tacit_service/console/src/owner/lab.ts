// What if: a policy draft, read while it is written and rehearsed on made-up rows before anybody depends on it.

import { Refused, owner, words } from "../api";
import { button, fill, h, type Child } from "../dom";
import { TextEditor } from "../editor";
import { amount, compact } from "../format";
import { badge, card, empty, grid, loading, page, type Tone } from "../ui";
import type { DatasetFacts, PolicyReading, Rehearsal, Trial, Tried } from "../wire";
import { lined } from "./policy";

const CHECK_AFTER_MS = 250;
const DRAFT = "tacit.draft.";
const GOOD = 0.05;
const USEFUL = 0.25;

const NEW = `version: 1
dataset: NAME
privacy_unit: {name: person, column: people.person_id}
tables:
  people:
    source: people.parquet
    unit: person_id
    one_row_per_unit: true
    columns:
      person_id: {type: integer}
      region: {type: string, categories: [north, south], nullable: false}
      income: {type: integer, bounds: [0, 100000]}
budget: {epsilon: 3, delta: 1e-6}
`;

export async function labPage(facts: DatasetFacts, nonce: string, signal: AbortSignal): Promise<HTMLElement> {
  const served = await owner.policy(facts.name, signal).then((reading) => reading.text, () => NEW);
  const verdict = h("div", { role: "status", "aria-live": "polite", class: "bar" });
  const lines = h("div");
  const result = h("div", { class: "stack" }, empty("Nothing rehearsed yet.", "Typical questions are asked of made-up rows, at several prices; no protected row is read."));
  const box = h("div", { class: "editor" });
  let timer = 0;
  let asking: AbortController | null = null;
  const editor = new TextEditor(box, nonce, "Policy draft", (text) => {
    sessionStorage.setItem(DRAFT + facts.name, text);
    clearTimeout(timer);
    timer = window.setTimeout(() => void check(), CHECK_AFTER_MS);
  });
  const check = async (): Promise<void> => {
    asking?.abort();
    const mine = asking = new AbortController();
    try {
      const reading = await owner.check(editor.text, mine.signal);
      if (mine.signal.aborted) return;
      editor.mark(reading.lines.filter((line) => line.level === "error"));
      fill(verdict, summary(reading));
      fill(lines, h("details", null, h("summary", null, "Line by line"), lined(reading)));
    } catch (error) {
      if (!mine.signal.aborted) fill(verdict, h("span", null, words(error)));
    }
  };
  const knobs = controls(facts);
  const go = button("Rehearse", () => {
    go.disabled = true;
    fill(result, loading("Making rows up, asking, and comparing with the truth. This takes some seconds …"));
    owner.rehearse({ policy: editor.text, ...knobs.values() }, signal)
      .then((found) => fill(result, told(found)), (error: unknown) => { if (!signal.aborted) fill(result, h("p", { class: "problem", role: "alert" }, words(error), fieldsOf(error))); })
      .finally(() => { go.disabled = false; });
  }, { class: "primary" });
  editor.open(sessionStorage.getItem(DRAFT + facts.name) ?? served);
  void check();
  signal.addEventListener("abort", () => { clearTimeout(timer); asking?.abort(); });
  return page("What if", "Change the draft, and see how wrong typical answers would be at which price, and how many fit a year. Every row is made up from the draft's own bounds and categories.",
      h("div", { class: "lab" },
        h("div", { class: "stack" }, h("div", null, h("div", { class: "card-head" }, h("h2", null, "Draft"), h("span", { class: "spacer" }), button("As served", () => editor.open(served), { class: "quiet" }), button("An empty one", () => editor.open(NEW), { class: "quiet" })), box, verdict), lines),
        card("Made-up rows", knobs.element, h("div", { class: "bar" }, go))),
      result);
}

const fieldsOf = (error: unknown): Child => error instanceof Refused && error.problem.fields ? h("ul", null, error.problem.fields.map((each) => h("li", null, `${each.field}: ${each.reason}`))) : null;

function summary(reading: PolicyReading): Child {
  const wrong = reading.lines.filter((line) => line.level === "error");
  const first = wrong[0];
  if (!first) return badge("reads well", "good");
  return [badge(wrong.length === 1 ? "1 problem" : `${wrong.length} problems`, "bad"), h("span", null, `line ${first.line}: ${first.path ? `${first.path}: ` : ""}${first.text}. ${first.fix}`)];
}

function controls(facts: DatasetFacts): { element: HTMLElement; values: () => Record<string, unknown> } {
  const text = (name: string, label: string, value: string, help: string): [HTMLElement, HTMLInputElement] => {
    const input = h("input", { id: `lab-${name}`, type: "text", inputmode: "decimal", value });
    return [h("div", { class: "field" }, h("label", { for: `lab-${name}` }, label), input, h("p", { class: "help" }, help)), input];
  };
  const [units, unitsInput] = text("units", `How many ${facts.privacy_unit}s`, "10000", "10 to 50,000");
  const [rows, rowsInput] = text("rows", "Rows of each, on average", "5", "where it may have several");
  const [years, yearsInput] = text("years", "Years the budget lasts", "1", "shared evenly");
  const [prices, pricesInput] = text("prices", "ε to try", "", "Empty: around the default. Or up to five, with commas.");
  const spread = h("select", { id: "lab-spread" }, h("option", { value: "skewed" }, "skewed, like money"), h("option", { value: "even" }, "even over the bounds"));
  const questions = h("textarea", { id: "lab-questions", rows: 3, spellcheck: "false", class: "mono", placeholder: "Empty: typical questions. Or one SELECT a line." });
  const whole = (input: HTMLInputElement): unknown => /^\d+$/.test(input.value.trim()) ? Number(input.value) : input.value;
  const list = (value: string, by: RegExp): string[] => value.split(by).map((each) => each.trim()).filter(Boolean);
  return {
    element: h("div", null, h("div", { class: "knobs" }, units, rows, years, h("div", { class: "field" }, h("label", { for: "lab-spread" }, "Values"), spread)), prices,
      h("div", { class: "field" }, h("label", { for: "lab-questions" }, "Questions"), questions)),
    values: () => ({
      units: whole(unitsInput), rows_per_unit: whole(rowsInput), years: whole(yearsInput), spread: spread.value,
      ...(pricesInput.value.trim() ? { epsilons: list(pricesInput.value, /[\s,]+/) } : {}), ...(questions.value.trim() ? { questions: list(questions.value, /\n+/) } : {}),
    }),
  };
}

function told(found: Rehearsal): Child {
  if (!found.ok) return h("p", { class: "problem", role: "alert" }, "The draft has problems; they are marked in it.");
  const prices = [...new Set(found.questions.flatMap((question) => question.trials.map((trial) => trial.epsilon)))];
  const made = Object.entries(found.tables).map(([name, rows]) => `${rows.toLocaleString("en-US")} ${name}`).join(", ");
  return card("What analysts could expect",
    h("p", { class: "about" }, `${made}, made up. A year's budget is ε ${amount(found.yearly?.epsilon ?? "0")}. `, badge(`within ${100 * GOOD} %`, "good"), " ", badge(`within ${100 * USEFUL} %`, "warn"), " ", badge("more noise than that", "bad")),
    grid({ label: "Questions by price", class: "wide verdicts", head: ["Question", ...prices.map((price) => `ε ${amount(price)}`)],
      rows: found.questions.map((question) => [asked(question), ...prices.map((price) => question.refused ? "–" : cell(question.trials.find((trial) => trial.epsilon === price)))]) }),
    h("p", { class: "help" }, "Error: root mean square over the mean size of the truth, of several answers each. It holds the noise and what caps lose. Many small charges together cost less than their sum, so more may fit than ε would divide."),
    found.notes.map((note) => h("p", { class: "help" }, note)));
}

const asked = (question: Tried): Child => [question.about ? h("div", null, question.about) : null, h("code", { class: "muted" }, question.sql), question.refused ? h("p", { class: "help" }, question.refused) : null];

function cell(trial: Trial | undefined): Child {
  if (!trial) return "–";
  const tone: Tone = trial.error === null ? "bad" : trial.error <= GOOD ? "good" : trial.error <= USEFUL ? "warn" : "bad";
  const error = trial.error === null ? "no row shows" : trial.error >= 10 ? "all noise" : `${compact(100 * trial.error)} % off`;
  return h("div", { class: `verdict ${tone}` }, h("strong", null, error),
    h("small", null, trial.plus_minus === null ? "± depends" : `±${compact(trial.plus_minus)}`, trial.shown !== null && trial.shown < 0.995 ? ` · ${Math.round(100 * trial.shown)} % of rows show` : ""),
    h("small", null, trial.fits === 0 ? "does not fit a year" : `${trial.fits.toLocaleString("en-US")} a year`));
}
