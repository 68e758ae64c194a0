// One run: its progress as the service tells it, ε and loss so far, its model and card at the end.

import { Refused, training } from "../api";
import { button, download, fill, h, type Child } from "../dom";
import { amount, when } from "../format";
import { lines, plot, type Line } from "../plot";
import { events } from "../stream";
import { badge, card, formDialog, meter, page, stat, trying } from "../ui";
import type { AttackFinding, AuditFinding, Curves, DatasetFacts, Feature, ModelCard, TrainingJob } from "../wire";
import { findings } from "./findings";
import { STATUS, facts as factsOf } from "./page";
import { tryIt } from "./predict";

const POLL_MS = 1000;
const over = (job: TrainingJob): boolean => ["succeeded", "failed", "cancelled"].includes(job.status);

// The ε that was told of a run so far, by step begun; and what the run's own curves say, once it is over.
interface Told { epsilon: [number, number][]; curves: Curves | null }

export async function jobView(id: string, known: DatasetFacts, spent: () => void, signal: AbortSignal): Promise<HTMLElement> {
  let job = await training.job(id, signal);
  const told: Told = { epsilon: [], curves: null };
  let planned: [number, number][] = [];
  const top = h("div");
  const drawn = h("div");
  const end = h("div", { class: "stack" });
  const draw = (): void => {
    // a button that is replaced while it is pressed is never clicked
    if (over(job) || !top.matches(":active")) fill(top, progress(job, epsilonAt(job, planned), () => cancel()));
    fill(drawn, curves(job, planned, told));
  };
  const finish = async (): Promise<void> => {
    spent();
    if (job.status !== "succeeded") return;
    const names = await training.artifacts(job.id).then((answer) => answer.artifacts.map((each) => each.name)).catch(() => [] as string[]);
    if (names.includes("curves.json")) told.curves = JSON.parse(new TextDecoder().decode(await training.file(job.id, "artifacts/curves.json"))) as Curves;
    draw();
    fill(end, await outcome(job, names));
  };
  const cancel = (): void => formDialog("Stop this run?", `It is charged for the ${job.steps_begun} steps that it began; a queued run costs nothing. There will be no model.`, [], "Stop the run", async () => {
    job = await training.cancel(id);
    draw();
    await finish();
  }, true);
  draw();
  curve(job).then((found) => { planned = found; if (!signal.aborted) draw(); }).catch(() => undefined);
  if (over(job)) await finish();
  else watch(id, signal, told, (now) => { job = now; draw(); }).then(async () => { if (!signal.aborted) await finish(); }).catch(() => undefined);
  const name = `${String(job.model.type).replaceAll("_", " ")} for ${job.label}`;
  return page(name.charAt(0).toUpperCase() + name.slice(1), `Started ${when(job.created_at)} on ${known.name}.`,
    card(null, top), card("How it goes", drawn), end,
    card("What was asked", h("pre", null, job.sql), factsOf({ model: job.model, ...job.parameters })), h("p", null, h("a", { href: "#/training" }, "All runs")));
}

// Events where the service streams them, else a question a second.
async function watch(id: string, signal: AbortSignal, told: Told, changed: (job: TrainingJob) => void): Promise<void> {
  try {
    for await (const { data } of events(await training.events(id, signal))) {
      const job = data.id === id ? data as unknown as TrainingJob : await training.job(id, signal);
      if (job.epsilon_so_far && told.epsilon.at(-1)?.[0] !== job.steps_begun) told.epsilon.push([job.steps_begun, job.epsilon_so_far]);
      changed(job);
      if (over(job)) return;
    }
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof Refused && error.problem.status === 401) return;
  }
  while (!signal.aborted) {
    const job = await training.job(id, signal);
    changed(job);
    if (over(job)) return;
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}

// The accountant's curve is public and the same before, during and after the run: a quote of the same run tells it.
async function curve(job: TrainingJob): Promise<[number, number][]> {
  const same = ["noise_multiplier", "sampling_rate", "steps", "clipping_norm", "max_rows", "units", "adaptive_clipping"].filter((name) => Boolean(job.parameters[name]));
  try {
    const quote = await training.quote({ dataset: job.dataset, sql: job.sql, label: job.label, model: job.model, delta: job.price.delta, ...Object.fromEntries(same.map((name) => [name, job.parameters[name]])) });
    const last = quote.epsilon_by_epoch.at(-1)?.[0] ?? 1;
    return [[0, 0], ...quote.epsilon_by_epoch.map(([epoch, epsilon]): [number, number] => [(epoch / last) * job.steps, epsilon])];
  } catch {
    return [];
  }
}

// At most this much: what the accountant's curve says at its next point, or the bound that the run tells where that is less.
function epsilonAt(job: TrainingJob, planned: [number, number][]): number | null {
  const next = planned.find(([step]) => step >= job.steps_begun)?.[1];
  const told = job.steps_begun ? job.epsilon_so_far : 0;
  return next === undefined ? told ?? null : told === undefined ? next : Math.min(next, told);
}

