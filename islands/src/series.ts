// The plot of a dataset, from years down to single records: what is within .series becomes a canvas, and the form below
// it cuts out what is shown. The values come from /plot, as many as there are pixels.

import { button, make } from "./dom";
import { DARK, frameOf, heightOf, LIGHT, Painter, PANEL_HEIGHT, topOf } from "./series/paint";
import type { Frame } from "./series/paint";
import { placed, scaleOf, written } from "./series/scale";
import { FIRST, instant, LAST, length, parsed, spoken } from "./series/time";
import type { Span } from "./series/time";
import { isNumber, labelOf } from "./series/values";
import type { Panel, Values } from "./series/values";

/** Milliseconds; nothing is looked at more closely. */
const SHORTEST = 1;
/** Pixels that a pointer must go for a part to be chosen. */
const LEAST_DRAG = 5;
/** Waited after a turn of the wheel, for the next. */
const WHEEL_MS = 150;
const BUSY_TRIES = 4;
const MOST_ROWS = 500;
const HELP = "Drag over a part to zoom into it; a double click zooms out. Keys: + and − zoom, arrows move, Home and End go to the first and the last record, 0 shows all; with the focus in the plot the wheel zooms too.";

function has(name: string): HTMLElement | null {
  return document.getElementById(name);
}

class Series {
  private readonly canvas = make("canvas", {});
  private readonly over = make("canvas", { class: "over", "aria-hidden": "true" });
  private readonly plot = make("div", { class: "canvas", tabindex: "0", role: "application", "aria-label": "Plot", "aria-roledescription": "plot", "aria-describedby": "series-help" }, this.canvas, this.over);
  private readonly shown = make("p", { class: "shown", role: "status" });
  private readonly under = make("p", { class: "under quiet" });
  private readonly table = make("details", { class: "table" }, make("summary", {}, "Values as a table"));
  private readonly boxes = new Map<string, HTMLInputElement>();
  private readonly axisOf = new Map<string, string>();
  private readonly whole: Span;
  private readonly isGranule: boolean;
  /** what the form cuts out of while the view is as the page has it, such as a granule */
  private readonly named = has("cut")?.dataset["own"] ?? "";
  private isWhole: boolean;
  private extent: Span;
  private span: Span;
  private chosen: string[];
  private values: Values | null = null;
  private asking: AbortController | null = null;
  private later = 0;
  private drag: { from: number; to: number; isMove: boolean; span: Span } | null = null;

  constructor(private readonly place: HTMLElement) {
    const { first = "", last = "", start = "", stop = "", parameters = "" } = place.dataset;
    this.whole = { start: parsed(first), stop: Math.max(parsed(last), parsed(first) + SHORTEST) };
    this.extent = this.whole;
    this.span = { start: parsed(start), stop: parsed(stop) };
    this.chosen = parameters.split(",").filter(Boolean);
    this.isGranule = !has("coverage");
    this.isWhole = "isWhole" in place.dataset;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", "Not drawn yet");
    const parts = [this.shown, this.tools(), this.plot, this.under, make("p", { id: "series-help", class: "quiet help" }, HELP)];
    const choice = this.choice();
    for (const old of place.querySelectorAll(":scope > .shown, :scope > .plot-tools, :scope > noscript, :scope > .parameters")) old.remove();
    place.append(...parts, ...(choice ? [choice] : []), this.table);
    this.table.addEventListener("toggle", () => this.tabulate());
    this.listen();
    this.ask();
  }

  // -- what surrounds the plot

  private tools(): HTMLElement {
    const all = this.place.dataset["whole"] ?? "All";
    return make(
      "p",
      { class: "plot-tools" },
      button("Earlier", () => this.move(-0.5)),
      button("Later", () => this.move(0.5)),
      button("Zoom in", () => this.zoom(0.5)),
      button("Zoom out", () => this.zoom(2)),
      button(all, () => this.back()),
      this.isGranule && button("The dataset", () => this.go(this.extent)),
    );
  }

