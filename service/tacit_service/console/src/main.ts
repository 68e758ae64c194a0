// The console's shell: sign-in, the pages behind the hash, the budget in sight. Nothing here knows more than the service tells.

import { api, calledOff, session, words } from "./api";
import { budgetPage } from "./budget";
import { button, fill, h, s, toast } from "./dom";
import { explainPage } from "./explain";
import { amount } from "./format";
import { historyPage, releasePage } from "./history";
import { datasetPage } from "./owner/dataset";
import { journalPage } from "./owner/journal";
import { peoplePage } from "./owner/people";
import { spendingPage } from "./owner/spending";
import { schema } from "./schema";
import { startTheme, toggleTheme } from "./theme";
import { trainingPage } from "./training/page";
import { closeDialogs, empty, loading, meter, page, problemView } from "./ui";
import type { Account, DatasetFacts, Me } from "./wire";
import type { Workbench } from "./workbench";

const root = document.getElementById("app") as HTMLElement;
// The browser hides the attribute from selectors and keeps the property for scripts of the page itself.
const nonce = (document.getElementById("styles") as HTMLLinkElement).nonce;

const desk = (): Promise<typeof import("./desk")> => import("./desk");

let me: Me | null = null;
let facts: DatasetFacts | null = null;
let bench: Workbench | null = null;
// A stay is one dataset of one sign-in, a visit one page of it. Each ends when the next begins: what was asked for it is called off, and
// what comes late all the same changes nothing.
let stay = new AbortController();
let visit = new AbortController();
let choice = new AbortController();  // of the next dataset, while its facts are on their way

function begin(): AbortSignal {
  stay.abort();
  choice.abort();
  stay = new AbortController();
  return stay.signal;
}

function turn(): AbortSignal {
  visit.abort();
  visit = new AbortController();
  closeDialogs();
  return visit.signal;
}

const LAST = "tacit.dataset";
const EDITOR_AFTER_MS = 200;
const main = h("main", { id: "main", tabindex: -1 });
const chip = h("a", { href: "#/budget", class: "chip", title: "What is left of your budget", hidden: true });

const brand = (): HTMLElement => h("span", { class: "brand" },
  s("svg", { viewBox: "0 0 32 32", width: 22, height: 22, "aria-hidden": "true" }, s("rect", { width: 32, height: 32, rx: 7, fill: "#11605a" }),
    s("path", { d: "M7 12h18M16 12v12", stroke: "#fff", "stroke-width": 3, "stroke-linecap": "round" }), s("path", { d: "M11 7h10", stroke: "#8fd3c8", "stroke-width": 2, "stroke-linecap": "round" })),
  h("span", null, "Tacit"));

function signIn(message = ""): void {
  begin();
  turn();
  me = facts = bench = null;
  fill(main);  // nothing of this page for whoever signs in next
  document.querySelectorAll("dialog").forEach((dialog) => dialog.remove());
  const secret = h("input", { type: "password", id: "key", autocomplete: "off", spellcheck: "false", placeholder: "tacit_…", required: true });
  const keep = h("input", { type: "checkbox", checked: true });
  const error = h("p", { class: "problem", role: "alert", hidden: !message }, message);
  const submit = h("button", { type: "submit", class: "primary" }, "Sign in");
  const form = h("form", { class: "signin", onsubmit: (event: Event) => {
    event.preventDefault();
    submit.disabled = true;
    submit.textContent = "Signing in …";
    session.start(secret.value.trim(), keep.checked);
    start().catch((problem: unknown) => {
      if (calledOff(problem)) return;
      session.end();
      signIn(words(problem));
    });
  } },
  brand(), h("h1", null, "Ask without exposing anyone"), h("p", { class: "about" }, "Every number comes with its interval, and with its price before you pay."),
  h("label", { for: "key" }, "API key"), secret, h("label", { class: "pick" }, keep, " Keep it until this tab closes"), error, submit,
  h("p", { class: "help" }, "The owner of a dataset gives you a key. It stays in this tab."), button("Light or dark", toggleTheme, { class: "quiet" }));
  fill(root, h("main", { class: "center" }, form));
  secret.focus();
  window.setTimeout(() => void desk().catch(() => undefined), EDITOR_AFTER_MS);
}