function progress(job: TrainingJob, epsilon: number | null, cancel: () => void): Child {
  const share = job.steps ? job.steps_begun / job.steps : 0;
  return h("div", { class: "progress" },
    h("div", { class: "card-head" }, badge(job.status, STATUS[job.status]), job.code ? h("code", null, job.code) : null, h("span", { class: "spacer" }), over(job) ? null : button("Cancel", cancel)),
    meter(job.status === "succeeded" ? 1 : share, `${job.steps_begun} of ${job.steps} steps`, job.status === "failed" ? "bad" : "good"),
    h("div", { class: "stats" }, stat("Steps", `${job.steps_begun}`, `of ${job.steps}`), stat("ε so far", epsilon === null ? "–" : amount(String(epsilon)), `at δ ${amount(job.price.delta)}`),
      stat("Charged", `ε ${amount(job.charged.epsilon)}`, over(job) ? "for good" : "settled if it is cancelled")));
}

function curves(job: TrainingJob, planned: [number, number][], told: Told): Child {
  const so = planned.length ? planned.filter(([step]) => step <= job.steps_begun) : told.epsilon;
  const done: Line[] = so.length > 1 ? [{ name: "ε so far", points: so, colour: 1 }] : [];
  const all: Line[] = [...(planned.length ? [{ name: "ε planned", points: planned, colour: 6 }] : []), ...done];
  return h("div", { class: "columns" },
    h("div", null, h("h3", null, "ε by step"), all.length ? plot((width) => lines(width, "ε by step", "steps", all)) : h("p", { class: "muted" }, job.steps_begun ? "The curve is on its way." : "The curve shows once the run has begun.")),
    learning(told.curves, !over(job)));
}

// Why there is no live loss, said where one would look for it.
const NO_LOSS = "A loss on protected rows is a number computed from them: shown at every step, it would tell more about people than the whole model may. So a run has no live loss curve, here or elsewhere. What is live is public: its steps and its ε.";

const MEASURED: [keyof Curves["training"][number], string, number][] = [["validation_accuracy", "Accuracy on the public validation rows", 3], ["update_norm", "Length of the noisy steps", 2]];

// What is shown in its place: scores on public rows, where the run names some, and the noisy steps themselves.
function learning(found: Curves | null, running: boolean): Child {
  const all = MEASURED.flatMap(([name, title, colour]): Child[] => {
    const points = (found?.training ?? []).flatMap((point): [number, number][] => point[name] === undefined ? [] : [[point.step, point[name] as number]]);
    return points.length > 1 ? [h("div", null, h("h3", null, `${title} by step`), plot((width) => lines(width, `${title} by step`, "steps", [{ name: title, points, colour }])))] : [];
  });
  return [all, h("div", null, h("h3", null, "Why there is no loss curve"), h("p", { class: "about" }, NO_LOSS),
    running ? h("p", { class: "about" }, "At its end follow the accuracy by step on public validation rows, where the run names some, and how far its noisy steps moved the model.") : null)];
}

async function outcome(job: TrainingJob, names: string[]): Promise<Child> {
  const found = await training.card(job.id);
  const save = (path: string, name: string, type: string) => trying(async () => download(name, await training.file(job.id, path), type));
  const { limits, epsilon_by_epoch: _, audit, attacks, tensors, features, libraries, accountants, parameters, ...rest } = found as ModelCard & Record<string, unknown>;
  const said = (names: string[]): Record<string, unknown> => Object.fromEntries(names.filter((name) => name in rest).map((name) => [name, (rest as Record<string, unknown>)[name]]));
  return [
    card("The model", h("div", { class: "bar" },
      button("Download the model", save("model", `${job.id}.safetensors`, "application/vnd.safetensors"), { class: "primary" }),
      button("Card as JSON", () => download(`${job.id}.card.json`, JSON.stringify(found, null, 2), "application/json")),
      names.filter((name) => name !== "model.safetensors" && name !== "card.json").map((name) => button(name, save(`artifacts/${encodeURIComponent(name)}`, name, "application/octet-stream"), { class: "quiet" })))),
    tryIt(job.id, job.label, (features ?? []) as unknown as Feature[]),
    card("Model card", h("p", { class: "about" }, `Anything may be done with this model: it is (ε ${amount(String(found.epsilon))}, δ ${amount(String(found.delta))})-private for each ${String(found.privacy_unit)}.`),
      factsOf(said(["privacy_unit", "relation", "epsilon", "delta", "noise_multiplier", "sampling_rate", "steps", "clipping_norm", "max_rows", "units_source", "task", "model_sha256", "release_id", "ledger"])),
      h("h3", null, "What the guarantee does not cover"), h("ul", null, limits.map((limit) => h("li", null, limit))),
      h("details", null, h("summary", null, "Everything else"), factsOf({ accountants, libraries, parameters, tensors, features }))),
    findings((audit ?? []) as unknown as AuditFinding[], (attacks ?? []) as unknown as AttackFinding[]),
  ];
}
