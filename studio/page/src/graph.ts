// Edits of a flowgraph. Every function returns a new graph and leaves the old one as it is, so that it can be undone.

import type { Catalogue, Connection, Entry, Fields, Graph, Kind, Places, Plain, Port, Ports } from "./types";

/** Whether a name is there; "constructor" and its kind are in every object of JavaScript. */
export const has = (values: object, name: string) => Object.hasOwn(values, name);

export const EMPTY: Graph = { linksim: 1, name: "flowgraph", inputs: {}, blocks: {}, connections: [] };

export const isNested = (entry: Entry | undefined): entry is { flowgraph: Graph } => !!entry && "flowgraph" in entry;
export const isLeaf = (entry: Entry | undefined): entry is { block: string; parameters?: Fields } =>
  !!entry && "block" in entry;

/** "a.b" and "c" make "a.b.c"; the outermost flowgraph is "". */
export const join = (level: string, name: string) => (level ? `${level}.${name}` : name);

/** The flowgraph at a path; the outermost for "". Undefined where there is none. */
export function at(graph: Graph, level: string): Graph | undefined {
  let here: Graph | undefined = graph;
  for (const name of level ? level.split(".") : []) {
    const entry: Entry | undefined = here?.blocks[name];
    here = isNested(entry) ? entry.flowgraph : undefined;
  }
  return here;
}

/** The graph with another flowgraph at a path. */
export function change(graph: Graph, level: string, edit: (here: Graph) => Graph): Graph {
  if (!level) return edit(graph);
  const [first, ...rest] = level.split(".") as [string, ...string[]];
  const entry = graph.blocks[first];
  if (!isNested(entry)) return graph;
  const flowgraph = change(entry.flowgraph, rest.join("."), edit);
  return { ...graph, blocks: { ...graph.blocks, [first]: { flowgraph } } };
}

export const split = (end: string): [string, string] => {
  const dot = end.indexOf(".");
  return [end.slice(0, dot), end.slice(dot + 1)];
};

/** The names of a flowgraph's outputs, in the order of its connections. */
export const outputsOf = (here: Graph) =>
  here.connections.map(([, target]) => split(target)).filter(([block]) => !block).map(([, port]) => port);

export function freeName(here: Graph, stem: string): string {
  const base = stem.replace(/[^A-Za-z0-9_]/g, "_").replace(/^(?=\d)/, "_") || "block";
  let name = base;
  for (let number = 2; has(here.blocks, name); number++) name = `${base}_${number}`;
  return name;
}

/** "PatchImportance" makes "patch_importance", "AWGN" makes "awgn". */
export const stemOf = (kind: string) =>
  kind.replace(/([a-z0-9])([A-Z])/g, "$1_$2").replace(/([A-Z]+)([A-Z][a-z])/g, "$1_$2").toLowerCase();

export function addBlock(graph: Graph, level: string, entry: Entry, stem: string, place: [number, number]) {
  const name = freeName(at(graph, level)!, stem);
  const added = change(graph, level, (here) => ({ ...here, blocks: { ...here.blocks, [name]: entry } }));
  return { graph: move(added, { [join(level, name)]: place }), name };
}

export const move = (graph: Graph, places: Places): Graph => ({ ...graph, layout: { ...graph.layout, ...places } });

export function connect(graph: Graph, level: string, connection: Connection): Graph {
  return change(graph, level, (here) => ({ ...here, connections: [...here.connections, connection] }));
}

export function disconnect(graph: Graph, level: string, gone: (connection: Connection) => boolean): Graph {
  return change(graph, level, (here) => ({ ...here, connections: here.connections.filter((each) => !gone(each)) }));
}

/** Whether a place is that of a block or of something in it; "ber." is the place of an output of the block's name. */
const isOf = (place: string, block: string) => place === block || (place.startsWith(`${block}.`) && place !== `${block}.`);

/** Without these blocks and the wires that touch them. */
export function removeBlocks(graph: Graph, level: string, names: Set<string>): Graph {
  const left = change(graph, level, (here) => ({
    ...here,
    blocks: Object.fromEntries(Object.entries(here.blocks).filter(([name]) => !names.has(name))),
    connections: here.connections.filter((ends) => !ends.some((end) => names.has(split(end)[0]))),
  }));
  const gone = [...names].map((name) => join(level, name));
  const kept = Object.entries(left.layout ?? {}).filter(
    ([path]) => !gone.some((name) => isOf(path, name)),
  );
  return { ...left, layout: Object.fromEntries(kept) };
}