  private choice(): HTMLElement | null {
    const groups = [...this.place.querySelectorAll<HTMLElement>("[data-axis]")].map((group) => {
      const axis = group.dataset["axis"] ?? "";
      const labels = [...group.querySelectorAll<HTMLElement>("[data-parameter]")].map((link) => {
        const name = link.dataset["parameter"] ?? "";
        const box = make("input", { type: "checkbox", checked: this.chosen.includes(name) });
        box.addEventListener("change", () => this.choose(name, box.checked));
        this.boxes.set(name, box);
        this.axisOf.set(name, axis);
        return make("label", {}, box, ` ${name}`);
      });
      return make("div", { class: "plot-choice", role: "group", "aria-label": `Parameters over ${axis}` }, ...labels);
    });
    if (this.boxes.size < 2) return null;
    const more = this.place.querySelector(".parameters > p.quiet");
    return make("details", { class: "parameters", open: this.boxes.size <= 12 }, make("summary", {}, "Parameters"), ...groups, more);
  }

  private choose(name: string, isChosen: boolean): void {
    const axis = this.axisOf.get(name);
    // one plot has one axis of time; what was drawn without being asked for is taken off as if it had been
    const now = (this.chosen.length ? this.chosen : (this.values?.panels ?? []).map((panel) => panel.name)).filter((one) => one !== name && this.axisOf.get(one) === axis);
    const most = Number(this.place.dataset["most"]) || 8;
    this.chosen = isChosen ? [...now.slice(-(most - 1)), name] : now;
    this.mark(this.chosen);
    this.ask();
  }

  private mark(names: readonly string[]): void {
    for (const [name, box] of this.boxes) box.checked = names.includes(name);
  }

  // -- where it is looked at

  private go(span: Span): void {
    const middle = (span.start + span.stop) / 2;
    const half = Math.max((span.stop - span.start) / 2, SHORTEST / 2);
    let [start, stop] = [middle - half, middle + half];
    const room = (this.extent.stop - this.extent.start) * 0.02;
    const [least, most] = [Math.max(this.extent.start - room, FIRST), Math.min(this.extent.stop + room, LAST)];
    if (stop - start >= most - least) [start, stop] = [least, most];
    else if (start < least) [start, stop] = [least, least + stop - start];
    else if (stop > most) [start, stop] = [most - (stop - start), most];
    this.span = { start, stop };
    this.isWhole = false;
    this.paint();
    this.ask();
  }

  private back(): void {
    this.span = this.whole;
    this.isWhole = true;
    this.paint();
    this.ask();
  }

  private move(part: number): void {
    const by = (this.span.stop - this.span.start) * part;
    this.go({ start: this.span.start + by, stop: this.span.stop + by });
  }

  /** Around a place between 0 and 1. */
  private zoom(factor: number, around = 0.5): void {
    const size = this.span.stop - this.span.start;
    const fixed = this.span.start + size * around;
    const next = Math.max(size * factor, SHORTEST);
    this.go({ start: fixed - next * around, stop: fixed + next * (1 - around) });
  }

  /** As long as now, with the first or last record in it. */
  private end(isLast: boolean): void {
    const size = this.span.stop - this.span.start;
    const room = size * 0.02;
    this.go(isLast ? { start: this.extent.stop + room - size, stop: this.extent.stop + room } : { start: this.extent.start - room, stop: this.extent.start - room + size });
  }

