// Places for what has none, in the order in which data flow.

import dagre from "@dagrejs/dagre";

import { at, has, isNested, join, outputsOf, split } from "./graph";
import type { Graph, Places, Ports } from "./types";

export const WIDTH = 170;
const [HEAD, ROW, END_WIDTH, END_HEIGHT] = [44, 22, 110, 44];

export const heightOf = (ports: Ports) =>
  HEAD + ROW * Math.max(1, Object.keys(ports.inputs).length, Object.keys(ports.outputs).length);

export const inputKey = (level: string, name: string) => (level ? `${level}..${name}` : `.${name}`);
export const outputKey = (level: string, name: string) => `${join(level, name)}.`;

/** Places of everything on one level. */
export function arranged(graph: Graph, level: string, portsAt: (path: string) => Ports): Places {
  const here = at(graph, level)!;
  const drawing = new dagre.graphlib.Graph();
  drawing.setGraph({ rankdir: "LR", nodesep: 18, ranksep: 42 });
  drawing.setDefaultEdgeLabel(() => ({}));
  // dagre keeps names as keys of plain objects, where "constructor" is taken: it gets numbers.
  const keys = shown(graph, level);
  const ids = new Map(keys.map((key, number) => [key, `n${number}`]));
  for (const name of Object.keys(here.blocks)) {
    const key = join(level, name);
    drawing.setNode(ids.get(key)!, { width: WIDTH, height: heightOf(portsAt(key)) });
  }
  for (const key of keys.slice(Object.keys(here.blocks).length)) {
    drawing.setNode(ids.get(key)!, { width: END_WIDTH, height: END_HEIGHT });
  }
  for (const [source, target] of here.connections) {
    const [from, port] = split(source);
    const [to, end] = split(target);
    const [start, finish] = [from ? join(level, from) : inputKey(level, port), to ? join(level, to) : outputKey(level, end)].map((key) => ids.get(key));
    if (start && finish) drawing.setEdge(start, finish);
  }
  dagre.layout(drawing);
  const places: Places = {};
  for (const key of keys) {
    const node = drawing.node(ids.get(key)!) as { x: number; y: number; width: number; height: number };
    places[key] = [Math.round(node.x - node.width / 2), Math.round(node.y - node.height / 2)];
  }
  return places;
}

/** The keys of all that one level shows. */
export function shown(graph: Graph, level: string): string[] {
  const here = at(graph, level)!;
  return [
    ...Object.keys(here.blocks).map((name) => join(level, name)),
    ...Object.keys(here.inputs).map((name) => inputKey(level, name)),
    ...outputsOf(here).map((name) => outputKey(level, name)),
  ];
}

/** The graph with places for everything on levels where something has none. */
export function placed(graph: Graph, portsAt: (graph: Graph, path: string) => Ports, level = ""): Graph {
  const missing = shown(graph, level).filter((key) => !has(graph.layout ?? {}, key));
  let next = graph;
  if (missing.length) {
    const places = arranged(graph, level, (path) => portsAt(graph, path));
    const known = missing.length === shown(graph, level).length ? places
      : Object.fromEntries(missing.map((key) => [key, places[key] ?? [0, 0]] as const));
    next = { ...graph, layout: { ...graph.layout, ...(known as Places) } };
  }
  for (const [name, entry] of Object.entries(at(graph, level)!.blocks)) {
    if (isNested(entry)) next = placed(next, portsAt, join(level, name));
  }
  return next;
}
