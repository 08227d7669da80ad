// What there is to ask: services, tables, columns; datasets and their parameters when they are looked for.

import { get } from "./api";
import type { Column, Dataset, Parameter, Schema, Service, Table } from "./api";
import { button, count, make } from "./dom";
import type { Child } from "./dom";

const MOST_SHOWN = 200;

export class Tree {
  constructor(
    private readonly place: HTMLElement,
    private readonly address: string,
    private readonly insert: (text: string) => void,
    private readonly replace: (query: string) => void,
  ) {}

  show(schema: Schema): void {
    const services = schema.services.map((service, index) => this.service(service, index === 0));
    this.place.replaceChildren(make("ul", { class: "branches" }, ...services));
  }

  private service(service: Service, isOpen: boolean): HTMLElement {
    const tables = service.tables.map((table) => this.table(table));
    const datasets = service.has_datasets ? [this.datasets(service)] : [];
    const about = make("summary", {}, make("strong", {}, service.name), service.title ? make("small", {}, ` ${service.title}`) : null);
    return make("li", {}, make("details", { open: isOpen }, about, make("ul", {}, ...tables, ...datasets)));
  }

  private table(table: Table): HTMLElement {
    return this.lazy(
      [make("code", {}, table.name), table.rows ? make("small", {}, ` ${count(table.rows, "row")}`) : null],
      async () => [
        table.description ? make("p", {}, make("small", {}, table.description)) : null,
        make("p", {}, button("Begin a query", () => this.replace(`SELECT TOP 10 * FROM ${table.name}`), { class: "small" })),
        make("ul", { class: "leaves" }, ...table.columns.map((column) => this.leaf(column.name, column))),
      ],
    );
  }

  private leaf(name: string, about: Column | Parameter): HTMLElement {
    const said = [about.ucd, about.description].filter(Boolean).join(" · ");
    const unit = about.unit ? make("small", { class: "unit" }, ` ${about.unit}`) : null;
    return make("li", { title: said }, button(name, () => this.insert(name), { class: "name" }), unit, said ? make("small", { class: "said" }, said) : null);
  }

  private datasets(service: Service): HTMLElement {
    return this.lazy(["Datasets"], async () => {
      const found = await get<{ datasets: Dataset[] }>(`${this.address}?${new URLSearchParams({ schema: service.name })}`);
      const list = make("ul", {});
      const filter = make("input", { type: "search", placeholder: "part of a name or title", "aria-label": `Datasets of ${service.name}` });
      const show = (): void => {
        const word = filter.value.trim().toLowerCase();
        const fitting = found.datasets.filter((one) => `${one.dataset_id} ${one.title ?? ""}`.toLowerCase().includes(word));
        const rest = fitting.length - MOST_SHOWN;
        list.replaceChildren(...fitting.slice(0, MOST_SHOWN).map((one) => this.dataset(service, one)));
        if (rest > 0) list.append(make("li", {}, make("small", {}, `${count(rest, "more dataset")}: narrow the search`)));
      };
      filter.addEventListener("input", show);
      show();
      return [found.datasets.length > 10 ? filter : null, list];
    });
  }

  private dataset(service: Service, dataset: Dataset): HTMLElement {
    return this.lazy([make("code", {}, dataset.dataset_id), dataset.title ? make("small", {}, ` ${dataset.title}`) : null], async () => {
      const where = new URLSearchParams({ schema: service.name, dataset: dataset.dataset_id });
      const found = dataset.parameter_count ? (await get<{ parameters: Parameter[] }>(`${this.address}?${where}`)).parameters : [];
      const key = dataset.dataset_id.replaceAll("'", "''");
      const span = dataset.start_time ? `${dataset.start_time.slice(0, 10)} to ${(dataset.stop_time ?? "").slice(0, 10)}` : "";
      const parameters = found.map((one) =>
        make("li", { title: one.description }, make("code", {}, one.name), one.unit ? make("small", { class: "unit" }, ` ${one.unit}`) : null, make("small", { class: "said" }, [one.title, one.ucd].filter(Boolean).join(" · "))),
      );
      return [
        span ? make("p", {}, make("small", {}, span)) : null,
        make("p", {}, button("Name it in the query", () => this.insert(`'${key}'`), { class: "small" })),
        make("ul", { class: "leaves" }, ...parameters),
      ];
    });
  }

  private lazy(summary: Child[], load: () => Promise<Child[]>): HTMLElement {
    const content = make("div", { class: "content" });
    const details = make("details", {}, make("summary", {}, ...summary), content);
    details.addEventListener("toggle", () => {
      if (!details.open || content.hasChildNodes()) return;
      content.append(make("small", {}, "…"));
      load().then(
        (children) => content.replaceChildren(...children.filter((child): child is Node | string => Boolean(child))),
        (error: unknown) => content.replaceChildren(make("small", { class: "bad" }, String(error))),
      );
    });
    return make("li", {}, details);
  }
}