  private listen(): void {
    const { plot } = this;
    plot.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const actions: Record<string, () => void> = {
        "+": () => this.zoom(0.5),
        "=": () => this.zoom(0.5),
        "-": () => this.zoom(2),
        ArrowLeft: () => this.move(event.shiftKey ? -1 : -0.25),
        ArrowRight: () => this.move(event.shiftKey ? 1 : 0.25),
        Home: () => this.end(false),
        End: () => this.end(true),
        "0": () => this.go(this.extent),
        Escape: () => {
          this.drag = null;
          this.hover(null);
        },
      };
      const action = actions[event.key];
      if (!action) return;
      event.preventDefault();
      action();
    });
    plot.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.isWithin(event)) return;
      plot.focus({ preventScroll: true });
      plot.setPointerCapture(event.pointerId);
      this.drag = { from: event.offsetX, to: event.offsetX, isMove: event.shiftKey, span: this.span };
    });
    plot.addEventListener("pointermove", (event) => {
      if (!this.drag) return this.hover(this.isWithin(event) ? event : null);
      this.drag.to = event.offsetX;
      if (this.drag.isMove) {
        const by = ((this.drag.from - this.drag.to) / this.inner()) * (this.drag.span.stop - this.drag.span.start);
        this.span = { start: this.drag.span.start + by, stop: this.drag.span.stop + by };
        this.paint();
      }
      this.hover(null);
    });
    plot.addEventListener("pointerup", () => {
      const drag = this.drag;
      this.drag = null;
      this.hover(null);
      if (!drag || Math.abs(drag.to - drag.from) < LEAST_DRAG) return;
      if (drag.isMove) return this.go(this.span);
      const [from, to] = [this.time(Math.min(drag.from, drag.to)), this.time(Math.max(drag.from, drag.to))];
      this.go({ start: Math.max(from, this.span.start), stop: Math.min(to, this.span.stop) });
    });
    plot.addEventListener("pointercancel", () => {
      this.drag = null;
      this.hover(null);
    });
    plot.addEventListener("pointerleave", () => !this.drag && this.hover(null));
    plot.addEventListener("dblclick", (event) => this.zoom(3, this.part(event.offsetX)));
    plot.addEventListener(
      "wheel",
      (event) => {
        // a page is scrolled by it unless the plot has been chosen
        if (document.activeElement !== plot && !event.ctrlKey) return;
        event.preventDefault();
        const by = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY / 400 : event.deltaY / 8;
        this.zoom(2 ** Math.min(Math.max(by, -1), 1), this.part(event.offsetX));
      },
      { passive: false },
    );
    // of what is asked for first, which the observer's first word would ask for again
    let width = plot.clientWidth;
    new ResizeObserver(() => {
      if (Math.abs(this.plot.clientWidth - width) < 2) return;
      width = this.plot.clientWidth;
      this.paint();
      this.ask();
    }).observe(plot);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
    window.addEventListener("popstate", () => location.reload());
  }

  // -- between pixels and times

  private frame(): Frame {
    return frameOf(Math.max(this.plot.clientWidth, 240));
  }

  private inner(): number {
    const { width, left, right } = this.frame();
    return width - left - right;
  }

  private part(x: number): number {
    return Math.min(Math.max((x - this.frame().left) / this.inner(), 0), 1);
  }

  private time(x: number): number {
    return this.span.start + this.part(x) * (this.span.stop - this.span.start);
  }

  private isWithin(event: PointerEvent): boolean {
    const { width, left, right } = this.frame();
    return event.offsetX >= left && event.offsetX <= width - right;
  }

  // -- values

  private ask(): void {
    this.told();
    window.clearTimeout(this.later);
    this.asking?.abort();
    this.place.setAttribute("aria-busy", "true");
    this.later = window.setTimeout(() => void this.fetch(), this.values ? WHEEL_MS : 0);
  }

  private async fetch(): Promise<void> {
    const asking = (this.asking = new AbortController());
    const query = new URLSearchParams({ start: this.place.dataset["start"] ?? "", stop: this.place.dataset["stop"] ?? "", points: String(Math.min(Math.max(Math.round(this.inner() / 2), 60), 2000)) });
    if (this.chosen.length) query.set("parameters", this.chosen.join(","));
    const events = new URLSearchParams(location.search).get("events");
    if (events) query.set("events", events);
    try {
      let answer = await fetch(`${this.place.dataset["values"]}?${query}`, { signal: asking.signal, headers: { Accept: "application/json" } });
      for (let tries = 1; answer.status === 503 && tries < BUSY_TRIES; tries += 1) {
        this.under.textContent = "The service draws for others; a moment …";
        await new Promise((resolve) => setTimeout(resolve, 1000 * Math.min(Number(answer.headers.get("Retry-After")) || 2, 10)));
        answer = await fetch(`${this.place.dataset["values"]}?${query}`, { signal: asking.signal, headers: { Accept: "application/json" } });
      }
      if (answer.ok) this.came((await answer.json()) as Values);
      else this.failed((await answer.text()).replace(/^Error: /, "").trim().split("\n")[0] || `The service answers ${answer.status}.`);
    } catch (error) {
      if (asking.signal.aborted) return;
      this.failed(`The values could not be fetched: ${error instanceof Error ? error.message : String(error)}.`);
    }
    this.place.removeAttribute("aria-busy");
  }

  private came(values: Values): void {
    this.values = values;
    this.extent = { start: parsed(values.first.replace("Z", "")), stop: parsed(values.last.replace("Z", "")) + SHORTEST };
    this.under.classList.remove("bad");
    this.place.dataset["resolution"] = values.width ? "bins" : "records";
    const many = values.width ? `${values.bins.toLocaleString("en")} bins of ${values.width_text}: mean, and the range around it` : `${values.records.toLocaleString("en")} record${values.records === 1 ? "" : "s"}, each as it is`;
    this.under.textContent = [values.records ? many : "No records here", ...values.remarks].join(". ").concat(".");
    if (!this.chosen.length) this.mark(values.panels.map((panel) => panel.name));
    this.paint();
    this.told();
    this.tabulate();
  }

  private failed(sentence: string): void {
    this.values = this.values && { ...this.values, panels: this.values.panels.map(emptied), records: 0, bins: 0 };
    this.under.classList.add("bad");
    this.under.textContent = sentence;
    this.paint();
  }

  // -- telling what is shown

  /** In words, in the address, and in the form that cuts it out. */
  private told(): void {
    const { start, stop } = this.span;
    const [from, to] = [instant(Math.floor(start)), instant(Math.ceil(Math.max(stop, start + SHORTEST)))];
    this.shown.textContent = `${spoken(start)} to ${spoken(stop)} UTC (${length(stop - start)})`;
    this.place.dataset["start"] = from;
    this.place.dataset["stop"] = to;
    const address = new URL(location.href);
    for (const [name, value] of [["start", from], ["stop", to]] as const) {
      if (this.isWhole) address.searchParams.delete(name);
      else address.searchParams.set(name, value);
    }
    if (this.chosen.length) address.searchParams.set("parameters", this.chosen.join(","));
    else address.searchParams.delete("parameters");
    if (address.href !== location.href) history.replaceState(null, "", address);
    const form = has("cut") as HTMLFormElement | null;
    if (!form) return;
    const field = (name: string): HTMLInputElement | null => form.querySelector(`[name=${name}]`);
    const [id, first, last] = [field("ID"), field("START"), field("STOP")];
    if (!id || !first || !last) return;
    id.value = this.isWhole ? this.named : (form.dataset["dataset"] ?? this.named);
    [first.value, last.value] = [from, to];
    for (const old of form.querySelectorAll("[name=PARAMETERS]")) old.remove();
    for (const name of this.chosen) form.prepend(make("input", { type: "hidden", name: "PARAMETERS", value: name }));
    const query = new URLSearchParams([...new FormData(form)].filter((pair): pair is [string, string] => pair[0] !== "FORMAT" && typeof pair[1] === "string"));
    query.set("FORMAT", "votable");
    const send = has("cut-send");
    if (send) send.dataset["url"] = `${form.action}?${query}`;
  }

  private paint(): void {
    if (!this.plot.isConnected || !this.values) return;
    const style = getComputedStyle(this.place);
    const colour = (name: string): string => style.getPropertyValue(name).trim();
    const look = { text: colour("--text"), quiet: colour("--line-field"), line: colour("--line"), ground: colour("--ground"), font: style.fontFamily, colours: matchMedia("(prefers-color-scheme: dark)").matches ? DARK : LIGHT };
    new Painter(this.canvas, look, this.frame(), this.span).paint(this.values.panels, this.values.marks);
    const marked = this.values.marks?.length ? ` ${this.values.marks.length.toLocaleString("en")} events are marked.` : "";
    this.canvas.setAttribute("aria-label", `${this.values.panels.map(summary).join(" ")}${marked}`);
    this.plot.setAttribute("aria-label", `Plot of ${this.values.panels.map(labelOf).join(", ") || "nothing"}`);
    this.hover(null);
  }

  /** A line below the pointer with what is there; the part that is being chosen. */
  private hover(event: PointerEvent | null): void {
    const { over, drag } = this;
    const [ratio, frame] = [window.devicePixelRatio || 1, this.frame()];
    const panels = this.values?.panels ?? [];
    const height = heightOf(panels.length);
    over.width = Math.round(frame.width * ratio);
    over.height = Math.round(height * ratio);
    over.style.height = `${height}px`;
    const context = over.getContext("2d");
    if (!context) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const style = getComputedStyle(this.place);
    const top = topOf(0);
    const bottom = topOf(Math.max(panels.length, 1) - 1) + PANEL_HEIGHT;
    if (drag && !drag.isMove) {
      context.fillStyle = style.getPropertyValue("--accent").trim();
      context.globalAlpha = 0.25;
      const [from, to] = [Math.max(Math.min(drag.from, drag.to), frame.left), Math.min(Math.max(drag.from, drag.to), frame.width - frame.right)];
      context.fillRect(from, top, Math.max(to - from, 0), bottom - top);
      return;
    }
    if (!event) return;
    const time = this.time(event.offsetX);
    const ground = style.getPropertyValue("--ground").trim();
    context.strokeStyle = context.fillStyle = style.getPropertyValue("--text").trim();
    context.setLineDash([3, 3]);
    context.beginPath();
    context.moveTo(event.offsetX + 0.5, top);
    context.lineTo(event.offsetX + 0.5, bottom);
    context.stroke();
    context.font = `12px ${style.fontFamily}`;
    context.textBaseline = "top";
    const isRight = event.offsetX > frame.width / 2;
    context.textAlign = isRight ? "right" : "left";
    panels.forEach((panel, number) => {
      const said = at(panel, time, 1 - (event.offsetY - topOf(number)) / PANEL_HEIGHT);
      if (!said) return;
      const width = context.measureText(said).width;
      const x = event.offsetX + (isRight ? -8 : 8);
      context.globalAlpha = 0.85;
      context.fillStyle = ground;
      context.fillRect(isRight ? x - width - 3 : x - 3, topOf(number) + 4, width + 6, 18);
      context.globalAlpha = 1;
      context.fillStyle = style.getPropertyValue("--text").trim();
      context.fillText(said, x, topOf(number) + 6);
    });
  }

  private tabulate(): void {
    if (!this.table.open || !this.values) return;
    const tables = this.values.panels.map((panel) => {
      const times = panel.kind === "lines" ? panel.times : panel.starts;
      const names = panel.kind === "lines" ? panel.lines.map((line) => line.name || panel.title) : channelNames(panel.edges[0] ?? []);
      const rows = times.slice(0, MOST_ROWS).map((time, row) => {
        const values = panel.kind === "lines" ? panel.lines.map((line) => line.values[row]) : (panel.values[row] ?? []);
        return make("tr", {}, make("th", { scope: "row" }, spoken(time)), ...values.map((value) => make("td", { class: "n" }, isNumber(value) ? written(value) : "")));
      });
      const head = make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Time (UTC)"), ...names.map((name) => make("th", { scope: "col", class: "n" }, name))));
      const over = times.length > MOST_ROWS ? `The first ${MOST_ROWS} of ${times.length.toLocaleString("en")}; zoom in, or cut out what is shown.` : "";
      return make("section", { "aria-label": labelOf(panel) }, make("h3", {}, labelOf(panel)), make("div", { class: "scroll plot-table", tabindex: "0", role: "region", "aria-label": `Values of ${panel.title}` }, make("table", {}, head, make("tbody", {}, ...rows))), make("p", { class: "quiet" }, over));
    });
    this.table.replaceChildren(this.table.firstElementChild ?? "", ...tables);
  }
}

