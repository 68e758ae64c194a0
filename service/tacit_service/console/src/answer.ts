// One release: what it says, drawn and in numbers, what it cost, and ways to take it along.

import { words } from "./api";
import { axes, draw, kindFor, suggest, type ChartKind, type Choice } from "./chart";
import { button, fill, h, toast, type Child } from "./dom";
import { copy, saveArrow, saveCsv, saveParquet, savePng, saveReceipt, saveSvg } from "./export";
import { amount, compact, inWords, measuresOf, percent, when } from "./format";
import { releaseHash } from "./link";
import { table, type View } from "./table";
import { copyText, meter } from "./ui";
import type { Answer, BiasShare, QueryRequest, Receipt } from "./wire";

// `asked` is the question, where the answer may be another than the release's own: one that follows from it.
export function answerView(answer: Answer, asked: QueryRequest | null = null): HTMLElement {
  const view: View = { order: [] };
  const grid = table(answer, view);
  const chart = chartView(answer, view);
  const trying = (work: () => Promise<void>, done: string) => () => { work().then(() => done && toast(done), (error: unknown) => toast(words(error))); };
  const kept = answer.release_id.startsWith("rel_");
  const derived = answer.receipt.held ? asked : null;
  const link = releaseHash(answer.release_id, derived);
  return h("section", { class: "answer-view", "aria-label": "Answer" },
    h("p", { class: "cost", role: "status" }, cost(answer.receipt),
      kept ? [h("a", { href: link, class: "permalink", title: "This answer, again, for free" }, answer.release_id),
        button("Copy link", () => copyText(`${location.origin}/${link}`), { class: "quiet" })] : null),
    answer.receipt.held ? null : told(answer.receipt).map((note) => h("p", { class: "remark" }, note)),
    answer.receipt.bias.length ? h("div", { class: "card" }, biasView(answer.receipt.bias)) : null,
    chart ? h("div", { class: "card" }, chart) : null,
    h("div", { class: "card" }, grid,
      h("div", { class: "bar export" },
        button("Copy", trying(() => copy(answer, view.order), "Copied with intervals"), { class: "quiet" }),
        button("CSV", () => saveCsv(answer, view.order), { class: "quiet" }),
        kept ? button("Parquet", trying(() => saveParquet(answer, derived), ""), { class: "quiet" }) : null,
        kept ? button("Arrow", trying(() => saveArrow(answer, derived), ""), { class: "quiet" }) : null,
        button("JSON with receipt", () => saveReceipt(answer), { class: "quiet" }))),
    h("div", { class: "card" }, receiptView(answer)));
}

function cost(receipt: Receipt): Child {
  const left = `ε ${amount(receipt.remaining.epsilon)} left`;
  if (receipt.held) return ["Free: a release that you hold · ", left];
  if (Number(receipt.charged.epsilon) === 0 && Number(receipt.charged.delta) === 0) return ["Free: public tables, exact · ", left];
  return [`Cost ε ${amount(receipt.charged.epsilon)}${Number(receipt.charged.delta) ? ` and δ ${amount(receipt.charged.delta)}` : ""} · `, left];
}

// What a bias check found has a card of its own.
const told = (receipt: Receipt): string[] =>
  receipt.notes.filter((note) => !receipt.bias.some((each) => each.text === note)).map((note) => inWords(note, receipt.mechanisms));

const CUT = { rows: "of the rows", units: "of the people lose something", amount: "of the amount" };

// Caps and bounds keep a unit's influence small by leaving some of it out. How much, as a noisy share of the whole.
function biasView(all: BiasShare[]): Child {
  return [h("h2", null, "What the bounds cut away"),
    h("p", { class: "about" }, "Bounds and caps leave out what goes beyond them, so that nobody weighs too much. The numbers of this answer are about what is left; so much is missing from them:"),
    h("ul", { class: "cuts" }, all.map((each) => {
      const drowned = each.high - each.low >= 0.95;
      return h("li", null, h("div", null, h("strong", null, drowned ? "Not known" : `${percent(each.low)} to ${percent(each.high)}`), ` ${CUT[each.what]}`),
        drowned ? null : meter(each.high, `at most ${percent(each.high)} cut away`, each.low >= MUCH ? "warn" : "good"),
        h("p", { class: "help" }, verdict(each, drowned), ` For ${each.of}, at ε ${amount(each.epsilon)}.`));
    }))];
}

const MUCH = 0.05;

function verdict(found: BiasShare, drowned: boolean): string {
  if (drowned) return "The noise hides it; more ε would tell.";
  if (found.high < MUCH) return "Little: the caps fit.";
  return found.low >= MUCH ? "Much: wider caps cut less away, at the price of more noise." : "Perhaps little, perhaps much: more ε would tell.";
}

