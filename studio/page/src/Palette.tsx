// The catalogue: search by name, stage, or type of port; drag, or Enter.

import { useMemo, useRef, useState } from "react";

import { place } from "./Canvas";
import * as edit from "./graph";
import { beginReady, commit, useStudio } from "./store";
import type { Kind } from "./types";

const MOST_SHOWN = 300;
const STEP = 30;

function matches(kind: Kind, words: string[]): boolean {
  const ports = [...Object.values(kind.inputs), ...Object.values(kind.outputs)].map((port) => port.type);
  const text = [kind.name, kind.stage, kind.summary, ...ports].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

/** Names that begin with the search come first. */
const rank = (kind: Kind, search: string) => (kind.name.toLowerCase().startsWith(search) ? 0 : kind.name.toLowerCase().includes(search) ? 1 : 2);

export function Palette({ middle }: { middle: () => { x: number; y: number } }) {
  const catalogue = useStudio((state) => state.catalogue);
  const [search, setSearch] = useState("");
  const [at, setAt] = useState(0);
  const count = useRef(0);
  const found = useMemo(() => {
    const text = search.trim().toLowerCase();
    const all = (catalogue?.blocks ?? []).filter((kind) => matches(kind, text.split(/\s+/)));
    return text ? all.sort((a, b) => rank(a, text) - rank(b, text) || a.name.localeCompare(b.name))
      : all.sort((a, b) => a.stage.localeCompare(b.stage) || a.name.localeCompare(b.name));
  }, [catalogue, search]);
  const drop = (kind: Kind | undefined) => {
    if (!kind) return;
    const { x, y } = middle();
    const off = STEP * (count.current++ % 6);
    place(kind.name, { x: x + off, y: y + off });
  };
  return (
    <section className="palette" aria-label="blocks">
      <input
        type="search" id="search" placeholder="Search blocks ( / )" value={search} aria-label="search blocks"
        onChange={(event) => { setSearch(event.target.value); setAt(0); }}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown") setAt(Math.min(at + 1, found.length - 1));
          else if (event.key === "ArrowUp") setAt(Math.max(at - 1, 0));
          else if (event.key === "Enter") drop(found[at]);
          else if (event.key === "Escape") event.currentTarget.blur();
          else return;
          event.preventDefault();
        }}
      />
      <ul>
        {found.slice(0, MOST_SHOWN).map((kind, place) => (
          <li key={kind.name} className={search && place === at ? "at" : ""}>
            {!search && kind.stage !== found[place - 1]?.stage && <h3>{kind.stage}</h3>}
            <button type="button" draggable title={kind.summary} onClick={() => drop(kind)}
              onDragStart={(event) => event.dataTransfer.setData("application/linksim-block", kind.name)}>
              <strong>{kind.name}</strong>
              <small>{kind.declared ? "ports as declared" : signature(kind)}</small>
            </button>
          </li>
        ))}
        {!found.length && <li className="none">No block has all of these words in its name, its stage or its ports.</li>}
      </ul>
      <Inputs />
      <Ready />
    </section>
  );
}

const signature = (kind: Kind) => {
  const types = (ports: Kind["inputs"]) => Object.values(ports).map((port) => port.type).join(", ");
  return `${types(kind.inputs) || "a source"} → ${types(kind.outputs)}`;
};

function Inputs() {
  const { catalogue, graph, level } = useStudio();
  const [name, setName] = useState("");
  const [type, setType] = useState("Decibels");
  const add = () => {
    if (!name) return;
    commit(edit.move(edit.addInput(graph, level, name, type), { [level ? `${level}..${name}` : `.${name}`]: [-180, 0] }));
    if (!level && type === "Decibels") useStudio.setState(({ inputs }) => ({ inputs: { ...inputs, [name]: 10 } }));
    setName("");
  };
  return (
    <form className="row" onSubmit={(event) => { event.preventDefault(); add(); }}>
      <input placeholder="new input" aria-label="name of a new input" value={name} onChange={(event) => setName(event.target.value)} />
      <select aria-label="type of the new input" value={type} onChange={(event) => setType(event.target.value)}>
        {catalogue?.types.map((each) => <option key={each}>{each}</option>)}
      </select>
      <button type="submit">Add</button>
    </form>
  );
}

function Ready() {
  const catalogue = useStudio((state) => state.catalogue);
  return (
    <label className="row">
      Start from
      <select value="" aria-label="start from a ready flowgraph" onChange={(event) => void beginReady(event.target.value)}>
        <option value="" disabled>a ready flowgraph…</option>
        {Object.entries(catalogue?.flowgraphs ?? {}).map(([name, summary]) => (
          <option key={name} value={name} title={summary}>{name}</option>
        ))}
      </select>
    </label>
  );
}
