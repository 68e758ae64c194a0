// Training: what a run would cost, the runs there are, and one of them while it works.

import { Refused, training, words } from "../api";
import { button, fill, h, type Child } from "../dom";
import { amount, when } from "../format";
import { lines, plot } from "../plot";
import { badge, card, empty, formDialog, grid, meter, page, type Tone } from "../ui";
import type { DatasetFacts, TrainingJob, TrainingQuote } from "../wire";
import { schemaForm } from "./form";
import { jobView } from "./job";

const QUOTE_AFTER_MS = 250;
const LARGE_SHARE = 0.1;
export const STATUS: Record<TrainingJob["status"], Tone> = { queued: "plain", running: "warn", succeeded: "good", failed: "bad", cancelled: "plain" };

export async function trainingPage(facts: DatasetFacts, job: string, spent: () => void, signal: AbortSignal): Promise<HTMLElement> {
  if (job) return await jobView(job, facts, spent, signal);
  try {
    const [schema, jobs] = await Promise.all([training.schema(signal), training.jobs(facts.name, signal)]);
    const asking = ask(facts, schema, spent, signal);
    return page("Training", "Train a model on rows that nobody sees. The whole run is charged at once, and the model may then be used and shared.",
      h("div", { class: "columns" }, asking.element, asking.price), card("Runs", table(jobs)));
  } catch (error) {
    if (!(error instanceof Refused) || error.problem.status !== 501) throw error;
    return page("Training", null, empty("Training is not installed with this service.", error.problem.hint ?? ""));
  }
}

function table(jobs: TrainingJob[]): HTMLElement {
  return grid({
    label: "Runs", class: "wide", head: ["When", "Run", "State", "Progress", "Charged"], numbers: [4], none: "No run yet.",
    rows: jobs.map((job) => [h("span", { class: "when" }, when(job.created_at)),
      h("a", { href: `#/training/${encodeURIComponent(job.id)}` }, `${String(job.model.type).replaceAll("_", " ")} for ${job.label}`),
      badge(job.status, STATUS[job.status]), meter(job.steps ? job.steps_begun / job.steps : 0, `${job.steps_begun} of ${job.steps} steps`, "plain"), `ε ${amount(job.charged.epsilon)}`]),
  });
}

