// Pictures of an answer: one column over another, coloured by a third; how often values come. Loaded when it is wanted.

import { BarChart, ScatterChart } from "echarts/charts";
import { DataZoomInsideComponent, GridComponent, TooltipComponent, VisualMapContinuousComponent } from "echarts/components";
import { init, use } from "echarts/core";
import type { EChartsType } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import type { Answer, Column } from "./api";
import { make } from "./dom";
import { dateOf, isJulian } from "./table";

use([BarChart, ScatterChart, GridComponent, TooltipComponent, VisualMapContinuousComponent, DataZoomInsideComponent, CanvasRenderer]);

const BINS = 40;

function numbers(answer: Answer): number[] {
  return answer.columns.flatMap((_, index) => (answer.data.some((row) => typeof row[index] === "number") ? [index] : []));
}

function labelOf(column: Column): string {
  return column.unit ? `${column.name} (${column.unit})` : column.name;
}

function spoken(column: Column, value: number): string {
  return isJulian(column) ? dateOf(value) : String(value);
}

function spread(values: readonly number[]): { low: number; high: number } {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high };
}

export class Plot {
  readonly element = make("div", { class: "plot" });
  private readonly canvas = make("div", { class: "canvas", role: "img", "aria-label": "Plot" });
  private readonly selects: Record<"kind" | "x" | "y" | "colour", HTMLSelectElement>;
  private chart: EChartsType | null = null;

  constructor(private readonly answer: Answer) {
    const choices = numbers(answer);
    const column = (label: string, chosen: number, none = false): HTMLSelectElement => {
      const options = choices.map((index) => make("option", { value: String(index), selected: index === chosen }, answer.columns[index]?.name ?? ""));
      return make("select", { "aria-label": label }, none && make("option", { value: "" }, "one colour"), ...options);
    };
    const kind = make("select", { "aria-label": "Kind of plot" }, make("option", { value: "scatter" }, "points"), make("option", { value: "histogram" }, "histogram"));
    this.selects = { kind, x: column("x", choices[0] ?? 0), y: column("y", choices[1] ?? choices[0] ?? 0), colour: column("colour", -1, true) };
    if (!choices.length) {
      this.element.append(make("p", {}, "The answer has no column of numbers to be drawn."));
      return;
    }
    const fields = Object.entries(this.selects).map(([name, select]) => make("label", {}, `${name} `, select));
    this.element.append(make("p", { class: "actions" }, ...fields), this.canvas);
    for (const select of Object.values(this.selects)) select.addEventListener("change", () => this.draw());
    new ResizeObserver(() => this.chart?.resize()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  draw(): void {
    if (!this.selects.kind.isConnected) return;
    this.chart ??= init(this.canvas);
    const isHistogram = this.selects.kind.value === "histogram";
    this.selects.y.disabled = this.selects.colour.disabled = isHistogram;
    this.chart.setOption(isHistogram ? this.histogram() : this.scatter(), true);
  }

  private column(select: HTMLSelectElement): { index: number; column: Column } {
    const index = Number(select.value);
    return { index, column: this.answer.columns[index] ?? { name: "" } };
  }

  private frame(x: Column): { text: string; common: object; axis: (name: string, column: Column | null) => object } {
    const style = getComputedStyle(this.element);
    const [text, line] = [style.getPropertyValue("--text").trim(), style.getPropertyValue("--line").trim()];
    const axis = (name: string, column: Column | null): object => ({
      type: "value",
      name,
      nameLocation: "middle",
      nameGap: column === x ? 28 : 55,
      nameTextStyle: { color: text },
      scale: true,
      axisLabel: { color: text, hideOverlap: true, formatter: column && isJulian(column) ? (value: number) => dateOf(value).slice(0, 16).replace(" ", "\n") : undefined },
      axisLine: { lineStyle: { color: text } },
      splitLine: { lineStyle: { color: line } },
    });
    const common = { animation: false, grid: { left: 80, right: 24, top: 24, bottom: 64 }, dataZoom: [{ type: "inside" }, { type: "inside", yAxisIndex: 0 }] };
    return { text, common, axis };
  }

  private scatter(): Record<string, unknown> {
    const x = this.column(this.selects.x);
    const y = this.column(this.selects.y);
    const z = this.selects.colour.value === "" ? null : this.column(this.selects.colour);
    const points = this.answer.data.flatMap((row) => {
      const point = [row[x.index], row[y.index], ...(z ? [row[z.index]] : [])];
      return point.every((value) => typeof value === "number") ? [point as number[]] : [];
    });
    const { text, common, axis } = this.frame(x.column);
    const { low, high } = spread(points.map((point) => point[2] ?? 0));
    this.canvas.setAttribute("aria-label", `${points.length.toLocaleString("en")} points: ${labelOf(y.column)} over ${labelOf(x.column)}`);
    return {
      ...common,
      xAxis: axis(labelOf(x.column), x.column),
      yAxis: axis(labelOf(y.column), x.index === y.index ? null : y.column),
      // drawn, not markup: the policy of the page allows no styles in attributes
      tooltip: {
        renderMode: "richText",
        formatter: ({ value }: { value: number[] }) => [x, y, z].flatMap((one, place) => (one ? [`${one.column.name}: ${spoken(one.column, value[place] ?? NaN)}`] : [])).join("\n"),
      },
      visualMap: z ? { type: "continuous", min: low, max: high, dimension: 2, right: 0, top: "middle", text: [z.column.name, ""], textStyle: { color: text }, calculable: false, inRange: { color: ["#4575b4", "#91bfdb", "#fee090", "#fc8d59", "#d73027"] } } : undefined,
      ...(z ? { grid: { left: 80, right: 90, top: 24, bottom: 64 } } : {}),
      series: [{ type: "scatter", data: points, symbolSize: points.length > 2000 ? 3 : 6, large: !z && points.length > 5000, itemStyle: z ? {} : { color: getComputedStyle(this.element).getPropertyValue("--accent").trim() } }],
    };
  }

  private histogram(): Record<string, unknown> {
    const x = this.column(this.selects.x);
    const values = this.answer.data.flatMap((row) => (typeof row[x.index] === "number" ? [row[x.index] as number] : []));
    const { low, high } = spread(values);
    const width = (high - low) / BINS || 1;
    const counts = new Array<number>(BINS).fill(0);
    for (const value of values) {
      const bin = Math.min(BINS - 1, Math.floor((value - low) / width));
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
    const { common, axis } = this.frame(x.column);
    this.canvas.setAttribute("aria-label", `Histogram of ${values.length.toLocaleString("en")} values of ${labelOf(x.column)}`);
    return {
      ...common,
      xAxis: axis(labelOf(x.column), x.column),
      yAxis: axis("rows", null),
      tooltip: {
        renderMode: "richText",
        formatter: ({ value }: { value: number[] }) => `${spoken(x.column, (value[0] ?? 0) - width / 2)} to ${spoken(x.column, (value[0] ?? 0) + width / 2)}\n${value[1]} rows`,
      },
      series: [{ type: "bar", barWidth: "95%", large: false, data: counts.map((n, bin) => [low + (bin + 0.5) * width, n]), itemStyle: { color: getComputedStyle(this.element).getPropertyValue("--accent").trim() } }],
    };
  }
}
