// The SQL editor: CodeMirror with the policy's names, and the service's refusal underlined at its token.

import { autocompletion, closeBrackets, closeBracketsKeymap, closeCompletion, completionKeymap, completionStatus } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { PostgreSQL, sql } from "@codemirror/lang-sql";
import { HighlightStyle, bracketMatching, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics, type Diagnostic } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Annotation, Compartment, EditorState, Prec } from "@codemirror/state";
import { EditorView, drawSelection, highlightActiveLine, highlightSpecialChars, keymap, lineNumbers, placeholder } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { completer } from "./completion";
import { h } from "./dom";
import type { DatasetFacts, Problem } from "./wire";

export interface Hooks {
  facts: () => DatasetFacts | null;
  changed: (text: string) => void;
  run: () => void;
  cancel: () => boolean;
  fix: () => boolean;
  recall: (step: number) => boolean;
}

export const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--code-keyword)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--code-string)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--code-number)" },
  { tag: [tags.comment], color: "var(--muted)", fontStyle: "italic" },
  { tag: [tags.standard(tags.name), tags.typeName], color: "var(--code-function)" },
]);

export const look = EditorView.theme({
  "&": { backgroundColor: "var(--field)", color: "var(--ink)", fontSize: "13.5px" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55", minHeight: "132px", maxHeight: "40vh" },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--field)", color: "var(--muted)", border: "none" },
  ".cm-activeLine": { backgroundColor: "var(--line-active)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--selection)" },
  ".cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--ink)", border: "1px solid var(--line)", borderRadius: "6px", maxWidth: "min(28rem, 92vw)" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected] .cm-completionDetail": { color: "var(--on-accent)" },
  ".cm-completionDetail": { color: "var(--muted)", fontStyle: "normal", marginLeft: "1em" },
  ".cm-completionInfo": { padding: "6px 10px" },
  ".cm-diagnostic": { padding: "8px 10px", borderLeftWidth: "3px" },
  ".cm-diagnosticAction": { backgroundColor: "var(--accent)", color: "var(--on-accent)", borderRadius: "6px", padding: "2px 10px", minHeight: "26px", marginLeft: "0", marginTop: "6px" },
  ".cm-placeholder": { color: "var(--muted)" },
});

// Text typed over a selection: the browser would copy the replaced text's look into a style attribute, which the page's
// content policy refuses (and reports), so the change is made here instead.
export const typedOver = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { from, to, empty } = view.state.selection.main;
    const text = event.data;
    if (event.inputType !== "insertText" || !text || empty || view.composing) return false;
    const change = () => view.state.update(view.state.replaceSelection(text), { userEvent: "input.type", scrollIntoView: true });
    if (!view.state.facet(EditorView.inputHandler).some((handler) => handler(view, from, to, text, change))) view.dispatch(change());
    event.preventDefault();
    return true;
  },
});

const opened = Annotation.define<boolean>();

export class Editor {
  readonly view: EditorView;
  private readonly past = new Compartment();
  private marked = false;

