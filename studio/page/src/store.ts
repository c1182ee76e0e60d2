// The page's state: the drawn flowgraph with its history, what is known of it, the runs.

import { create } from "zustand";

import * as api from "./api";
import { placed } from "./arrange";
import { writeAddress } from "./address";
import * as edit from "./graph";
import type { Catalogue, Examined, Fault, Graph, Input, Kind, Message, Output, Ports } from "./types";

const DEEPEST_HISTORY = 200;
const CHECK_AFTER_MS = 120;

export interface Run {
  key: string;
  number: number;
  graph: Graph;
  inputs: Record<string, Input>;
  seed: number;
  blocks: number;
  seconds: Record<string, number>;
  state: "working" | "done" | "failed";
  outputs: Record<string, Output>;
  labels: Record<string, string>;
  took: number;
  message: string;
  faulty: string;
  /** What a replay says of its chunk. */
  note: string;
}

export const freshRun = (run: Pick<Run, "key" | "number" | "graph" | "inputs" | "seed">): Run => ({ ...run, blocks: 0,
  seconds: {}, state: "working", outputs: {}, labels: {}, took: 0, message: "", faulty: "", note: "" });

export interface State {
  catalogue: Catalogue | undefined;
  kinds: Map<string, Kind>;
  graph: Graph;
  past: Graph[];
  future: Graph[];
  /** The path of the nested flowgraph that is open, "" for the outermost. */
  level: string;
  selected: Set<string>;
  wire: string | undefined;
  /** The wire's own place in the drawing, where it was chosen there. */
  edge: string | undefined;
  examined: Examined;
  checking: boolean;
  inputs: Record<string, Input>;
  seed: number;
  batch: number;
  runs: Run[];
  /** The number of the run whose results are shown. */
  shown: number | undefined;
  /** The key of the sweep at work. */
  sweep: string | undefined;
  /** What cannot be done, and why. */
  said: { text: string; block?: string; port?: string } | undefined;
}

export const useStudio = create<State>(() => ({
  catalogue: undefined,
  kinds: new Map(),
  graph: edit.EMPTY,
  past: [],
  future: [],
  level: "",
  selected: new Set(),
  wire: undefined,
  edge: undefined,
  examined: { faults: [], ports: {} },
  checking: false,
  inputs: {},
  seed: 0,
  batch: 64,
  runs: [],
  shown: undefined,
  sweep: undefined,
  said: undefined,
}));

const { getState: get, setState: set } = useStudio;

export const say = (text: string, block?: string, port?: string) => set({ said: { text, block, port } });
export const quiet = () => set({ said: undefined });

/** Do it, and say what is refused. */
export async function attempt(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
  }
}

export const portsAt = (graph: Graph, path: string): Ports =>
  edit.portsOf(graph, path, get().examined.ports, get().kinds);

// -- edits

/** Another graph, which undo takes back. */
export function commit(graph: Graph): void {
  const { graph: old, past } = get();
  if (graph === old) return;
  set({ graph, past: [...past, old].slice(-DEEPEST_HISTORY), future: [] });
  settle();
}

export function undo(): void {
  const { graph, past, future } = get();
  const before = past.at(-1);
  if (!before) return;
  set({ graph: before, past: past.slice(0, -1), future: [graph, ...future] });
  settle();
}

export function redo(): void {
  const { graph, past, future } = get();
  const [next, ...rest] = future;
  if (!next) return;
  set({ graph: next, past: [...past, graph], future: rest });
  settle();
}

/** After every change: what is open and chosen must be there still, and all is checked again. */
function settle(): void {
  const { graph, level, selected, inputs } = get();
  const here = edit.at(graph, level);
  const open = here ? level : "";
  const left = new Set([...selected].filter((name) => edit.has(edit.at(graph, open)?.blocks ?? {}, name)));
  set({ level: open, selected: left, wire: undefined, edge: undefined, said: undefined, inputs: inputsFor(graph, inputs) });
  checkSoon();
}

useStudio.subscribe(() => writeAddress(get));

let waiting: ReturnType<typeof setTimeout> | undefined;
let asked: AbortController | undefined;

function checkSoon(): void {
  clearTimeout(waiting);
  set({ checking: true });
  waiting = setTimeout(() => void attempt(checkNow), CHECK_AFTER_MS);
}

async function checkNow(): Promise<void> {
  asked?.abort();
  asked = new AbortController();
  const { graph } = get();
  try {
    const examined = await api.check(graph, asked.signal);
    if (get().graph === graph) set({ examined, checking: false });
  } catch (error) {
    if (error instanceof DOMException) return;
    set({ checking: false });
    throw error;
  }
}

/** Join two ports, where the engine finds nothing wrong with it; else say its words at the port. With `instead` the
 * new wire takes the place of the one that leads there. */
