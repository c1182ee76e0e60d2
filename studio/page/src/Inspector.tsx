// The chosen block: its name, parameters, ports and docstring.

import { useEffect, useState } from "react";

import * as edit from "./graph";
import { attempt, commit, join, say, useStudio } from "./store";
import type { Kind, Parameter, Plain, Schema } from "./types";

export function Inspector() {
  const { graph, level, selected, kinds, examined } = useStudio();
  const blocks = edit.at(graph, level)?.blocks ?? {};
  const name = [...selected].find((each) => edit.has(blocks, each));
  const entry = name === undefined ? undefined : blocks[name];
  if (!name || !entry) {
    return <p className="hint">Choose a block to set it, or a wire to see what crossed it. Double-click a flowgraph to open it.</p>;
  }
  const path = edit.join(level, name);
  const kind = edit.isLeaf(entry) ? kinds.get(entry.block) : undefined;
  const faults = examined.faults.filter((fault) => fault.block === path);
  return (
    <div className="inspector">
      <Name key={path} name={name} />
      {kind && <p className="kind">{kind.name} <small>{kind.stage}</small></p>}
      {faults.map((fault) => <p key={fault.message} className="fault" role="alert">{fault.port && <b>{fault.port}: </b>}{fault.message}</p>)}
      {kind && edit.isLeaf(entry) && Object.entries(kind.parameters).map(([key, parameter]) => (
        <Setting key={`${path}.${key}`} path={path} name={key} parameter={parameter} value={entry.parameters?.[key]} />
      ))}
      {kind && edit.isLeaf(entry) && <Swap name={name} kind={kind} />}
      <Wiring name={name} />
      {kind && <pre className="doc">{kind.doc}</pre>}
    </div>
  );
}

function Name({ name }: { name: string }) {
  const { graph, level } = useStudio();
  const [text, setText] = useState(name);
  const keep = () => {
    if (text === name) return;
    if (!/^[A-Za-z_]\w*$/.test(text)) return say(`'${text}' cannot name a block: it must be an identifier`);
    if (edit.has(edit.at(graph, level)!.blocks, text)) return say(`there is a block '${text}' already`);
    commit(edit.renameBlock(graph, level, name, text));
    useStudio.setState({ selected: new Set([text]) });
  };
  return <input className="name" aria-label="name of the block" value={text} onChange={(event) => setText(event.target.value)}
    onBlur={keep} onKeyDown={(event) => { if (event.key === "Enter") keep(); }} />;
}

/** The values that a schema lists, where it lists all of them; null stands for Python's None. */
function choicesOf(schema: Schema): Plain[] | undefined {
  if (schema.enum) return schema.enum;
  if (schema.const !== undefined) return [schema.const];
  if (schema.type === "null") return [null];
  if (schema.type === "boolean") return [true, false];
  const parts = schema.anyOf?.map(choicesOf);
  return parts?.every((part) => part !== undefined) ? parts.flat() : undefined;
}

const shownAs = (value: Plain | undefined) => (value === undefined ? "" : value === null ? "None" : typeof value === "string" ? value : JSON.stringify(value));

/** What was typed, as the schema's type: text stays text where text is asked for and nothing else fits. */
function read(text: string, schema: Schema): Plain {
  const types = new Set([schema, ...(schema.anyOf ?? [])].map((each) => each.type));
  try {
    const value = JSON.parse(text) as Plain;
    if (typeof value !== "string" && !(types.has("string") && types.size === 1)) return value;
  } catch {
    // Not JSON: a text without quotes.
  }
  return text === "None" ? null : text;
}