export function renameBlock(graph: Graph, level: string, old: string, name: string): Graph {
  const renamed = (end: string) => (split(end)[0] === old ? `${name}.${split(end)[1]}` : end);
  const changed = change(graph, level, (here) => ({
    ...here,
    blocks: Object.fromEntries(Object.entries(here.blocks).map(([key, entry]) => [key === old ? name : key, entry])),
    connections: here.connections.map(([source, target]) => [renamed(source), renamed(target)] as Connection),
  }));
  const [from, to] = [join(level, old), join(level, name)];
  const path = (key: string) => (isOf(key, from) ? to + key.slice(from.length) : key);
  const layout = Object.fromEntries(Object.entries(changed.layout ?? {}).map(([key, place]) => [path(key), place]));
  return retied({ ...changed, layout }, path);
}

/** Twins name the path of the block that they repeat. */
function retied(graph: Graph, path: (old: string) => string): Graph {
  const blocks = Object.entries(graph.blocks).map(([name, entry]): [string, Entry] => {
    if (isNested(entry)) return [name, { flowgraph: retied(entry.flowgraph, path) }];
    return [name, "tied" in entry ? { tied: path(entry.tied) } : entry];
  });
  return { ...graph, blocks: Object.fromEntries(blocks) };
}

export function setParameter(graph: Graph, path: string, name: string, value: Plain | undefined): Graph {
  const dot = path.lastIndexOf(".");
  const [level, block] = [path.slice(0, Math.max(dot, 0)), path.slice(dot + 1)];
  return change(graph, level, (here) => {
    const entry = here.blocks[block];
    if (!isLeaf(entry)) return here;
    const { [name]: _old, ...rest } = entry.parameters ?? {};
    const parameters = value === undefined ? rest : { ...rest, [name]: value };
    const changed: Entry = Object.keys(parameters).length ? { block: entry.block, parameters } : { block: entry.block };
    return { ...here, blocks: { ...here.blocks, [block]: changed } };
  });
}

export const swapKind = (graph: Graph, level: string, name: string, kind: string): Graph =>
  change(graph, level, (here) => ({ ...here, blocks: { ...here.blocks, [name]: { block: kind } } }));

export const addInput = (graph: Graph, level: string, name: string, type: string): Graph =>
  change(graph, level, (here) => ({ ...here, inputs: { ...here.inputs, [name]: type } }));

export function removeInput(graph: Graph, level: string, name: string): Graph {
  return change(graph, level, (here) => {
    const { [name]: _gone, ...inputs } = here.inputs;
    return { ...here, inputs, connections: here.connections.filter(([source]) => source !== `.${name}`) };
  });
}

/** All blocks that are no flowgraphs, at every depth, with their paths. */
export function* leaves(graph: Graph, level = ""): Generator<[string, { block: string; parameters?: Fields }]> {
  for (const [name, entry] of Object.entries(graph.blocks)) {
    if (isNested(entry)) yield* leaves(entry.flowgraph, join(level, name));
    else if (isLeaf(entry)) yield [join(level, name), entry];
  }
}

/** Two graphs that compute the same: places in the drawing do not count. */
export const sameWork = (one: Graph, other: Graph) =>
  one === other || JSON.stringify({ ...one, layout: 0 }) === JSON.stringify({ ...other, layout: 0 });

/** The ports of a block as the engine found them, else as the catalogue or the flowgraph itself says. */
export function portsOf(graph: Graph, path: string, known: Record<string, Ports>, kinds: Map<string, Kind>): Ports {
  const found = has(known, path) ? known[path] : undefined;
  if (found) return found;
  const dot = path.lastIndexOf(".");
  const entry = at(graph, path.slice(0, Math.max(dot, 0)))?.blocks[path.slice(dot + 1)];
  if (isLeaf(entry)) {
    const kind = kinds.get(entry.block);
    if (kind) return { inputs: kind.inputs, outputs: kind.outputs };
  }
  if (isNested(entry)) {
    const port = (type: string): Port => ({ type, optional: false });
    const inputs = Object.entries(entry.flowgraph.inputs).map(([name, type]) => [name, port(type)]);
    const outputs = outputsOf(entry.flowgraph).map((name) => [name, port("")]);
    return { inputs: Object.fromEntries(inputs), outputs: Object.fromEntries(outputs) };
  }
  return { inputs: {}, outputs: {} };
}

export const kindsOf = (catalogue: Catalogue) => new Map(catalogue.blocks.map((kind) => [kind.name, kind]));

const unique = <T,>(values: T[]) => [...new Set(values)];

