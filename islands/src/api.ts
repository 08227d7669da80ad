// What the page asks of the service. Values that scripts would round stay as they were written.

export interface Column {
  name: string;
  datatype?: string;
  type?: string;
  unit?: string;
  ucd?: string;
  description?: string;
  indexed?: boolean;
}

export interface Table {
  name: string;
  title?: string;
  description?: string;
  rows?: number;
  columns: Column[];
}

export interface Service {
  name: string;
  title?: string;
  description?: string;
  has_datasets: boolean;
  tables: Table[];
}

export interface Schema {
  services: Service[];
  functions: string[];
}

export interface Dataset {
  dataset_id: string;
  title?: string;
  start_time?: string;
  stop_time?: string;
  parameter_count?: number;
}

export interface Parameter {
  name: string;
  title?: string;
  unit?: string;
  ucd?: string;
  shape?: string;
  description?: string;
}

export interface Problem {
  message: string;
  line: number;
  column: number;
  length: number;
  suggestions: string[];
}

export interface Refusal {
  message: string;
  problems: Problem[];
}

export interface Explanation {
  sql: string;
  rows: number;
  seconds: number;
  sentences: string[];
  is_long: boolean;
}

export type Cell = string | number | boolean | null | Cell[];

export interface Answer {
  columns: Column[];
  data: Cell[][];
  status: "OK" | "OVERFLOW" | "ERROR";
  rows: number;
  message?: string;
}

export class RefusedError extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.message);
  }
}

/** An integer beyond 2^53 would be rounded: it stays text. */
function exact(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    return context?.source ?? value;
  }
  return value;
}

export function parse<T>(text: string): T {
  return JSON.parse(text, exact as (key: string, value: unknown) => unknown) as T;
}

export async function get<T>(address: string): Promise<T> {
  const response = await fetch(address, { headers: { Accept: "application/json" } });
  const text = await response.text();
  if (!response.ok) throw new Error(text.trim());
  return parse<T>(text);
}

/** Posts a form and gives the JSON that comes; throws RefusedError where the service says what is wrong. */
export async function post<T>(address: string, body: FormData, signal?: AbortSignal): Promise<T> {
  const response = await fetch(address, { method: "POST", body, signal: signal ?? null, headers: { Accept: "*/*" } });
  const text = await response.text();
  if (response.ok) return parse<T>(text);
  const isJson = (response.headers.get("Content-Type") ?? "").startsWith("application/json");
  throw new RefusedError(isJson ? parse<Refusal>(text) : { message: text.trim(), problems: [] });
}
