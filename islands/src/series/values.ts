// What /plot answers (docs/reference/previews.md).

export interface Line {
  name: string;
  values: (number | null)[];
  low?: (number | null)[];
  high?: (number | null)[];
}

interface Common {
  name: string;
  title: string;
  units: string;
  log: boolean;
  note: string;
}

export interface LinesPanel extends Common {
  kind: "lines";
  times: number[];
  lines: Line[];
}

export interface SpectrogramPanel extends Common {
  kind: "spectrogram";
  axis: { title: string; units: string; log: boolean };
  span: [number, number] | null;
  starts: number[];
  stops: number[];
  /** one row for each column, or one for all */
  edges: (number | null)[][];
  values: (number | null)[][];
}

export type Panel = LinesPanel | SpectrogramPanel;

export interface Values {
  dataset: string;
  title: string;
  start: string;
  stop: string;
  first: string;
  last: string;
  bins: number;
  records: number;
  /** seconds; 0: these are records */
  width: number;
  width_text: string;
  remarks: string[];
  /** events of a table, milliseconds: where each begins and ends */
  marks?: [number, number][];
  panels: Panel[];
}

export function labelOf(panel: Panel): string {
  return panel.units ? `${panel.title} (${panel.units})` : panel.title;
}

export function isNumber(value: number | null | undefined): value is number {
  return typeof value === "number";
}
