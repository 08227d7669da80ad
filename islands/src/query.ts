// The page /query with scripts: the same form, answered in place. Without them the service writes all of it.

import { get, post, RefusedError } from "./api";
import type { Answer, Explanation, Problem, Refusal, Schema } from "./api";
import { button, byId, count, make } from "./dom";
import { Editor } from "./editor";
import { ResultTable } from "./table";
import { Tree } from "./tree";

const CHECK_AFTER_MS = 600;
const LONGEST_LINK = 4000;

class Page {
  private readonly page = byId("query-page");
  private readonly form = byId<HTMLFormElement>("query-form");
  private readonly place = byId("answer");
  private readonly said = byId("problems");
  private readonly upload = byId<HTMLInputElement>("upload");
  private readonly link: HTMLAnchorElement;
  private readonly editor: Editor;
  private readonly root: string;
  private running: AbortController | null = null;
  private timer = 0;
  private checked = 0;

  constructor() {
    this.root = this.page.dataset["query"] ?? "/query";
    const area = byId<HTMLTextAreaElement>("query");
    this.editor = new Editor(area, "ADQL", () => this.changed(), () => void this.run());
    byId("query-label").removeAttribute("for");
    byId("query-label").addEventListener("click", () => this.editor.focus());
    this.link = document.getElementById("permalink") as HTMLAnchorElement | null ?? make("a", { id: "permalink" }, "Link to this query");
    if (!this.link.isConnected) byId("maxrec").after(this.link);
    this.form.addEventListener("submit", (event) => this.submitted(event));
    this.upload.addEventListener("change", () => {
      if (!this.editor.text.trim()) this.editor.text = `SELECT TOP 100 * FROM TAP_UPLOAD.${byId<HTMLInputElement>("upload-name").value.trim() || "mine"}`;
    });
    document.querySelectorAll<HTMLAnchorElement>("[data-example]").forEach((anchor) =>
      anchor.addEventListener("click", (event) => {
        event.preventDefault();
        this.editor.text = anchor.dataset["example"] ?? "";
        this.editor.focus();
      }),
    );
    const tree = new Tree(byId("tree"), `${this.root}/schema.json`, (text) => this.editor.insert(text), (query) => {
      this.editor.text = query;
      this.editor.focus();
    });
    get<Schema>(`${this.root}/schema.json`).then((schema) => {
      tree.show(schema);
      this.editor.know(schema);
    }, () => undefined); // the tree that the service has written stays
    this.relink();
    void this.check();
  }

