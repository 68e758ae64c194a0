// Where an analyst works: tabs of statements, the price while typing, the answer below.

import { answerView } from "./answer";
import { Refused, api, words } from "./api";
import { button, fill, h } from "./dom";
import { Editor } from "./editor";
import { amount } from "./format";
import { Quotes } from "./quotes";
import { LARGE_SHARE, PriceBar, decimal, isFree, noWish, request, share, target, type Wish } from "./price";
import { schema } from "./schema";
import { starters } from "./starters";
import { loading, problemView } from "./ui";
import type { Answer, DatasetFacts, Problem, QueryRequest, Quote } from "./wire";

const PATIENCE_MS = 1500;
const EXPLAIN = /^\s*explain\s+/i;
const TABS = "tacit.tabs.";
const ASKED = "tacit.asked.";
const ASKED_MAX = 100;

interface Tab { id: number; text: string; wish: Wish; result: HTMLElement | null }

export class Workbench {
  readonly element: HTMLElement;
  private readonly strip = h("div", { class: "tabs", role: "tablist", "aria-label": "Statements" });
  private readonly result = h("div", { class: "result" });
  private readonly runButton = button("Run", () => void this.run(), { class: "primary", title: "Ctrl+Enter" });
  private readonly cancelButton = button("Cancel", () => { this.cancel(); }, { title: "Esc", hidden: true });
  private readonly editor: Editor;
  private readonly price: PriceBar;
  private tabs: Tab[] = [];
  private current!: Tab;
  private quote: Quote | null = null;
  private fix: { label: string; apply: () => void } | null = null;
  private readonly quotes = new Quotes();
  private timer = 0;
  private asking: AbortController | null = null;
  private askedAt = 0;
  private running: AbortController | null = null;

  constructor(private readonly facts: DatasetFacts, nonce: string, private readonly spent: (answer: Answer) => void, private readonly stay: AbortSignal) {
    const box = h("div", { class: "editor" });
    this.price = new PriceBar(facts, () => { this.save(); this.soon(); }, (wanted) => void this.byAccuracy(wanted));
    this.editor = new Editor(box, nonce, {
      facts: () => this.facts,
      changed: (text) => { this.current.text = text; this.save(); this.strip.querySelector("[aria-selected=true]")?.replaceChildren(title(this.current)); this.soon(); },
      run: () => void this.run(),
      cancel: () => this.cancel(),
      fix: () => { this.fix?.apply(); return this.fix !== null; },
      recall: (step) => this.recall(step),
    });
    const pane = h("details", { class: "pane" }, h("summary", null, "Schema"), schema(facts, (text) => this.editor.insert(text)));
    pane.open = window.matchMedia("(min-width: 900px)").matches;
    this.element = h("div", { class: "workbench" }, h("h1", { class: "aside" }, "Query"), pane,
      h("div", { class: "desk" }, this.strip, h("div", { class: "ask" }, box, this.price.element),
        h("div", { class: "bar run" }, this.runButton, this.cancelButton, button("Explain", () => this.explain(), { title: "How the answer would be derived; free" }),
          h("span", { class: "spacer" }), h("span", { class: "keys" }, key("Ctrl Enter"), " runs  ", key("Ctrl Space"), " completes  ", key("Alt ↑"), " earlier  ", key("Esc"), " cancels")),
        this.result));
    this.element.addEventListener("keydown", (event) => {
      if (event.defaultPrevented) return;
      const ran = event.key === "Enter" && (event.ctrlKey || event.metaKey);
      if (ran) void this.run();
      if (ran || event.key === "Escape" && this.cancel()) event.preventDefault();
    });
    this.restore();
    stay.addEventListener("abort", () => { clearTimeout(this.timer); this.asking?.abort(); this.asking = null; this.running?.abort(); });
  }

  focus(): void { this.editor.view.focus(); }

  request(): QueryRequest { return this.body(); }

  // -- tabs

  private restore(): void {
    const tabs = JSON.parse(sessionStorage.getItem(TABS + this.facts.name) ?? "[]") as { text: string; wish: Wish }[];
    this.tabs = (tabs.length ? tabs : [{ text: "", wish: noWish() }]).map((tab, id) => ({ ...tab, id, result: null }));
    this.show(this.tabs[0] as Tab);
  }

