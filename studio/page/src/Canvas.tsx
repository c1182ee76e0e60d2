// The drawing: blocks, wires, and what is wrong with them, where it is.

import {
  Background, BackgroundVariant, Controls, type Edge, Handle, MiniMap, type Node, type NodeChange, type NodeProps,
  Panel, Position, ReactFlow, applyNodeChanges, useReactFlow,
} from "@xyflow/react";
import { memo, useCallback, useEffect, useMemo, useState } from "react";

import { arranged, inputKey, outputKey, placed } from "./arrange";
import * as edit from "./graph";
import { attempt, commit, join, portsAt, shownRun, useStudio } from "./store";
import type { Fault, Port, Ports } from "./types";

interface Shown extends Record<string, unknown> {
  role: "block" | "nested" | "input" | "output";
  title: string;
  subtitle: string;
  ports: Ports;
  fault: string;
  faultyPorts: Record<string, string>;
  milliseconds: number | undefined;
}
type Drawn = Node<Shown>;

const colours: Record<string, string> = {};
/** A colour for each type of port, the same on every wire of it. */
export function colourOf(type: string): string {
  colours[type] ??= `hsl(${[...type].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 360, 7)} 60% 50%)`;
  return colours[type];
}

function PortRow({ side, name, port, fault }: { side: "in" | "out"; name: string; port: Port; fault?: string }) {
  const input = side === "in";
  return (
    <div className={`port ${side} ${fault ? "faulty" : ""}`} title={fault ?? `${name}: ${port.type}`}>
      <Handle id={name} type={input ? "target" : "source"} position={input ? Position.Left : Position.Right}
        style={{ background: colourOf(port.type) }} aria-label={`${name}, ${port.type}`} />
      <span className={port.optional && input ? "optional" : ""}>{name}</span>
    </div>
  );
}

const BlockNode = memo(function BlockNode({ data, selected }: NodeProps<Drawn>) {
  const { role, title, subtitle, ports, fault, faultyPorts, milliseconds } = data;
  const rows = (side: "in" | "out") =>
    Object.entries(side === "in" ? ports.inputs : ports.outputs).map(([name, port]) => (
      <PortRow key={name} side={side} name={name} port={port} fault={side === "in" ? faultyPorts[name] : undefined} />
    ));
  return (
    <div className={`block ${role} ${selected ? "chosen" : ""} ${fault ? "faulty" : ""}`} title={fault || undefined}>
      <header>
        <strong>{title}</strong>
        {milliseconds !== undefined && <em title="milliseconds in the shown run">{took(milliseconds)}</em>}
        <small>{subtitle}</small>
      </header>
      {(role === "block" || role === "nested") && (
        <div className="ports">
          <div>{rows("in")}</div>
          <div>{rows("out")}</div>
        </div>
      )}
      {role === "input" && <Handle id="out" type="source" position={Position.Right}
        style={{ background: colourOf(subtitle) }} aria-label={`${title}, ${subtitle}`} />}
      {role === "output" && <Handle id="in" type="target" position={Position.Left} aria-label={title} />}
    </div>
  );
});

export const took = (milliseconds: number) =>
  milliseconds >= 1000 ? `${(milliseconds / 1000).toFixed(1)} s` : `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`;

const nodeTypes = { shown: BlockNode };

/** "block.port" of a node's handle. */
const endOf = (node: string, handle: string | null | undefined, level: string): string => {
  const local = level ? node.slice(level.length + 1) : node;
  if (local.startsWith(".")) return local;
  if (local.endsWith(".")) return `.${local.slice(0, -1)}`;
  return `${local}.${handle}`;
};

