// An answer as a table: a hundred rows at a time, sorted by a click, addresses as links, dates beside Julian days.

import type { Answer, Cell, Column } from "./api";
import { button, make } from "./dom";

const ROWS = 100;
const LONGEST = 300;

export function textOf(cell: Cell): string {
  if (cell === null) return "";
  return typeof cell === "object" ? JSON.stringify(cell) : String(cell);
}

export function isJulian(column: Column): boolean {
  return column.unit === "d" && (column.ucd ?? "").startsWith("time.");
}

/** The date of a Julian day, UTC, to the second. */
export function dateOf(julian: number): string {
  const date = new Date(Math.round((julian - 2440587.5) * 86400) * 1000);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString().slice(0, 19).replace("T", " ");
}

function shown(column: Column, cell: Cell): HTMLElement {
  const text = textOf(cell);
  const short = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  if (typeof cell === "number") {
    const isDate = isJulian(column) && cell > 1e6 && cell < 5e6;
    return make("td", { class: "n" }, short, isDate && make("br"), isDate && make("small", {}, dateOf(cell)));
  }
  if (typeof cell === "string" && /^https?:\/\/\S+$/.test(cell)) {
    const isPicture = column.name === "thumbnail_url";
    const inside = isPicture ? make("img", { src: cell, alt: "Thumbnail", loading: "lazy" }) : short;
    return make("td", {}, make("a", { href: cell, rel: "noopener" }, inside));
  }
  return make("td", {}, short);
}

/** Empty cells come last in both directions. */
function compare(a: Cell, b: Cell, sign: number): number {
  const isEmpty = [a, b].map((cell) => cell === null || cell === "");
  if (isEmpty[0] || isEmpty[1]) return Number(isEmpty[0]) - Number(isEmpty[1]);
  if (typeof a === "number" && typeof b === "number") return sign * (a - b);
  return sign * textOf(a).localeCompare(textOf(b), "en", { numeric: true });
}

export class ResultTable {
  readonly element = make("div", { class: "result-table" });
  private order: number[];
  private page = 0;
  private sorted = { column: -1, sign: 1 };

  constructor(private readonly answer: Answer) {
    this.order = answer.data.map((_, index) => index);
    this.draw();
  }

  private sort(column: number): void {
    const sign = this.sorted.column === column ? -this.sorted.sign : 1;
    this.sorted = { column, sign };
    const { data } = this.answer;
    this.order.sort((a, b) => compare(data[a]?.[column] ?? null, data[b]?.[column] ?? null, sign) || a - b);
    this.page = 0;
    this.draw();
  }

  private draw(): void {
    const { columns, data } = this.answer;
    const first = this.page * ROWS;
    const heads = columns.map((column, index) => {
      const isSorted = this.sorted.column === index;
      const head = make("th", { title: column.description, "aria-sort": isSorted ? (this.sorted.sign > 0 ? "ascending" : "descending") : undefined });
      const arrow = isSorted ? (this.sorted.sign > 0 ? " ▲" : " ▼") : "";
      head.append(button(column.name + arrow, () => this.sort(index), { class: "head" }));
      if (column.unit) head.append(make("small", {}, column.unit));
      return head;
    });
    const rows = this.order.slice(first, first + ROWS).map((index) => make("tr", {}, ...columns.map((column, place) => shown(column, data[index]?.[place] ?? null))));
    const table = make("table", {}, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows));
    this.element.replaceChildren(make("div", { class: "scroll rows", tabindex: "0", role: "region", "aria-label": "Rows" }, table), this.pager(first));
  }

  private pager(first: number): HTMLElement {
    const all = this.order.length;
    const pager = make("p", { class: "actions" });
    if (all <= ROWS) return pager;
    const turn = (by: number) => () => {
      this.page += by;
      this.draw();
    };
    const before = button("Rows before", turn(-1));
    const after = button("Rows after", turn(1));
    before.disabled = first === 0;
    after.disabled = first + ROWS >= all;
    pager.append(before, `${(first + 1).toLocaleString("en")} to ${Math.min(first + ROWS, all).toLocaleString("en")} of ${all.toLocaleString("en")}`, after);
    return pager;
  }
}