  private save(): void {
    sessionStorage.setItem(TABS + this.facts.name, JSON.stringify(this.tabs.map(({ text, wish }) => ({ text, wish }))));
  }

  open(text: string): void {
    const blank = this.tabs.find((tab) => !tab.text.trim());
    const tab = blank ?? this.add();
    tab.text = text;
    this.show(tab);
    this.save();
  }

  private add(): Tab {
    const tab = { id: 1 + Math.max(-1, ...this.tabs.map((each) => each.id)), text: "", wish: noWish(), result: null };
    this.tabs.push(tab);
    return tab;
  }

  private show(tab: Tab): void {
    this.current = tab;
    this.quote = null;
    this.editor.open(tab.text);
    this.price.open(tab.wish);
    fill(this.result, tab.result ?? this.begin());
    this.asked = 0;
    this.drawTabs();
    this.soon();
  }

  // What a newcomer sees below an empty editor: questions that pass, made from the public facts.
  private begin(): HTMLElement | null {
    if (this.current.text.trim()) return null;
    return h("section", { "aria-label": "First questions" }, h("h2", null, "Begin with one of these"), h("p", { class: "muted" }, "It goes into the editor with its price; nothing is asked until you run it."),
      h("div", { class: "starters" }, starters(this.facts).map((each) => button([h("strong", null, each.title), h("code", null, each.sql)], () => { this.editor.replace(0, this.editor.text.length, each.sql); }, { class: "starter" }))));
  }

  // -- what was asked before in this tab of the browser

  private asked = 0;

  private recall(step: number): boolean {
    const all = JSON.parse(sessionStorage.getItem(ASKED + this.facts.name) ?? "[]") as string[];
    const next = this.asked + step;
    if (next < 0 || next > all.length) return true;
    this.asked = next;
    this.editor.replace(0, this.editor.text.length, next === 0 ? "" : all[all.length - next] ?? "");
    return true;
  }

  private remember(text: string): void {
    const all = (JSON.parse(sessionStorage.getItem(ASKED + this.facts.name) ?? "[]") as string[]).filter((each) => each !== text);
    sessionStorage.setItem(ASKED + this.facts.name, JSON.stringify([...all, text].slice(-ASKED_MAX)));
    this.asked = 0;
  }

  private close(tab: Tab): void {
    const at = this.tabs.indexOf(tab);
    this.tabs.splice(at, 1);
    if (!this.tabs.length) this.add();
    this.save();
    this.show(tab === this.current ? this.tabs[Math.max(0, at - 1)] as Tab : this.current);
  }

  private drawTabs(): void {
    const move = (step: number): void => {
      const next = this.tabs[(this.tabs.indexOf(this.current) + step + this.tabs.length) % this.tabs.length] as Tab;
      this.show(next);
      (this.strip.querySelector("[aria-selected=true]") as HTMLElement | null)?.focus();
    };
    const keys = (event: KeyboardEvent): void => {
      if (event.key === "ArrowRight") move(1);
      else if (event.key === "ArrowLeft") move(-1);
      else if (event.key === "Delete") this.close(this.current);
      else return;
      event.preventDefault();
    };
    fill(this.strip, this.tabs.map((tab) => button(title(tab), () => this.show(tab), {
      role: "tab", "aria-selected": String(tab === this.current), tabindex: tab === this.current ? 0 : -1, class: "tab", title: "Arrow keys change tabs, Delete closes", onkeydown: keys,
    })));
    this.strip.after(this.tools);
  }

  private readonly tools = h("div", { class: "tab-tools" },
    button("+", () => { this.show(this.add()); this.save(); this.focus(); }, { "aria-label": "New tab", title: "New tab", class: "quiet" }),
    button("×", () => this.close(this.current), { "aria-label": "Close this tab", title: "Close this tab", class: "quiet" }));

  // -- the price

  private body(): QueryRequest { return request(this.facts.name, this.current.text, this.current.wish); }