function useDrawing(): { nodes: Drawn[]; edges: Edge[] } {
  const { graph, level, examined, selected, wire, edge: marked, kinds } = useStudio();
  const run = useStudio(shownRun);
  return useMemo(() => {
    const here = edit.at(graph, level) ?? edit.EMPTY;
    const places = graph.layout ?? {};
    const node = (id: string, data: Partial<Shown> & Pick<Shown, "role" | "title">): Drawn => ({
      id,
      type: "shown",
      position: edit.has(places, id) ? { x: places[id]![0], y: places[id]![1] } : { x: 0, y: 0 },
      data: { subtitle: "", ports: { inputs: {}, outputs: {} }, fault: "", faultyPorts: {}, milliseconds: undefined,
        ...data },
      selected: selected.has(level ? id.slice(level.length + 1) : id),
    });
    const nodes = Object.entries(here.blocks).map(([name, entry]) => {
      const path = edit.join(level, name);
      const role = edit.isNested(entry) ? ("nested" as const) : ("block" as const);
      const subtitle = edit.isLeaf(entry) ? entry.block : "tied" in entry ? `the same as ${entry.tied}` : "flowgraph";
      const { fault, faultyPorts } = faultsAt(examined.faults, path, edit.isNested(entry));
      const failed = run?.faulty === path || run?.faulty.startsWith(`${path}.`) ? run.message : "";
      return node(path, { role, title: name, subtitle, ports: edit.portsOf(graph, path, examined.ports, kinds),
          fault: fault || failed, faultyPorts, milliseconds: timeOf(run?.seconds, path) });
    });
    const inputs = Object.entries(here.inputs).map(([name, type]) =>
      node(inputKey(level, name), { role: "input", title: name, subtitle: type }));
    const outputs = edit.outputsOf(here).map((name) => {
      const type = examined.ports[level]?.outputs[name]?.type ?? "";
      return node(outputKey(level, name), { role: "output", title: name, subtitle: type });
    });
    const edges = here.connections.map(([source, target]): Edge => {
      const [from, port] = edit.split(source);
      const [to, end] = edit.split(target);
      const path = from ? edit.join(level, from) : "";
      const type = from ? (edit.portsOf(graph, path, examined.ports, kinds).outputs[port]?.type ?? "") : (here.inputs[port] ?? "");
      const chosen = wire === wirePath(level, source);
      return {
        id: `${source}>${target}`,
        source: from ? path : inputKey(level, port),
        sourceHandle: from ? port : "out",
        target: to ? edit.join(level, to) : outputKey(level, end),
        targetHandle: to ? end : "in",
        selected: marked === `${source}>${target}`,
        style: { stroke: colourOf(type), strokeWidth: chosen ? 4 : 2 },
        ariaLabel: `${source} to ${target}, ${type}`,
        data: { source },
        interactionWidth: 16,
      };
    });
    return { nodes: [...nodes, ...inputs, ...outputs], edges };
  }, [graph, level, examined, selected, wire, marked, kinds, run]);
}

/** The path of what crosses a wire, as a run knows it. */
export const wirePath = (level: string, source: string) => (level ? `${level}.${source}` : source);

function faultsAt(faults: Fault[], path: string, nested: boolean) {
  const own = faults.filter((fault) => fault.block === path || (nested && fault.block.startsWith(`${path}.`)));
  const faultyPorts: Record<string, string> = {};
  for (const fault of own) if (fault.block === path && fault.port) faultyPorts[fault.port] = fault.message;
  return { fault: own.map((fault) => fault.message).join("\n"), faultyPorts };
}

function timeOf(seconds: Record<string, number> | undefined, path: string): number | undefined {
  if (!seconds) return undefined;
  const own = Object.entries(seconds).filter(([key]) => key === path || key.startsWith(`${path}.`));
  return own.length ? 1000 * own.reduce((sum, [, value]) => sum + value, 0) : undefined;
}

export function Canvas() {
  const drawing = useDrawing();
  const { level, graph } = useStudio();
  const dark = useDark();
  const { screenToFlowPosition, fitView } = useReactFlow();
  // React Flow moves nodes many times a second; the graph hears of it when they are let go.
  const [nodes, setNodes] = useState(drawing.nodes);
  useEffect(() => setNodes((old) => {
    // A node that is not measured is hidden until it is: the sizes that are known go along.
    const sizes = new Map(old.map(({ id, measured }) => [id, measured]));
    return drawing.nodes.map((node) => ({ ...node, measured: sizes.get(node.id) }));
  }), [drawing.nodes]);
  useEffect(() => {
    const soon = setTimeout(() => void fitView({ padding: 0.12, maxZoom: 1.1 }), 30);
    return () => clearTimeout(soon);
  }, [level, graph.name, fitView]);

  const onNodesChange = useCallback((changes: NodeChange<Drawn>[]) => {
    setNodes((old) => applyNodeChanges(changes, old));
    const picked = changes.filter((each) => each.type === "select");
    if (picked.length) {
      useStudio.setState(({ selected, level }) => {
        const next = new Set(selected);
        for (const { id, selected: on } of picked) {
          const name = level ? id.slice(level.length + 1) : id;
          if (on) next.add(name);
          else next.delete(name);
        }
        return { selected: next, ...(picked.some((each) => each.selected) && { wire: undefined, edge: undefined }) };
      });
    }
  }, []);

  return (
    <ReactFlow
      nodes={nodes}
      edges={drawing.edges}
      nodeTypes={nodeTypes}
      colorMode={dark ? "dark" : "light"}
      onNodesChange={onNodesChange}
      onNodeDragStop={(_event, _node, moved) =>
        commit(edit.move(useStudio.getState().graph,
          Object.fromEntries(moved.map(({ id, position: { x, y } }) => [id, [Math.round(x), Math.round(y)]]))))}
      onConnect={({ source, sourceHandle, target, targetHandle }) =>
        void attempt(() => join(endOf(source, sourceHandle, level), endOf(target, targetHandle, level)))}
      onConnectEnd={(_event, state) => {
        // A wire that is let go over the bare drawing becomes an output of the flowgraph.
        if (state.toHandle || state.toNode || state.fromHandle?.type !== "source" || !state.fromNode) return;
        const source = endOf(state.fromNode.id, state.fromHandle.id, level);
        const here = edit.at(useStudio.getState().graph, level)!;
        const port = edit.split(source)[1];
        const name = edit.freeName({ ...here, blocks: Object.fromEntries(edit.outputsOf(here).map((each) => [each, { block: "" }])) }, port);
        void attempt(() => join(source, `.${name}`));
      }}
      onEdgeClick={(_event, edge) =>
        useStudio.setState({ wire: wirePath(level, String(edge.data?.source)), edge: edge.id, selected: new Set() })}
      onNodeDoubleClick={(_event, node) => {
        if (node.data.role === "nested") useStudio.setState({ level: node.id, selected: new Set(), wire: undefined });
      }}
      onDelete={({ nodes: gone, edges: cut }) => remove(gone.map(({ id }) => id), cut.map(({ id }) => id))}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        const kind = event.dataTransfer.getData("application/linksim-block");
        if (!kind) return;
        event.preventDefault();
        place(kind, screenToFlowPosition({ x: event.clientX, y: event.clientY }));
      }}
      deleteKeyCode={["Delete", "Backspace"]}
      multiSelectionKeyCode={["Shift", "Control"]}
      minZoom={0.1}
      onlyRenderVisibleElements={nodes.length > 60}
      fitView
    >
      <Background variant={BackgroundVariant.Dots} gap={18} />
      <Controls showInteractive={false} />
      {nodes.length > 12 && <MiniMap pannable zoomable nodeStrokeWidth={3} style={{ width: 130, height: 90 }} />}
      <Panel position="top-left"><Breadcrumbs /></Panel>
    </ReactFlow>
  );
}