function ask(facts: DatasetFacts, schema: Awaited<ReturnType<typeof training.schema>>, spent: () => void, signal: AbortSignal): { element: HTMLElement; price: HTMLElement } {
  let timer = 0;
  let asking: AbortController | null = null;
  let quote: TrainingQuote | null = null;
  const line = h("div", { class: "price-line muted", role: "status", "aria-live": "polite" });
  const said = h("span", null, "The price shows here once the run is described; asking for it is free.");
  line.append(said);
  const detail = h("div");
  const train = button("Train", () => submit(), { class: "primary", disabled: true });
  const form = schemaForm(schema, { dataset: facts.name }, () => { clearTimeout(timer); train.disabled = true; line.classList.add("stale"); timer = window.setTimeout(() => void price(), QUOTE_AFTER_MS); });
  const start = example(facts);
  if (start) { form.set("sql", start.sql); form.set("label", start.label); }

  const price = async (): Promise<void> => {
    asking?.abort();
    const mine = asking = new AbortController();
    if (!quote) {
      line.className = "price-line muted";
      fill(said, h("span", { class: "bar" }, h("span", { class: "spinner", "aria-hidden": "true" }), "Working out the price …"));
    }
    try {
      quote = await training.quote(form.body(), mine.signal);
      if (mine.signal.aborted) return;
      form.blame(null);
      line.className = quote.affordable ? "price-line" : "price-line warn";
      fill(said, h("strong", null, `costs ε ${amount(quote.price.epsilon)}`), ` and δ ${amount(quote.price.delta)} of ${amount(quote.remaining.epsilon)} left · ${String(quote.parameters.steps)} steps`,
        quote.affordable ? "" : " – more than is left");
      train.disabled = !quote.affordable;
      fill(detail, run(quote));
    } catch (error) {
      if (mine.signal.aborted) return;
      quote = null;
      line.className = "price-line refused";
      fill(said, h("strong", null, words(error)));
      form.blame(error instanceof Refused ? error.problem : null);
      fill(detail);
    }
  };

  const submit = (): void => {
    if (!quote) return;
    const share = Number(quote.remaining.epsilon) > 0 ? Number(quote.price.epsilon) / Number(quote.remaining.epsilon) : 1;
    const go = async (): Promise<void> => {
      const job = await training.submit(form.body());
      spent();
      if (!signal.aborted) location.hash = `#/training/${encodeURIComponent(job.id)}`;
    };
    if (share <= LARGE_SHARE) { train.disabled = true; go().catch((error: unknown) => { line.className = "price-line refused"; fill(said, h("strong", null, words(error))); train.disabled = false; }); return; }
    formDialog(`This takes ${Math.round(100 * share)} % of what is left`, `The run costs ε ${amount(quote.price.epsilon)} of the ${amount(quote.remaining.epsilon)} that you have left. Cancelled early, it is charged for the steps that it began. Spent ε never comes back.`,
      [], `Spend ε ${amount(quote.price.epsilon)}`, go);
  };

  signal.addEventListener("abort", () => { clearTimeout(timer); asking?.abort(); });
  void price();
  return {
    element: card("A new run", form.element),
    price: card("What it would cost", line, h("div", { class: "bar" }, train), h("div", { class: "gap" }), detail),
  };
}

function run(quote: TrainingQuote): HTMLElement {
  return h("div", null, h("h3", null, `ε by epoch, at δ ${amount(quote.price.delta)}`),
    plot((width) => lines(width, "ε by epoch", "epochs", [{ name: "ε", points: [[0, 0], ...quote.epsilon_by_epoch], colour: 1 }])),
    quote.notes.map((note) => h("p", { class: "help" }, note)), h("h3", null, "The run"), facts(quote.parameters));
}

export function facts(values: Record<string, unknown>): HTMLElement {
  return h("div", { class: "facts" }, h("dl", null, Object.entries(values).map(([name, value]) =>
    h("div", null, h("dt", null, name.replaceAll("_", " ")), h("dd", null, typeof value === "object" && value !== null ? told(name, value as Record<string, unknown>) : value === null ? "–" : typeof value === "number" ? String(Number(value.toPrecision(6))) : String(value))))));
}

// What has a name is told in words; the rest as it stands.
function told(name: string, value: Record<string, unknown>): Child {
  const { type, ...rest } = value;
  if (name === "model" && typeof type === "string") return [type.replaceAll("_", " "), Object.entries(rest).map(([key, each]) => `, ${key.replaceAll("_", " ")} ${typeof each === "string" ? each : JSON.stringify(each)}`)];
  if (name === "ledger" && typeof value.hash === "string") return [`entry ${String(value.sequence)}, `, h("code", { title: value.hash }, `${value.hash.slice(0, 16)}…`)];
  return h("code", null, JSON.stringify(value));
}

// A first run that passes, from public facts: a declared key of two or more values, learnt from the other columns of its table.
function example(known: DatasetFacts): { sql: string; label: string } | null {
  for (const table of known.tables.filter((each) => !each.public)) {
    const usable = table.columns.filter((column) => !column.is_privacy_unit && (column.bounds && (column.type === "integer" || column.type === "number") || column.categories));
    const label = usable.find((column) => column.categories && column.categories.length >= 2);
    const others = usable.filter((column) => column !== label).slice(0, 6);
    if (label && others.length) return { sql: `SELECT ${[...others, label].map((column) => column.name).join(", ")} FROM ${table.name}`, label: label.name };
  }
  return null;
}