  private changed(): void {
    this.relink();
    document.getElementById("fault")?.remove();
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.check(), CHECK_AFTER_MS);
  }

  private relink(): void {
    const text = this.editor.text;
    this.link.hidden = !text.trim() || text.length > LONGEST_LINK;
    this.link.href = `${this.root}?${new URLSearchParams({ sql: text })}`;
  }

  private fields(): FormData {
    const fields = new FormData(this.form);
    if (!this.upload.files?.length) fields.delete("table");
    return fields;
  }

  /** The same question in the words of TAP. */
  private asked(): FormData {
    const fields = new FormData();
    fields.set("LANG", "ADQL");
    fields.set("QUERY", this.editor.text);
    fields.set("RESPONSEFORMAT", "json");
    fields.set("MAXREC", byId<HTMLSelectElement>("maxrec").value);
    const file = this.upload.files?.[0];
    if (file) {
      fields.set("UPLOAD", `${byId<HTMLInputElement>("upload-name").value.trim() || "mine"},param:table`);
      fields.set("table", file);
    }
    return fields;
  }

  private async check(): Promise<void> {
    const number = ++this.checked;
    if (!this.editor.text.trim() || this.upload.files?.length) return this.problems([]);
    try {
      const found = await post<Refusal>(`${this.root}/check.json`, this.fields());
      if (number === this.checked) this.problems(found.problems);
    } catch {
      // it is checked again when it is run
    }
  }

  private problems(problems: readonly Problem[]): void {
    const accept = (problem: Problem, suggestion: string): void => {
      this.editor.correct(problem, suggestion);
      void this.check();
    };
    this.editor.mark(problems, accept);
    // what the page came with is said here again, at its place
    const told = document.getElementById("fault");
    if (told?.querySelector(".problems")) told.remove();
    const items = problems.map((problem) =>
      make("li", {}, `${problem.message[0]?.toUpperCase()}${problem.message.slice(1)} `, make("small", {}, `(line ${problem.line}, column ${problem.column}) `), make("span", { class: "corrections" }, ...problem.suggestions.map((suggestion) => button(`Write ${suggestion}`, () => accept(problem, suggestion))))),
    );
    this.said.replaceChildren(...(items.length ? [make("ul", { class: "problems fault" }, ...items)] : []));
  }

  private submitted(event: SubmitEvent): void {
    const action = (event.submitter as HTMLButtonElement | null)?.value ?? "run";
    if (action === "job") return; // sent as a form: the page of the job follows
    event.preventDefault();
    void (action === "explain" ? this.explain() : this.run());
  }

  /** Does something that takes a while, which can be given up; what goes wrong is said. */
  private async busy(what: string, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    window.clearTimeout(this.timer); // what is about to be told is not told again under the reader's hand
    this.checked++;
    this.running?.abort();
    const controller = (this.running = new AbortController());
    this.place.setAttribute("aria-busy", "true");
    const cancel = button("Cancel", () => controller.abort());
    this.place.replaceChildren(make("p", { role: "status", class: "actions" }, what, cancel));
    try {
      await work(controller.signal);
    } catch (error) {
      if (this.running !== controller) return;
      if (controller.signal.aborted) this.place.replaceChildren(make("p", { role: "status" }, "Given up."));
      else await this.refused(error);
    } finally {
      if (this.running === controller) {
        this.running = null;
        this.place.removeAttribute("aria-busy");
      }
    }
  }

  private async refused(error: unknown): Promise<void> {
    let refusal: Refusal = error instanceof RefusedError ? error.refusal : { message: `The service cannot be reached (${String(error)}); please try again.`, problems: [] };
    if (error instanceof RefusedError && !refusal.problems.length) {
      refusal = await post<Refusal>(`${this.root}/check.json`, this.fields()).then(
        (found) => (found.problems.length ? found : refusal),
        () => refusal,
      );
    }
    this.problems(refusal.problems);
    const hint = refusal.problems.length ? "The query cannot be run as it stands: see what is marked above." : refusal.message;
    this.place.replaceChildren(make("div", { class: "fault", role: "alert" }, make("p", {}, hint)));
  }

  private async explain(): Promise<void> {
    await this.busy("Asking what it would cost …", async (signal) => {
      const found = await post<Explanation>(`${this.root}/explain.json`, this.fields(), signal);
      this.problems([]);
      const sentences = found.sentences.map((sentence) => make("p", {}, sentence));
      this.place.replaceChildren(
        make("h2", {}, "What it would cost"),
        make("div", { class: found.is_long ? "warning" : "note" }, ...sentences),
        make("details", {}, make("summary", {}, "SQL that the database would run"), make("pre", { class: "wrap long", tabindex: "0" }, found.sql)),
      );
    });
  }

  private async run(): Promise<void> {
    await this.busy("The query runs …", async (signal) => {
      const started = performance.now();
      const answer = await post<Answer>(this.page.dataset["sync"] ?? "/tap/sync", this.asked(), signal);
      this.problems([]);
      this.answered(answer, (performance.now() - started) / 1000);
    });
  }

  private answered(answer: Answer, seconds: number): void {
    const took = seconds < 0.1 ? "less than 0.1" : seconds.toFixed(seconds < 10 ? 1 : 0);
    const more = answer.status === "OVERFLOW" ? "; there are more: download all, or run it as a job" : "";
    const said = answer.status === "ERROR" ? make("p", { class: "fault", role: "alert" }, answer.message ?? "The answer is not complete.") : null;
    const views: [string, () => HTMLElement | Promise<HTMLElement>][] = [
      ["Table", () => new ResultTable(answer).element],
      ["Plot", () => this.plot(answer)],
      ["Code", () => this.code()],
    ];
    const panel = make("div", { role: "tabpanel", id: "panel", "aria-labelledby": "tab-Table" });
    const tabs = views.map(([name]) => make("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "panel" }, name));
    const kept = new Map<number, HTMLElement>();
    const choose = async (index: number): Promise<void> => {
      tabs.forEach((tab, place) => {
        tab.setAttribute("aria-selected", String(place === index));
        tab.tabIndex = place === index ? 0 : -1;
      });
      panel.setAttribute("aria-labelledby", tabs[index]?.id ?? "");
      const view = views[index];
      if (!view) return;
      const element = kept.get(index) ?? (await view[1]());
      kept.set(index, element);
      if (tabs[index]?.getAttribute("aria-selected") === "true") panel.replaceChildren(element);
      element.dispatchEvent(new Event("shown"));
    };
    tabs.forEach((tab, index) => {
      tab.addEventListener("click", () => void choose(index));
      tab.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        const next = (index + step + tabs.length) % tabs.length;
        tabs[next]?.focus();
        void choose(next);
      });
    });
    this.place.replaceChildren(
      make("h2", {}, "Answer"),
      make("p", { role: "status" }, `${count(answer.data.length, "row")} in ${took} s${more}.`),
      ...(said ? [said] : []),
      ...(this.upload.files?.length ? [] : [this.downloads()]),
      make("div", { role: "tablist", class: "tabs", "aria-label": "Views of the answer" }, ...tabs),
      panel,
    );
    void choose(0);
  }

  private async plot(answer: Answer): Promise<HTMLElement> {
    const { Plot } = await import("./plot");
    const plot = new Plot(answer);
    plot.element.addEventListener("shown", () => plot.draw());
    return plot.element;
  }

  private async code(): Promise<HTMLElement> {
    const found = await post<Record<string, string>>(`${this.root}/code.json`, this.fields());
    const parts = Object.entries(found).flatMap(([client, text]) => {
      const copy = button("Copy", () => void navigator.clipboard.writeText(text).then(() => (copy.textContent = "Copied")));
      return [make("h3", {}, `${client} `, copy), make("pre", { tabindex: "0" }, text)];
    });
    return make("div", {}, ...parts);
  }

  private downloads(): HTMLElement {
    const form = make("form", { method: "post", action: this.page.dataset["sync"] ?? "/tap/sync", class: "actions" });
    const hidden = { LANG: "ADQL", QUERY: this.editor.text, MAXREC: this.page.dataset["most"] ?? "" };
    for (const [name, value] of Object.entries(hidden)) form.append(make("input", { type: "hidden", name, value }));
    form.append(make("span", { class: "label" }, "Download all rows"));
    for (const [label, value] of [["CSV", "csv"], ["VOTable", "votable"], ["Parquet", "parquet"], ["FITS", "fits"]] as const) {
      form.append(make("button", { name: "RESPONSEFORMAT", value }, label));
    }
    const address = `${form.action}?${new URLSearchParams({ ...hidden, RESPONSEFORMAT: "votable" })}`;
    // a program asks for the address, which must not be longer than servers on the way take; samp.ts makes a button of it
    if (this.editor.text.length <= LONGEST_LINK) form.append(make("span", { "data-samp": "table", "data-url": address, "data-name": `Answer of ${location.host}` }));
    return form;
  }
}

new Page();
