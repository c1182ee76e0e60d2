// The plain values that the server speaks of: a flowgraph as its file holds it, the catalogue, what a run says.

export type Plain = string | number | boolean | null | Plain[] | { [key: string]: Plain };
export type Fields = { [key: string]: Plain };

export interface Leaf { block: string; parameters?: Fields }
export interface Nested { flowgraph: Graph }
export interface Twin { tied: string }
export type Entry = Leaf | Nested | Twin;
export type Connection = [string, string];
export type Places = Record<string, [number, number]>;

export interface Graph {
  linksim?: number;
  name: string;
  inputs: Record<string, string>;
  blocks: Record<string, Entry>;
  connections: Connection[];
  /** Positions by path, of the outermost flowgraph only. */
  layout?: Places;
}

export interface Port { type: string; optional: boolean }
export interface Ports { inputs: Record<string, Port>; outputs: Record<string, Port> }
export interface Fault { block: string; port: string; error: string; message: string }
export interface Examined { faults: Fault[]; ports: Record<string, Ports> }

export interface Schema {
  type?: string;
  enum?: Plain[];
  const?: Plain;
  anyOf?: Schema[];
}
export interface Parameter { type: string; required: boolean; default: Plain; schema: Schema }
export interface Kind {
  name: string;
  stage: string;
  summary: string;
  doc: string;
  source: boolean;
  declared: boolean;
  inputs: Record<string, Port>;
  outputs: Record<string, Port>;
  parameters: Record<string, Parameter>;
}
export interface Catalogue {
  blocks: Kind[];
  flowgraphs: Record<string, string>;
  samples: string[];
  types: string[];
  version: string;
}

/** A point of a sweep and one metric of it; the axes stand in it by their names. */
export interface Row {
  metric: string;
  estimate: number | null;
  low: number | null;
  high: number | null;
  errors: number | null;
  interval: string;
  [axis: string]: unknown;
}
export interface Output { type: string; text: string }
export type Message =
  | { event: "begins"; blocks: number; graph?: Graph; inputs?: Record<string, Input>; seed?: number }
  | { event: "block"; path: string; seconds: number }
  | { event: "done"; outputs: Record<string, Output>; labels: Record<string, string>; seconds: number; note?: string }
  | { event: "table"; rows: Row[]; names: string[]; points: number; done: number; frames: number; seconds: number }
  | { event: "error"; block?: string; error: string; message: string };

export type Input = number | string | { picture: string };

interface Titled { title?: string }
export type Part = Titled &
  (
    | { kind: "picture"; png: string; size: number[] }
    | { kind: "map"; png: string; size: number[]; low: number; high: number; mean: number }
    | { kind: "points"; points: [number, number][]; count: number; power: number | string }
    | {
        kind: "histogram";
        counts: number[];
        edges: number[];
        mean: number | string;
        deviation: number | string;
        count: number;
        strange: number;
      }
    | { kind: "bits"; bits: number[]; count: number; ones: number | string }
    | { kind: "text"; text: string }
    | { kind: "numbers"; values: (number | string)[] }
    | { kind: "ledger"; uses: Record<string, number>; cbr: number; cbr_total: number; dimensions: number }
  );
export interface View { type: string; shapes: Record<string, number[]>; frames: number; parts: Part[] }
