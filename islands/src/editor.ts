// The editor of ADQL. It lives in a shadow root, where its styles are constructed sheets: the policy of the page allows
// no style elements.

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { keywordCompletionSource, schemaCompletionSource, SQLDialect, sql } from "@codemirror/lang-sql";
import type { SQLNamespace } from "@codemirror/lang-sql";
import { bracketMatching, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import type { Diagnostic } from "@codemirror/lint";
import { Compartment, EditorState } from "@codemirror/state";
import type { Text } from "@codemirror/state";
import { drawSelection, EditorView, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import type { Problem, Schema, Table } from "./api";

const KEYWORDS =
  "all and as asc between by case cross desc distinct else end except exists from full group having ilike in inner " +
  "intersect is join left like natural not null offset on or order outer right select then top union using when where with";

const LOOKS = EditorView.theme({
  "&": { color: "var(--text)", backgroundColor: "var(--ground)", border: "1px solid var(--line-field)", borderRadius: "var(--radius)" },
  "&.cm-focused": { outline: "3px solid var(--accent)", outlineOffset: "2px" },
  ".cm-scroller": { fontFamily: "var(--mono)", fontSize: ".92rem", lineHeight: "1.5", minHeight: "11rem", maxHeight: "60vh" },
  ".cm-content": { caretColor: "var(--text)", padding: ".5rem 0" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": { backgroundColor: "var(--ground-raised)", color: "var(--text-quiet)", borderRight: "1px solid var(--line)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--mark)" },
  ".cm-tooltip": { backgroundColor: "var(--ground-raised)", color: "var(--text)", border: "1px solid var(--line)" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--accent-text)" },
  ".cm-completionDetail": { fontStyle: "normal", color: "var(--text-quiet)" },
  "li[aria-selected] .cm-completionDetail": { color: "inherit" },
  ".cm-diagnosticAction": { backgroundColor: "var(--accent)", color: "var(--accent-text)", font: "inherit", padding: ".15rem .6rem" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--bad)" },
});

const COLOURS = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--accent)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--good)" },
  { tag: [tags.number, tags.bool], color: "var(--warn)" },
  { tag: tags.comment, color: "var(--text-quiet)", fontStyle: "italic" },
]);

function dialectOf(functions: readonly string[]): SQLDialect {
  return SQLDialect.define({
    keywords: KEYWORDS,
    builtin: functions.join(" ").toLowerCase(),
    types: "bigint char double float integer real smallint timestamp varchar",
    operatorChars: "*+-/<>=!|",
  });
}

function namespaceOf(schema: Schema): SQLNamespace {
  const names: Record<string, Record<string, Completion[]>> = {};
  for (const service of schema.services) {
    for (const table of service.tables) {
      const [space, name] = table.name.split(".");
      if (space && name) (names[space] ??= {})[name] = table.columns.map(completionOf);
    }
  }
  return names;
}

function completionOf(column: Table["columns"][number]): Completion {
  const about = [column.description, column.ucd && `UCD ${column.ucd}`, column.indexed && "has an index"];
  return { label: column.name, type: "property", detail: column.unit ?? "", info: about.filter(Boolean).join("\n") };
}

/** Columns of the tables that the query names, wherever a word begins. */
function columnsOf(schema: Schema) {
  const tables = schema.services.flatMap((service) => service.tables);
  return (context: CompletionContext): CompletionResult | null => {
    const word = context.matchBefore(/[\w"]+/);
    if (!word || context.state.sliceDoc(word.from - 1, word.from) === ".") return null;
    const text = context.state.doc.toString().toLowerCase();
    const options = tables.filter((table) => text.includes(table.name.toLowerCase())).flatMap((table) => table.columns.map(completionOf));
    return options.length ? { from: word.from, options, validFor: /^[\w"]*$/ } : null;
  };
}

function functionsOf(schema: Schema) {
  const options = schema.functions.map((name): Completion => ({ label: name, type: "function", apply: `${name}(` }));
  return (context: CompletionContext): CompletionResult | null => {
    const word = context.matchBefore(/\w{2,}/);
    return word ? { from: word.from, options, validFor: /^\w*$/ } : null;
  };
}

/** Where a problem begins and ends; the service counts characters, a script halves of surrogate pairs too. */
export function placeOf(doc: Text, problem: Problem): { from: number; to: number } {
  const line = doc.line(Math.min(Math.max(problem.line, 1), doc.lines));
  const characters = Array.from(doc.sliceString(line.from));
  const before = characters.slice(0, problem.column - 1).join("").length;
  const length = characters.slice(problem.column - 1, problem.column - 1 + problem.length).join("").length;
  const from = Math.min(line.from + before, doc.length);
  return { from, to: Math.min(from + length, doc.length) };
}

export class Editor {
  private readonly view: EditorView;
  private readonly language = new Compartment();

  constructor(area: HTMLTextAreaElement, label: string, onChange: () => void, onRun: () => void) {
    const host = document.createElement("div");
    host.className = "editor";
    area.before(host);
    area.hidden = true;
    const root = host.attachShadow({ mode: "open" });
    this.view = new EditorView({
      parent: root,
      root,
      state: EditorState.create({
        doc: area.value,
        extensions: [
          keymap.of([{ key: "Mod-Enter", run: () => (onRun(), true) }]),
          lineNumbers(),
          history(),
          drawSelection(),
          bracketMatching(),
          closeBrackets(),
          lintGutter(),
          EditorView.lineWrapping,
          keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap]),
          this.language.of(sql({ dialect: dialectOf([]), upperCaseKeywords: true })),
          syntaxHighlighting(COLOURS),
          LOOKS,
          EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false" }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) {
              area.value = update.state.doc.toString();
              onChange();
            }
          }),
        ],
      }),
    });
  }

  get text(): string {
    return this.view.state.doc.toString();
  }

  set text(text: string) {
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text } });
  }

  focus(): void {
    this.view.focus();
  }

  insert(text: string): void {
    this.view.dispatch(this.view.state.replaceSelection(text));
    this.view.focus();
  }

  know(schema: Schema): void {
    const dialect = dialectOf(schema.functions);
    const sources = [
      schemaCompletionSource({ dialect, schema: namespaceOf(schema) }),
      keywordCompletionSource(dialect, true),
      columnsOf(schema),
      functionsOf(schema),
    ];
    const support = sql({ dialect });
    this.view.dispatch({ effects: this.language.reconfigure([support.language, autocompletion({ override: sources, maxRenderedOptions: 60 })]) });
  }

  /** Marks problems; `accept` is called with one and a suggestion that somebody takes. */
  mark(problems: readonly Problem[], accept: (problem: Problem, suggestion: string) => void): void {
    const doc = this.view.state.doc;
    const diagnostics = problems.map((problem): Diagnostic => ({
      ...placeOf(doc, problem),
      severity: "error",
      message: problem.message,
      actions: problem.suggestions.map((suggestion) => ({ name: `Write ${suggestion}`, apply: () => accept(problem, suggestion) })),
    }));
    this.view.dispatch(setDiagnostics(this.view.state, diagnostics.sort((a, b) => a.from - b.from)));
  }

  correct(problem: Problem, suggestion: string): void {
    const { from, to } = placeOf(this.view.state.doc, problem);
    this.view.dispatch({ changes: { from, to, insert: suggestion }, selection: { anchor: from + suggestion.length } });
    this.view.focus();
  }
}
