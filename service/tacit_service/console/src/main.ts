// The console's shell: sign-in, the pages behind the hash, theme and keys. Nothing here knows more than the service tells.

import { answerView } from "./answer";
import { api, session, words } from "./api";
import { budgetView, releasesTable } from "./budget";
import { button, fill, h } from "./dom";
import { schema } from "./schema";
import type { DatasetFacts, Me } from "./wire";
import { Workbench, problemView } from "./workbench";

const root = document.getElementById("app") as HTMLElement;
// The browser hides the attribute from selectors and keeps the property for scripts of the page itself.
const nonce = (document.getElementById("styles") as HTMLLinkElement).nonce;
const THEME = "tacit.theme";

let me: Me | null = null;
let facts: DatasetFacts | null = null;
let bench: Workbench | null = null;
const main = h("main", { id: "main", tabindex: -1 });

function signIn(message = ""): void {
  me = facts = bench = null;
  const secret = h("input", { type: "password", id: "key", autocomplete: "off", spellcheck: "false", placeholder: "tacit_…", required: true });
  const keep = h("input", { type: "checkbox", checked: true });
  const error = h("p", { class: "problem", role: "alert", hidden: !message }, message);
  const submit = h("button", { type: "submit", class: "primary" }, "Sign in");
  const form = h("form", { class: "signin", onsubmit: (event: Event) => {
    event.preventDefault();
    submit.disabled = true;
    session.start(secret.value.trim(), keep.checked);
    start().catch((problem: unknown) => {
      session.end();
      signIn(words(problem));
    });
  } },
  h("h1", null, "Tacit"), h("p", { class: "about" }, "Ask in SQL. Every number comes with its interval, and its price before you pay."),
  h("label", { for: "key" }, "API key"), secret, h("label", { class: "pick" }, keep, " keep it until this tab closes"), error, submit, button("Theme", toggleTheme, { class: "quiet" }));
  fill(root, h("main", { class: "center" }, form));
  secret.focus();
}

async function start(): Promise<void> {
  me = await api.me();
  await choose(me.datasets[0] ?? "");
}

async function choose(dataset: string): Promise<void> {
  facts = dataset ? await api.facts(dataset) : null;
  bench = null;
  shell();
  await route();
}

const isAnalyst = (): boolean => me?.role === "analyst";

function shell(): void {
  const dataset = h("select", { "aria-label": "Dataset", onchange: () => { choose(dataset.value).catch((error: unknown) => fill(main, problemView(error))); } },
    (me?.datasets ?? []).map((name) => h("option", { value: name }, name)));
  if (facts) dataset.value = facts.name;
  const link = (page: string, label: string): HTMLElement => h("a", { href: `#/${page}`, "data-page": page }, label);
  fill(root,
    h("a", { href: "#main", class: "skip", onclick: (event: Event) => { event.preventDefault(); main.focus(); } }, "Skip to content"),
    h("header", null,
      h("span", { class: "brand" }, "Tacit"), dataset,
      h("nav", { "aria-label": "Pages" }, isAnalyst() ? [link("query", "Query"), link("releases", "History")] : link("schema", "Schema"), link("budget", "Budget")),
      h("span", { class: "spacer" }),
      h("span", { class: "who muted" }, `${me?.principal ?? ""}, ${me?.role ?? ""}`),
      button("Theme", toggleTheme, { class: "quiet" }), button("Sign out", () => { session.end(); signIn(); }, { class: "quiet" })),
    main);
}

async function route(): Promise<void> {
  if (!me) return;
  const [page = "", argument = ""] = location.hash.replace(/^#\/?/, "").split("/");
  const known = page || (isAnalyst() ? "query" : "budget");
  document.querySelectorAll("nav a").forEach((each) => {
    if (each.getAttribute("data-page") === known) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  });
  if (!facts) return fill(main, h("p", { class: "page" }, "No dataset is granted to this key. Its owner can grant one."));
  try {
    await show(known, argument, facts);
  } catch (error) {
    fill(main, h("div", { class: "page" }, problemView(error)));
  }
}

async function show(page: string, argument: string, known: DatasetFacts): Promise<void> {
  if (page === "budget") {
    const [accounts, releases] = await Promise.all([api.budget(), isAnalyst() ? api.releases(known.name) : []]);
    return fill(main, budgetView(accounts.filter((account) => account.dataset === known.name), releases));
  }
  if (page === "schema" || !isAnalyst()) return fill(main, h("div", { class: "page" }, h("h1", null, known.name), schema(known, () => undefined)));
  if (page === "releases") return fill(main, h("section", { class: "page" }, h("h1", null, "History"), releasesTable(await api.releases(known.name))));
  if (page === "release") {
    const answer = await api.release(decodeURIComponent(argument));
    return fill(main, h("section", { class: "page" }, h("h1", null, "Release"), h("pre", { tabindex: 0, "aria-label": "Statement" }, answer.sql),
      button("Open in the editor", () => { location.hash = "#/query"; bench ??= workbench(known); bench.open(answer.sql); }), answerView(answer)));
  }
  bench ??= workbench(known);
  fill(main, bench.element);
  bench.focus();
}

const workbench = (known: DatasetFacts): Workbench => new Workbench(known, nonce, () => undefined);

function toggleTheme(): void {
  const dark = document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const next = dark === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  localStorage.setItem(THEME, next);
  document.dispatchEvent(new Event("tacit:theme"));
}

const theme = localStorage.getItem(THEME);
if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
document.body.append(h("div", { id: "toast", role: "status", "aria-live": "polite" }));
window.addEventListener("hashchange", () => void route());
session.whenRejected(() => { session.end(); signIn("This key is not valid any more. Sign in with another."); });
if (session.present) start().catch((error: unknown) => signIn(words(error)));
else signIn();