function chartView(answer: Answer, view: View): HTMLElement | null {
  const first = suggest(answer);
  if (!first) return null;
  let choice: Choice = first;
  const { xs, ys } = axes(answer);
  const area = h("div", { class: "chart" });
  const note = h("p", { class: "muted" });
  let drawn: SVGElement | null = null;
  const redraw = (): void => {
    if (area.clientWidth === 0) return;
    const { svg, note: said } = draw(answer, choice, view.order, Math.max(280, Math.min(960, area.clientWidth)));
    drawn = svg;
    fill(area, svg);
    note.textContent = said;
  };
  const names = (places: number[]) => places.map((place) => [String(place), answer.columns[place]?.name ?? ""] as const);
  const kind = pick("Chart", [["bars", "Bars"], ["line", "Line"], ["points", "Points"]], choice.kind, (value) => { choice = { ...choice, kind: value as ChartKind }; redraw(); });
  const x = pick("Across", names(xs), String(choice.x), (value) => {
    choice = { ...choice, x: Number(value), series: xs.find((place) => place !== Number(value)) ?? null, kind: kindFor(answer, Number(value)) };
    kind.select.value = choice.kind;
    series.select.value = choice.series === null ? "" : String(choice.series);
    redraw();
  });
  const y = pick("Height", names(ys), String(choice.y), (value) => { choice = { ...choice, y: Number(value) }; redraw(); });
  const none: [string, string] = ["", "one colour"];
  const series = pick("Colour", [none, ...names(xs)], choice.series === null ? "" : String(choice.series), (value) => { choice = { ...choice, series: value === "" ? null : Number(value) }; redraw(); });
  view.changed = redraw;  // what is sorted or filtered in the table is so in the chart
  new ResizeObserver(redraw).observe(area);
  document.addEventListener("tacit:theme", redraw);
  return h("div", { class: "chart-view" },
    h("div", { class: "bar" }, kind.label, xs.length > 1 ? x.label : null, ys.length > 1 ? y.label : null, xs.length > 1 ? series.label : null,
      h("span", { class: "spacer" }),
      h("span", { class: "nowrap" }, button("SVG", () => { if (drawn) saveSvg(answer.release_id, drawn); }, { class: "quiet" }),
        button("PNG", () => { if (drawn) savePng(answer.release_id, drawn).catch((error: unknown) => toast(words(error))); }, { class: "quiet" }))),
    area, note);
}

function pick(label: string, options: (readonly [string, string])[], value: string, changed: (value: string) => void): { label: HTMLElement; select: HTMLSelectElement } {
  const select = h("select", { onchange: () => changed(select.value) }, options.map(([each, name]) => h("option", { value: each }, name)));
  select.value = value;
  return { label: h("label", { class: "pick" }, `${label} `, select), select };
}

function receiptView(answer: Answer): HTMLElement {
  const { receipt } = answer;
  return h("details", { class: "receipt" },
    h("summary", null, "Receipt"),
    h("dl", null,
      term("Released", when(answer.created_at)),
      term("Charged", `ε ${receipt.charged.epsilon}, δ ${amount(receipt.charged.delta)}`),
      term("Left after it", `ε ${receipt.remaining.epsilon}, δ ${amount(receipt.remaining.delta)}`),
      term("Intervals", `each holds the answer under the declared bounds with ${Math.round(receipt.confidence * 100)} %`),
      receipt.in_words ? term("Account", receipt.in_words) : null,
      receipt.response_ms === null ? null : term("Sent after", `${receipt.response_ms < 1000 ? `${receipt.response_ms} ms` : `${receipt.response_ms / 1000} s`}, a step of a ladder, so that the time it took tells nothing`),
      receipt.ledger ? term("Ledger", `entry ${receipt.ledger.sequence}, ${receipt.ledger.hash.slice(0, 16)}…`) : null),
    receipt.mechanisms.length ? h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Mechanisms" }, h("table", null,
      h("thead", null, h("tr", null, ["Measured", "Noise", "Scale", "ε", "Contribution"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", null, receipt.mechanisms.map((each) => h("tr", null,
        h("td", null, measuresOf(each.measure)), h("td", null, each.mechanism.replaceAll("_", " ")), h("td", null, compact(each.unit_scale)), h("td", null, amount(each.epsilon)), h("td", null, each.contribution)))))) : null,
    h("pre", { tabindex: 0, "aria-label": "Statement" }, answer.sql));
}

const term = (name: string, value: string): HTMLElement => h("div", null, h("dt", null, name), h("dd", null, value));