function emptied(panel: Panel): Panel {
  return panel.kind === "lines" ? { ...panel, times: [], lines: panel.lines.map((line) => ({ name: line.name, values: [] })) } : { ...panel, starts: [], stops: [], values: [], edges: panel.edges.slice(0, 1) };
}

function channelNames(edges: readonly (number | null)[]): string[] {
  return edges.slice(0, -1).map((edge, index) => {
    const upper = edges[index + 1];
    return isNumber(edge) && isNumber(upper) ? `${written(Number(edge.toPrecision(4)))}–${written(Number(upper.toPrecision(4)))}` : `channel ${index + 1}`;
  });
}

/** What a panel shows, for those who do not see it. */
function summary(panel: Panel): string {
  let [low, high] = [Infinity, -Infinity];
  let count = 0;
  for (const values of panel.kind === "lines" ? panel.lines.map((line) => line.values) : panel.values) {
    for (const value of values) {
      if (value === null) continue;
      count += 1;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return `${labelOf(panel)}: ${count ? `${count.toLocaleString("en")} values from ${written(low)} to ${written(high)}.` : "no values."}`;
}

/** The index of the one nearest to it. */
function nearest(times: readonly number[], time: number): number {
  let [low, high] = [0, times.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) <= time) low = middle;
    else high = middle;
  }
  return Math.abs((times[low] ?? 0) - time) <= Math.abs((times[high] ?? 0) - time) ? low : high;
}