/** A free name like `stem` among `taken`. */
function freeAmong(taken: Set<string>, stem: string): string {
  let name = stem;
  for (let number = 2; taken.has(name); number++) name = `${stem}_${number}`;
  taken.add(name);
  return name;
}

/** These blocks as one nested flowgraph. What leads in becomes its inputs, one for each source; what leads out its
 * outputs, one for each port. `typeOf` gives the type of a block's output. */
export function group(graph: Graph, level: string, names: Set<string>, typeOf: (end: string) => string) {
  const here = at(graph, level)!;
  const stem = freeName(here, "group");
  const inside = (end: string) => names.has(split(end)[0]);
  const leadIn = here.connections.filter(([source, target]) => !inside(source) && inside(target));
  const leadOut = here.connections.filter(([source, target]) => inside(source) && !inside(target));
  const takenIn = new Set<string>();
  const inputs = new Map(unique(leadIn.map(([source]) => source)).map((source) => [source, freeAmong(takenIn, nameOf(source))]));
  const takenOut = new Set<string>();
  const outputs = new Map(unique(leadOut.map(([source]) => source)).map((source) => [source, freeAmong(takenOut, nameOf(source))]));
  const nested: Graph = {
    name: stem,
    inputs: Object.fromEntries([...inputs].map(([source, name]) => [name, typeOf(source)])),
    blocks: Object.fromEntries(Object.entries(here.blocks).filter(([name]) => names.has(name))),
    connections: [
      ...leadIn.map(([source, target]): Connection => [`.${inputs.get(source)}`, target]),
      ...here.connections.filter(([source, target]) => inside(source) && inside(target)),
      ...[...outputs].map(([source, name]): Connection => [source, `.${name}`]),
    ],
  };
  const first = Object.keys(here.blocks).findIndex((name) => names.has(name));
  const rest = Object.entries(here.blocks).filter(([name]) => !names.has(name));
  const grouped = change(graph, level, () => ({
    ...here,
    // It stands where the first of them stood.
    blocks: Object.fromEntries([...rest.slice(0, first), [stem, { flowgraph: nested }] as [string, Entry], ...rest.slice(first)]),
    connections: unique(here.connections.filter(([source, target]) => !(inside(source) && inside(target))).map(([source, target]) =>
      JSON.stringify([inside(source) ? `${stem}.${outputs.get(source)}` : source, inside(target) ? `${stem}.${inputs.get(source)}` : target])))
      .map((text) => JSON.parse(text) as Connection),
  }));
  const paths = new Map([...names].map((name) => [join(level, name), join(join(level, stem), name)]));
  const path = (key: string) => {
    for (const [from, to] of paths) if (isOf(key, from)) return to + key.slice(from.length);
    return key;
  };
  const layout = Object.fromEntries(Object.entries(grouped.layout ?? {}).map(([key, place]) => [path(key), place]));
  return { graph: retied({ ...grouped, layout }, path), name: stem };
}

/** "tokenizer.out" gives "tokenizer", "rate.lengths" gives "lengths", ".snr_db" gives "snr_db". */
const nameOf = (end: string) => (split(end)[1] === "out" ? split(end)[0] || "out" : split(end)[1]);

export interface Clip { blocks: Record<string, Entry>; connections: Connection[]; places: Places }

/** These blocks with the wires between them. */
export function copy(graph: Graph, level: string, names: Set<string>): Clip {
  const here = at(graph, level)!;
  const inside = (end: string) => names.has(split(end)[0]);
  return {
    blocks: Object.fromEntries(Object.entries(here.blocks).filter(([name]) => names.has(name))),
    connections: here.connections.filter(([source, target]) => inside(source) && inside(target)),
    places: Object.fromEntries([...names].map((name) => [name, graph.layout?.[join(level, name)] ?? [0, 0]])),
  };
}

export function paste(graph: Graph, level: string, clip: Clip): { graph: Graph; names: string[] } {
  const renamed = new Map<string, string>();
  let next = graph;
  for (const [old, entry] of Object.entries(clip.blocks)) {
    const [x, y] = clip.places[old] ?? [0, 0];
    const added = addBlock(next, level, entry, old, [x + 40, y + 40]);
    renamed.set(old, added.name);
    next = added.graph;
  }
  for (const [source, target] of clip.connections) {
    const end = (text: string) => `${renamed.get(split(text)[0])}.${split(text)[1]}`;
    next = connect(next, level, [end(source), end(target)]);
  }
  return { graph: next, names: [...renamed.values()] };
}