function Setting({ path, name, parameter, value }: { path: string; name: string; parameter: Parameter; value: Plain | undefined }) {
  const graph = useStudio((state) => state.graph);
  const current = value === undefined ? parameter.default : value;
  const [text, setText] = useState(shownAs(current));
  useEffect(() => setText(shownAs(current)), [current]);
  const set = (next: Plain | undefined) => {
    const same = JSON.stringify(next) === JSON.stringify(parameter.default) && !parameter.required;
    commit(edit.setParameter(graph, path, name, same ? undefined : next));
  };
  const choices = choicesOf(parameter.schema);
  const label = `${name}: ${parameter.type}${parameter.required ? ", required" : `, ${shownAs(parameter.default)} unless set`}`;
  return (
    <label className={`setting ${value === undefined ? "" : "set"}`} title={label}>
      <span>{name}</span>
      {choices ? (
        <select aria-label={name} value={JSON.stringify(current)} onChange={(event) => set(JSON.parse(event.target.value) as Plain)}>
          {choices.map((choice) => <option key={JSON.stringify(choice)} value={JSON.stringify(choice)}>{choice === null ? "None" : String(choice)}</option>)}
        </select>
      ) : (
        <input aria-label={name} value={text} placeholder={parameter.required ? parameter.type : ""}
          onChange={(event) => setText(event.target.value)}
          onBlur={() => { if (text !== shownAs(current)) set(text === "" ? undefined : read(text, parameter.schema)); }}
          onKeyDown={(event) => { if (event.key === "Enter") event.currentTarget.blur(); }} />
      )}
      <small>{parameter.type}</small>
    </label>
  );
}

/** Another block in this place; its wires stay where they fit. */
function Swap({ name, kind }: { name: string; kind: Kind }) {
  const { graph, level, catalogue } = useStudio();
  const side = (ports: Kind["inputs"]) => Object.entries(ports).filter(([, port]) => !port.optional).map(([port, { type }]) => `${port}:${type}`).join();
  const ports = (each: Kind) => `${side(each.inputs)}>${side(each.outputs)}`;
  const like = (catalogue?.blocks ?? []).filter((each) => !each.declared && ports(each) === ports(kind))
    .sort((a, b) => Number(b.stage === kind.stage) - Number(a.stage === kind.stage));
  if (like.length < 2) return null;
  return (
    <label className="setting">
      <span>put in its place</span>
      <select aria-label="put in its place" value={kind.name} onChange={(event) => commit(edit.swapKind(graph, level, name, event.target.value))}>
        {like.map((each) => <option key={each.name}>{each.name}</option>)}
      </select>
    </label>
  );
}

/** Wires by keyboard: each input with all outputs to choose from. */
function Wiring({ name }: { name: string }) {
  const { graph, level, examined, kinds } = useStudio();
  const here = edit.at(graph, level)!;
  const sources = [
    ...Object.entries(here.inputs).map(([input, type]) => ({ end: `.${input}`, type })),
    ...Object.keys(here.blocks).filter((other) => other !== name).flatMap((other) =>
      Object.entries(edit.portsOf(graph, edit.join(level, other), examined.ports, kinds).outputs)
        .map(([port, { type }]) => ({ end: `${other}.${port}`, type }))),
  ];
  const ports = edit.portsOf(graph, edit.join(level, name), examined.ports, kinds);
  return (
    <fieldset className="wiring">
      <legend>Wires</legend>
      {Object.entries(ports.inputs).map(([port, { type, optional }]) => {
        const target = `${name}.${port}`;
        const source = here.connections.find(([, end]) => end === target)?.[0] ?? "";
        const rewire = async (next: string) => {
          if (next) await join(next, target, true);
          else commit(edit.disconnect(graph, level, ([, end]) => end === target));
        };
        return (
          <label className="setting" key={port} title={`${port}: ${type}`}>
            <span>{port}</span>
            <select aria-label={`source of ${port}`} value={source} onChange={(event) => void attempt(() => rewire(event.target.value))}>
              <option value="">{optional ? "none (optional)" : "none"}</option>
              {[...sources].sort((a, b) => Number(b.type === type) - Number(a.type === type)).map(({ end, type: given }) => (
                <option key={end} value={end}>{end} ({given})</option>
              ))}
            </select>
            <small>{type}</small>
          </label>
        );
      })}
    </fieldset>
  );
}