  // A price is asked for at once, with one question in the air at a time: keys that are pressed before its answer comes wait for it, so
  // that the pause adapts to how fast the service and the person are. An answer that takes long is not waited for.
  private soon(): void {
    clearTimeout(this.timer);
    this.quote = null;
    if (this.stay.aborted) return;
    const known = this.quotes.of(this.body());
    this.price.outdated();
    const wait = this.asking ? Math.max(0, this.askedAt + PATIENCE_MS - performance.now()) : 0;
    this.timer = window.setTimeout(() => known ? this.told(known) : void this.ask(), known ? 0 : wait);
  }

  private told(quote: Quote): Quote {
    this.asking?.abort();
    this.asking = null;
    this.quote = quote;
    this.fix = null;
    this.price.showQuote(quote);
    this.editor.underline(null, null);
    return quote;
  }

  private async ask(): Promise<Quote | null> {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.asking = null;
    if (!this.current.text.trim()) {
      this.editor.underline(null, null);
      this.price.showText("The price shows here while you type; asking for it is free.");
      if (!this.current.result) fill(this.result, this.begin());
      return null;
    }
    const body = this.body();
    const asking = this.asking = new AbortController();
    this.askedAt = performance.now();
    const stale = (): boolean => {
      if (this.asking !== asking) return true;
      this.asking = null;
      if (JSON.stringify(body) === JSON.stringify(this.body())) return false;
      void this.ask();  // something was written meanwhile
      return true;
    };
    try {
      const quote = await api.quote(body, asking.signal);
      this.quotes.keep(body, quote);
      return stale() ? null : this.told(quote);
    } catch (error) {
      if (stale()) return null;
      // Only a refusal is about the statement; a busy or unreachable service is not.
      if (error instanceof Refused && error.problem.status === 422) this.refuse(error.problem);
      else this.price.showText(words(error));
      return null;
    }
  }

  private refuse(problem: Problem): void {
    this.fix = this.fixFor(problem);
    const ofTheStatement = problem.position || problem.rule !== "parameters" && problem.code !== "invalid_request";
    this.editor.underline(ofTheStatement ? problem : null, this.fix);
    this.price.showRefusal(problem, this.fix?.label ?? null);
  }

  // The smallest change that passes, where the service names one: a whole statement, or another name for the token.
  private fixFor(problem: Problem): { label: string; apply: () => void } | null {
    const { suggestion, hint, position } = problem;
    if (suggestion) return { label: "use the suggested statement", apply: () => this.editor.replace(0, this.editor.text.length, suggestion) };
    const name = /^Did you mean ([A-Za-z_]\w*)\?$/.exec(hint ?? "")?.[1];
    if (!name || position?.start === undefined || position.end === undefined) return null;
    const points = Array.from(this.editor.text);
    const from = points.slice(0, position.start).join("").length;
    const to = points.slice(0, position.end).join("").length;
    return { label: `write ${name}`, apply: () => this.editor.replace(from, to, name) };
  }

  // The service finds the smallest ε for counts and sums. For the rest, whose width depends on the answer, a half-width
  // shrinks nearly in proportion as ε grows, and the service's own quotes correct what is not.
  private async byAccuracy(wanted: number): Promise<void> {
    const tab = this.current;
    const { text } = tab;
    const left = (): boolean => this.stay.aborted || tab !== this.current || tab.text !== text;
    let quote = this.quote ?? await this.ask();
    if (!quote || left()) return;
    try {
      const { epsilon: _, ...body } = this.body();
      const found = await api.quote({ ...body, accuracy: String(wanted), fresh: true }, this.stay);
      if (left()) return;
      this.choose(found.price.epsilon);
      await this.ask();
      return;
    } catch (error) {
      if (left()) return;
      if (!(error instanceof Refused)) return this.price.showText(words(error));
      if (/^Even epsilon/.test(error.problem.detail)) return this.price.showRefusal(error.problem, null);
    }
    for (let round = 0; round < 4 && quote && !left(); round += 1) {
      const now = target(quote)?.plus_minus;
      if (!now || Math.abs(now - wanted) <= 0.02 * wanted) return;
      const epsilon = Math.min(Number(this.facts.max_epsilon), Math.max(1e-6, (Number(this.current.wish.epsilon || this.facts.default_epsilon) * now) / wanted));
      this.choose(decimal(Number(epsilon.toPrecision(3))));
      quote = await this.ask();
    }
  }