// The dataset that was open in this tab is asked for beside the question who this is, not after it.
async function start(): Promise<void> {
  void desk().catch(() => undefined);
  const signal = begin();
  const last = sessionStorage.getItem(LAST);
  const known = last === null ? null : api.facts(last, signal).catch(() => null);
  const found = await api.me(signal);
  const name = last !== null && found.datasets.includes(last) ? last : found.datasets[0] ?? "";
  const facts = name && name === last ? await known : null;
  if (signal.aborted) return;
  me = found;
  await choose(name, facts);
}

async function choose(dataset: string, known: DatasetFacts | null = null): Promise<void> {
  choice.abort();
  choice = new AbortController();
  const { signal } = choice;
  const found = dataset ? known ?? await api.facts(dataset, signal) : null;
  if (signal.aborted) return;
  begin();
  facts = found;
  if (dataset) sessionStorage.setItem(LAST, dataset);
  bench = null;
  shell();
  await route();
}

const isAnalyst = (): boolean => me?.role === "analyst";

function pages(): [string, string][] {
  if (isAnalyst()) return [["query", "Query"], ["history", "History"], ["explain", "Explain"], ["training", "Training"], ["budget", "Budget"]];
  return [["dataset", "Dataset"], ["people", "People"], ["spending", "Spending"], ["journal", "Journal"], ...(me?.role === "owner" ? [["lab", "What if"] as [string, string]] : [])];
}

function shell(): void {
  const dataset = h("select", { "aria-label": "Dataset", onchange: () => {
    choose(dataset.value).catch((error: unknown) => {
      if (calledOff(error)) return;  // another one was chosen meanwhile
      dataset.value = facts?.name ?? "";
      turn();
      fill(main, problemView(error));
    });
  } },
    (me?.datasets ?? []).map((name) => h("option", { value: name }, name)));
  if (facts) dataset.value = facts.name;
  const account = h("details", { class: "menu" }, h("summary", null, me?.principal ?? ""),
    h("div", null, h("p", { class: "muted" }, `${me?.principal ?? ""} · ${me?.role ?? ""}`), button("Light or dark", toggleTheme),
      button("Sign out", () => { session.end(); history.replaceState(null, "", "/"); signIn(); })));
  account.addEventListener("focusout", (event) => { if (!account.contains(event.relatedTarget as Node | null)) account.open = false; });
  account.addEventListener("keydown", (event) => { if (event.key === "Escape") account.open = false; });
  fill(root,
    h("a", { href: "#main", class: "skip", onclick: (event: Event) => { event.preventDefault(); main.focus(); } }, "Skip to content"),
    h("header", null, brand(), dataset,
      h("nav", { "aria-label": "Pages" }, pages().map(([name, label]) => h("a", { href: `#/${name}`, "data-page": name }, label))),
      h("span", { class: "spacer" }), chip, account),
    main);
  chip.hidden = true;
  if (isAnalyst() && facts) void refreshBudget();
}

async function refreshBudget(): Promise<void> {
  const { signal } = stay;
  const known = told;
  const account = (await api.budget(signal).catch(() => [] as Account[])).find((each) => each.dataset === facts?.name);
  // what an answer told meanwhile is newer
  if (account && !signal.aborted && known === told) showLeft(account.remaining.epsilon, account.limit.epsilon);
}

let told = 0;