export async function join(source: string, target: string, instead = false): Promise<void> {
  const { graph, level } = get();
  const base = instead ? edit.disconnect(graph, level, ([, end]) => end === target) : graph;
  const next = edit.connect(base, level, [source, target]);
  const before = get().checking ? (await api.check(graph)).faults : get().examined.faults;
  const found = await api.check(next);
  const known = new Set(before.map((fault) => fault.message));
  const fault = found.faults.find((each) => isOfWire(each, level, target) && !known.has(each.message));
  if (fault) return say(fault.message, edit.split(target)[0], edit.split(target)[1]);
  if (get().graph !== graph) return say("the flowgraph was changed meanwhile; draw the wire again");
  set({ examined: found });
  commit(placed(next, portsAt));
}

function isOfWire(fault: Fault, level: string, target: string): boolean {
  const [block, port] = edit.split(target);
  const path = block ? edit.join(level, block) : level;
  return (fault.block === path && fault.port === port) || fault.error === "LoopError";
}

// -- files

/** Start with another flowgraph; undo brings the old one back. */
export function begin(graph: Graph): void {
  set({ level: "", selected: new Set(), shown: undefined });
  commit(placed({ ...edit.EMPTY, ...graph }, portsAt));
}

export const beginReady = (name: string) => attempt(async () => begin(await api.ready(name)));
export const beginFile = (file: Blob) => attempt(async () => begin(await api.open(await file.text())));

const FIRST_SNR_DB = 10;

function inputsFor(graph: Graph, known: Record<string, Input>): Record<string, Input> {
  const wanted = Object.keys(graph.inputs).filter((name) => graph.inputs[name] === "Decibels" && typeof known[name] !== "number");
  return wanted.length ? { ...known, ...Object.fromEntries(wanted.map((name) => [name, FIRST_SNR_DB])) } : known;
}

// -- runs

const patch = (key: string, change: Partial<Run>) =>
  set(({ runs }) => ({ runs: runs.map((run) => (run.key === key ? { ...run, ...change } : run)) }));

/** A new run at the end of the list. */
function append(run: Pick<Run, "key" | "graph" | "inputs" | "seed">): void {
  set(({ runs, shown }) => {
    const number = (runs.at(-1)?.number ?? 0) + 1;
    return { runs: [...runs, freshRun({ ...run, number })].slice(-MOST_RUNS), shown: shown ?? number };
  });
}

const MOST_RUNS = 6;

let beginning = false;

export const run = () => attempt(async () => {
  if (beginning || working(get())) return;
  beginning = true;
  try {
    await follow(await begun());
  } finally {
    beginning = false;
  }
});

async function begun(): Promise<string> {
  const { graph, inputs, seed, batch } = get();
  const given = Object.fromEntries(Object.entries(inputs).filter(([name]) => name in graph.inputs));
  const key = await api.begin({ graph, inputs: given, seed, batch });
  append({ key, graph, inputs: given, seed });
  return key;
}

/** Hear a run to its end, also one that an earlier load of the page began. */
export async function follow(key: string): Promise<void> {
  let ended = false;
  for await (const message of api.messages(key)) {
    hear(key, message);
    ended ||= message.event === "done" || message.event === "error";
  }
  if (!ended) patch(key, { state: "failed", message: "the studio's server ended" });
}

/** Run the worst chunk of a store again; its flowgraph takes the place of the drawn one. */
export const replay = (store: string, sweep: number, metric: string) => attempt(async () => {
  const key = await api.replay(store, sweep, metric);
  for await (const message of api.messages(key)) {
    if (message.event === "begins" && message.graph) {
      begin(message.graph);
      append({ key, graph: get().graph, inputs: message.inputs ?? {}, seed: message.seed ?? 0 });
    } else if (message.event === "error" && !get().runs.some((each) => each.key === key)) say(message.message);
    else hear(key, message);
  }
});

function hear(key: string, message: Message): void {
  const own = get().runs.find((each) => each.key === key);
  if (!own) return;
  const { number } = own;
  if (message.event === "begins") patch(key, { blocks: message.blocks });
  if (message.event === "block") patch(key, { seconds: { ...own.seconds, [message.path]: message.seconds } });
  if (message.event === "done") {
    const { outputs, labels, seconds: took, note = "" } = message;
    patch(key, { state: "done", outputs, labels, took, note });
    set({ shown: number });
  }
  if (message.event === "error") {
    patch(key, { state: "failed", message: message.message, faulty: message.block ?? "" });
    say(message.message, message.block);
    set({ shown: number });
  }
}

export const stopRun = (key: string) => attempt(async () => void (await api.stop(key)));

export const shownRun = (state: State) => state.runs.find((run) => run.number === state.shown);
export const working = (state: State) => state.runs.find((run) => run.state === "working");
/** Whether the drawn graph, the inputs or the seed are newer than the shown result. */
export const drifted = (state: State) => {
  const run = shownRun(state);
  if (!run || run.state === "working" || run.note) return !!run?.note && !edit.sameWork(run.graph, state.graph);
  const same = Object.entries(run.inputs).every(([name, value]) => JSON.stringify(state.inputs[name]) === JSON.stringify(value));
  return !same || run.seed !== state.seed || !edit.sameWork(run.graph, state.graph);
};