/** The values at a time; of a spectrogram those at a height between 0 and 1. */
function at(panel: Panel, time: number, height: number): string {
  if (panel.kind === "lines") {
    const index = nearest(panel.times, time);
    const said = panel.lines.flatMap((line) => (isNumber(line.values[index]) ? [`${line.name ? `${line.name} ` : ""}${written(line.values[index])}`] : []));
    return said.length ? `${spoken(panel.times[index] ?? 0)}: ${said.join(", ")} ${panel.units}` : "";
  }
  const column = panel.stops.findIndex((stop) => stop > time);
  if (column < 0 || (panel.starts[column] ?? 0) > time || height < 0 || height > 1) return "";
  const edges = panel.edges[panel.edges.length > 1 ? column : 0] ?? [];
  const known = panel.edges.flat().filter((edge): edge is number => isNumber(edge) && (!panel.axis.log || edge > 0));
  const [low, high] = [known.reduce((a, b) => Math.min(a, b), Infinity), known.reduce((a, b) => Math.max(a, b), -Infinity)];
  const scale = low < high ? { low, high, log: panel.axis.log } : scaleOf(low, high, panel.axis.log);
  for (let channel = 0; channel < edges.length - 1; channel += 1) {
    const [lower, upper, value] = [edges[channel], edges[channel + 1], panel.values[column]?.[channel]];
    if (!isNumber(lower) || !isNumber(upper) || !(placed(scale, lower) <= height && height <= placed(scale, upper))) continue;
    const along = `${written(Number(lower.toPrecision(4)))} to ${written(Number(upper.toPrecision(4)))} ${panel.axis.units}`;
    return `${spoken(panel.starts[column] ?? 0)}, ${along}: ${isNumber(value) ? `${written(value)} ${panel.units}` : "no value"}`;
  }
  return "";
}

for (const place of document.querySelectorAll<HTMLElement>(".series[data-values]")) new Series(place);