let limit = "0";
function showLeft(left: string, whole = limit): void {
  limit = whole;
  told += 1;
  const share = Number(whole) > 0 ? Number(left) / Number(whole) : 0;
  fill(chip, `ε ${amount(left)} left`, meter(share, `ε ${amount(left)} of ${amount(whole)} left`, share < 0.1 ? "bad" : share < 0.25 ? "warn" : "good"));
  chip.hidden = false;
}

async function route(): Promise<void> {
  if (!me) return;
  const signal = turn();
  const [asked = "", argument = "", question = ""] = location.hash.replace(/^#\/?/, "").split("/");
  const name = asked || (pages()[0]?.[0] ?? "");
  document.querySelectorAll("nav a").forEach((each) => {
    if (each.getAttribute("data-page") === (name === "release" ? "history" : name)) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  });
  document.title = `${pages().find(([each]) => each === name)?.[1] ?? "Release"} · Tacit`;
  if (!facts) return fill(main, page("No dataset yet", null, empty("No dataset is granted to this key.", "Its owner can grant one; then sign in again.")));
  await show(name, decoded(argument), question, facts, signal);
}

// What cannot be decoded is no name of anything; it is looked for as it stands, and not found.
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function show(name: string, argument: string, question: string, known: DatasetFacts, signal: AbortSignal): Promise<void> {
  const waiting = window.setTimeout(() => fill(main, h("div", { class: "page" }, loading())), 150);
  signal.addEventListener("abort", () => clearTimeout(waiting));
  let view: HTMLElement;
  try {
    view = await (isAnalyst() ? analystView(name, argument, question, known, signal) : ownerView(name, known, signal));
  } catch (error) {
    view = h("div", { class: "page" }, problemView(error));
  }
  clearTimeout(waiting);
  if (signal.aborted) return;  // another page was asked for meanwhile
  fill(main, view);
  if (view !== bench?.element) window.scrollTo(0, 0);
  else if (!document.activeElement?.closest(".menu")) bench.focus();  // who opened the menu meanwhile keeps it
}

async function analystView(name: string, argument: string, question: string, known: DatasetFacts, signal: AbortSignal): Promise<HTMLElement> {
  if (name === "budget") return await budgetPage(known, signal);
  if (name === "history") return await historyPage(known, signal);
  if (name === "schema") return page(known.name, null, schema(known, () => undefined));
  if (name === "release") return await releasePage(argument, question, (sql) => { open(sql).catch((error: unknown) => { if (!calledOff(error)) toast(words(error)); }); }, signal);
  if (name === "training") return await trainingPage(known, argument, () => void refreshBudget(), signal);
  const bench = await workbench(known);
  return name === "explain" ? await explainPage(known, bench.request(), signal) : bench.element;
}

async function ownerView(name: string, known: DatasetFacts, signal: AbortSignal): Promise<HTMLElement> {
  const may = me?.role === "owner";
  if (name === "people") return await peoplePage(known, me as Me, may, signal);
  if (name === "spending") return await spendingPage(known, signal);
  if (name === "journal") return await journalPage(signal);
  if (name === "lab" && may) return await (await desk()).labPage(known, nonce, signal);
  return await datasetPage(known, signal);
}

async function workbench(known: DatasetFacts): Promise<Workbench> {
  const { signal } = stay;
  const { Workbench } = await desk();
  signal.throwIfAborted();
  return bench ??= new Workbench(known, nonce, (answer) => showLeft(answer.receipt.remaining.epsilon), signal);
}

async function open(sql: string): Promise<void> {
  if (!facts) return;
  const { signal } = visit;
  const bench = await workbench(facts);
  if (signal.aborted) return;
  bench.open(sql);
  location.hash = "#/query";
}

startTheme();
document.body.append(h("div", { id: "toast", role: "status", "aria-live": "polite" }));
window.addEventListener("hashchange", () => void route());
session.whenRejected(() => { session.end(); signIn("This key is not valid any more. Sign in with another."); });
if (session.present) start().catch((error: unknown) => { if (!calledOff(error)) signIn(words(error)); });
else signIn();