  constructor(parent: HTMLElement, nonce: string, hooks: Hooks) {
    const extensions = [
      EditorView.cspNonce.of(nonce),
      lineNumbers(), highlightSpecialChars(), this.past.of(history()), drawSelection(), bracketMatching(), closeBrackets(), highlightActiveLine(),
      highlightSelectionMatches(), lintGutter(), EditorView.lineWrapping,
      sql({ dialect: PostgreSQL, upperCaseKeywords: true }),
      autocompletion({ override: [completer(hooks.facts)], icons: false, activateOnTyping: true }),
      syntaxHighlighting(colours), look, typedOver,
      placeholder("SELECT … – Ctrl+Space completes, Ctrl+Enter runs"),
      EditorView.contentAttributes.of({ "aria-label": "SQL statement", spellcheck: "false", autocapitalize: "off", tabindex: "0" }),
      Prec.highest(keymap.of([
        { key: "Mod-Enter", run: (view) => { closeCompletion(view); hooks.run(); return true; } },
        { key: "Alt-Enter", run: () => hooks.fix() },
        { key: "Alt-ArrowUp", run: () => hooks.recall(1) },
        { key: "Alt-ArrowDown", run: () => hooks.recall(-1) },
        { key: "Escape", run: (view) => completionStatus(view.state) === null && hooks.cancel() },
      ])),
      keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap, indentWithTab]),
      EditorView.updateListener.of((update) => {
        if (update.docChanged && !update.transactions.some((transaction) => transaction.annotation(opened))) hooks.changed(update.state.doc.toString());
      }),
    ];
    this.view = new EditorView({ parent, state: EditorState.create({ doc: "", extensions }) });
  }

  get text(): string { return this.view.state.doc.toString(); }

  // A tab's statement; undo starts anew, so that one tab's text cannot be undone into another. It is a change like any other, since
  // a whole new state would leave the old one's pending measurements to read positions that are no more.
  open(text: string): void {
    closeCompletion(this.view);
    this.view.dispatch({
      changes: { from: 0, to: this.view.state.doc.length, insert: text },
      selection: { anchor: 0 },
      annotations: opened.of(true),
      effects: this.past.reconfigure([]),
    });
    this.view.dispatch(setDiagnostics(this.view.state, []), { effects: this.past.reconfigure(history()) });
  }

  replace(from: number, to: number, insert: string): void {
    this.view.dispatch({ changes: { from, to, insert }, selection: { anchor: from + insert.length } });
    this.view.focus();
  }

  insert(text: string): void {
    this.view.dispatch(this.view.state.replaceSelection(text));
    this.view.focus();
  }

  underline(problem: Problem | null, fix: { label: string; apply: () => void } | null): void {
    if (!problem) {
      // Not asked of the state: a mark whose text was deleted counts no more, and its dot in the gutter stays all the same.
      if (this.marked) this.view.dispatch(setDiagnostics(this.view.state, []));
      this.marked = false;
      return;
    }
    const [from, to] = place(this.text, problem);
    const mark: Diagnostic = {
      from, to,
      severity: "error",
      message: problem.detail,
      renderMessage: () => h("div", null, h("strong", null, problem.detail), problem.hint ? h("div", null, problem.hint) : null),
      actions: fix ? [{ name: fix.label, apply: fix.apply }] : [],
    };
    this.view.dispatch(setDiagnostics(this.view.state, [mark]));
    this.marked = true;
  }
}

// Positions come in code points; the editor counts UTF-16 units. Without a position the whole statement is marked.
export function place(text: string, problem: Problem): [number, number] {
  const { start, end } = problem.position ?? {};
  if (start === undefined) return [0, text.length];
  const points = Array.from(text);
  const from = points.slice(0, start).join("").length;
  const to = points.slice(0, Math.max(end ?? start + 1, start + 1)).join("").length;
  return from < to ? [from, to] : [Math.max(0, text.length - 1), text.length];
}

// A plain text of many lines, such as a policy, with problems marked at their lines.
export class TextEditor {
  private readonly view: EditorView;
  private readonly extensions;

  constructor(parent: HTMLElement, nonce: string, label: string, changed: (text: string) => void) {
    this.extensions = [
      EditorView.cspNonce.of(nonce), lineNumbers(), highlightSpecialChars(), history(), drawSelection(), highlightActiveLine(), lintGutter(),
      EditorView.theme({ ".cm-scroller": { maxHeight: "max(420px, 62vh)", minHeight: "320px", fontSize: "12.5px" } }), look, typedOver,
      EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false", tabindex: "0" }),
      keymap.of([...defaultKeymap, ...searchKeymap, ...historyKeymap, ...lintKeymap]),
      EditorView.updateListener.of((update) => { if (update.docChanged) changed(update.state.doc.toString()); }),
    ];
    this.view = new EditorView({ parent, state: EditorState.create({ doc: "", extensions: this.extensions }) });
  }

  get text(): string { return this.view.state.doc.toString(); }

  open(text: string): void {
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text } });
  }

  mark(problems: { line: number; text: string; fix: string }[]): void {
    const { doc } = this.view.state;
    this.view.dispatch(setDiagnostics(this.view.state, problems.map(({ line, text, fix }): Diagnostic => {
      const at = doc.line(Math.min(Math.max(1, line), doc.lines));
      return { from: at.from, to: at.to, severity: "error", message: text, renderMessage: () => h("div", null, h("strong", null, text), h("div", null, fix)) };
    })));
  }
}