  private choose(epsilon: string): void {
    this.price.setEpsilon(epsilon);
    this.save();
  }

  // -- asking

  private async run(): Promise<void> {
    if (this.running || !this.current.text.trim()) return;
    if (EXPLAIN.test(this.current.text)) return this.explain();
    // Taken before anything is awaited: a second Ctrl+Enter meanwhile must not buy a second answer.
    const running = this.running = new AbortController();
    const tab = this.current;
    try {
      await this.buy(tab, running);
    } finally {
      this.running = null;
      this.quotes.forget();  // also when it failed: the charge may stand
      this.busy(false);
      if (tab === this.current) this.soon();
    }
  }

  private async buy(tab: Tab, running: AbortController): Promise<void> {
    const body = this.body();
    this.remember(tab.text);
    const quote = this.quote ?? await this.ask();
    if (!quote || tab !== this.current || running.signal.aborted) return;
    if (!quote.affordable && !isFree(quote)) return this.settle(tab, h("p", { class: "problem", role: "alert" }, "This costs more than is left. Nothing was asked or charged; less ε may still fit."));
    if (share(quote) > LARGE_SHARE && !await confirmSpend(quote)) return this.focus();
    this.busy(true);
    this.settle(tab, loading(isFree(quote) ? "Reading …" : "Asking …"));
    try {
      const answer = await api.query(body, running.signal);
      tab.wish.fresh = false;  // new noise is bought once, not at every Ctrl+Enter
      if (tab === this.current) this.price.open(tab.wish);
      this.save();
      this.settle(tab, answerView(answer, { ...body, fresh: false }));
      if (!this.stay.aborted) this.spent(answer);
    } catch (error) {
      if (running.signal.aborted) this.settle(tab, h("p", { class: "note", role: "status" }, "Stopped waiting. If the service had begun, the charge stands and the answer is kept: asking the same again is then free."));
      else this.settle(tab, problemView(error));
    }
  }

  private settle(tab: Tab, view: HTMLElement): void {
    tab.result = view;
    if (tab === this.current) fill(this.result, view);
  }

  private cancel(): boolean {
    if (!this.running) return false;
    this.running.abort();
    return true;
  }

  private busy(on: boolean): void {
    this.runButton.disabled = on;
    this.cancelButton.hidden = !on;
  }

  private explain(): void {
    if (this.current.text.trim()) location.hash = "#/explain";
  }
}

const key = (name: string): HTMLElement => h("kbd", null, name);

const title = (tab: Tab): string => {
  const line = tab.text.replace(/\s+/g, " ").trim();
  return line.length > 26 ? `${line.slice(0, 25)}…` : line || "new statement";
};

function confirmSpend(quote: Quote): Promise<boolean> {
  return new Promise((done) => {
    const dialog = h("dialog", { class: "confirm", "aria-labelledby": "confirm-title" });
    const end = (yes: boolean) => () => { dialog.close(); dialog.remove(); done(yes); };
    const percent = Math.round(100 * share(quote));
    const spend = button(`Spend ε ${amount(quote.price.epsilon)}`, end(true), { class: "primary" });
    fill(dialog, h("h2", { id: "confirm-title" }, `This takes ${percent > 100 ? "more than all" : `${percent} %`} of what is left`),
      h("p", null, `It costs ε ${amount(quote.price.epsilon)} of the ${amount(quote.remaining.epsilon)} that you have left. Spent ε never comes back.`),
      h("div", { class: "bar end" }, button("Keep it", end(false)), spend));
    dialog.addEventListener("cancel", (event) => { event.preventDefault(); end(false)(); });
    // A key still held down from Ctrl+Enter must not answer the question.
    dialog.addEventListener("keydown", (event) => { if (event.repeat) event.preventDefault(); });
    document.body.append(dialog);
    dialog.showModal();
    spend.focus();
  });
}