/** Put a block of the catalogue into the open flowgraph. */
export function place(kind: string, { x, y }: { x: number; y: number }): void {
  const { graph, level } = useStudio.getState();
  const added = edit.addBlock(graph, level, { block: kind }, edit.stemOf(kind), [Math.round(x), Math.round(y)]);
  commit(added.graph);
  useStudio.setState({ selected: new Set([added.name]) });
}

export function remove(nodes: string[], edges: string[]): void {
  const { graph, level } = useStudio.getState();
  const local = nodes.map((id) => (level ? id.slice(level.length + 1) : id));
  const blocks = new Set(local.filter((name) => !name.startsWith(".") && !name.endsWith(".")));
  const ends = new Set(local.filter((name) => name.endsWith(".")).map((name) => `.${name.slice(0, -1)}`));
  let next = edit.disconnect(graph, level, ([source, target]) => edges.includes(`${source}>${target}`) || ends.has(target));
  next = edit.removeBlocks(next, level, blocks);
  for (const name of local.filter((each) => each.startsWith("."))) next = edit.removeInput(next, level, name.slice(1));
  commit(next);
}

/** The chosen blocks as a nested flowgraph. */
export function groupChosen(): void {
  const { graph, level, selected, examined, kinds } = useStudio.getState();
  const here = edit.at(graph, level)!;
  const names = new Set([...selected].filter((name) => edit.has(here.blocks, name)));
  if (!names.size) return;
  const typeOf = (end: string) => {
    const [block, port] = edit.split(end);
    return block ? (edit.portsOf(graph, edit.join(level, block), examined.ports, kinds).outputs[port]?.type ?? "") : (here.inputs[port] ?? "");
  };
  const places = [...names].map((name) => graph.layout?.[edit.join(level, name)] ?? [0, 0]);
  const grouped = edit.group(graph, level, names, typeOf);
  const middle = [0, 1].map((axis) => Math.round(places.reduce((sum, place) => sum + place[axis]!, 0) / places.length)) as [number, number];
  commit(placed(edit.move(grouped.graph, { [edit.join(level, grouped.name)]: middle }), portsAt));
  useStudio.setState({ selected: new Set([grouped.name]) });
}

export function arrangeAll(): void {
  const { graph, level } = useStudio.getState();
  commit(edit.move(graph, arranged(graph, level, (path) => portsAt(graph, path))));
}

function Breadcrumbs() {
  const { level, graph } = useStudio();
  const names = level ? level.split(".") : [];
  const go = (depth: number) =>
    useStudio.setState({ level: names.slice(0, depth).join("."), selected: new Set(), wire: undefined });
  return (
    <nav className="crumbs" aria-label="the open flowgraph">
      <button type="button" onClick={() => go(0)}>{graph.name}</button>
      {names.map((name, depth) => (
        <button type="button" key={names.slice(0, depth + 1).join(".")} onClick={() => go(depth + 1)}>› {name}</button>
      ))}
    </nav>
  );
}

export function useDark(): boolean {
  const [dark, setDark] = useState(document.documentElement.dataset.theme === "dark");
  useEffect(() => {
    const seen = new MutationObserver(() => setDark(document.documentElement.dataset.theme === "dark"));
    seen.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => seen.disconnect();
  }, []);
  return dark;
}
