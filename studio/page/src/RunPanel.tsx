// What goes in, the run, what came out.

import { useEffect, useState } from "react";

import * as api from "./api";
import { took } from "./Canvas";
import * as edit from "./graph";
import { attempt, commit, drifted, run, type Run, shownRun, stopRun, useStudio, working } from "./store";
import type { Input } from "./types";

const [LEAST_DB, MOST_DB] = [-10, 30];
const [LEAST_CBR, USUAL_CBR, MOST_CBR] = [0.003, 0.02, 0.3];

export function RunPanel() {
  const { graph, seed, batch, inputs } = useStudio();
  const at = useStudio(working);
  const faults = useStudio((state) => state.examined.faults.length);
  const pictures = Object.values(graph.inputs).some((type) => type === "Image" || type === "Text");
  return (
    <section className="run" aria-label="run">
      {Object.entries(graph.inputs).map(([name, type]) => <InputOf key={name} name={name} type={type} value={inputs[name]} />)}
      <Rates />
      <LeftOut />
      <div className="row">
        <label>seed <input type="number" aria-label="seed" min={0} step={1} value={seed} onChange={(event) => useStudio.setState({ seed: Math.trunc(Number(event.target.value)) })} /></label>
        {!pictures && <label>frames <input type="number" aria-label="frames" min={1} step={1} value={batch} onChange={(event) => useStudio.setState({ batch: Math.max(1, Math.trunc(Number(event.target.value))) })} /></label>}
      </div>
      <div className="row">
        <button type="button" className="main" disabled={!!at} title="Ctrl-Enter" onClick={() => void run()}>Run</button>
        <button type="button" disabled={!at} onClick={() => at && void stopRun(at.key)}>Stop</button>
        {at && <progress aria-label="blocks done" max={Math.max(1, at.blocks)} value={Object.keys(at.seconds).length} />}
        {faults > 0 && <small className="fault">{faults === 1 ? "something is" : `${faults} things are`} wrong with it</small>}
      </div>
      <Runs />
    </section>
  );
}

const GIVEN = ["Image", "Text", "Decibels", "Power", "Uses", "Flags", "Score"];

/** Inputs that the page has no form for. */
function LeftOut() {
  const inputs = useStudio((state) => state.graph.inputs);
  const names = Object.keys(inputs).filter((name) => !GIVEN.includes(inputs[name]!));
  return names.length > 0 && <p className="hint"><small>Cannot be given here, and left out: {names.join(", ")}.</small></p>;
}

const give = (name: string, value: Input | undefined) => useStudio.setState(({ inputs }) => {
  const { [name]: _old, ...rest } = inputs;
  return { inputs: value === undefined ? rest : { ...rest, [name]: value } };
});

function InputOf({ name, type, value }: { name: string; type: string; value: Input | undefined }) {
  if (type === "Image") return <PictureInput name={name} value={value} />;
  if (type === "Text") {
    return <label className="setting"><span>{name}</span>
      <textarea aria-label={name} rows={2} value={typeof value === "string" ? value : ""} onChange={(event) => give(name, event.target.value || undefined)} /></label>;
  }
  if (type === "Decibels") {
    return <Slider name={name} unit="dB" least={LEAST_DB} most={MOST_DB} step={0.5} value={typeof value === "number" ? value : 0} change={(next) => give(name, next)} />;
  }
  if (["Power", "Uses", "Flags", "Score"].includes(type)) {
    return <label className="setting"><span>{name}</span>
      <input type="number" aria-label={name} value={typeof value === "number" ? value : ""} placeholder="not given"
        onChange={(event) => give(name, event.target.value === "" ? undefined : Number(event.target.value))} /></label>;
  }
  return null;
}

interface Sliding { name: string; unit: string; least: number; most: number; step: number; value: number; change: (value: number) => void }

function Slider({ name, unit, least, most, step, value, change }: Sliding) {
  return (
    <label className="setting"><span>{name}</span>
      <input type="range" aria-label={`${name} in ${unit}`} min={least} max={most} step={step} value={value} onChange={(event) => change(Number(event.target.value))} />
      <input type="number" aria-label={name} step={step} value={value} onChange={(event) => change(Number(event.target.value))} />
      <small>{unit}</small>
    </label>
  );
}

function PictureInput({ name, value }: { name: string; value: Input | undefined }) {
  const samples = useStudio((state) => state.catalogue?.samples ?? []);
  const [said, setSaid] = useState("none chosen");
  const send = (file: File | undefined) => file && void attempt(async () => {
    give(name, { picture: await api.sendPicture(file) });
    setSaid(file.name);
  });
  const sample = (which: string) => void attempt(async () => {
    give(name, { picture: await api.samplePicture(which) });
    setSaid(which);
  });
  return (
    <div className="setting picture-input" onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => { event.preventDefault(); send(event.dataTransfer.files[0]); }}>
      <span>{name}</span>
      <label className="file">Choose a picture…<input type="file" accept="image/*" aria-label={`file of ${name}`} onChange={(event) => send(event.target.files?.[0])} /></label>
      <select aria-label={`picture that ships for ${name}`} value="" onChange={(event) => sample(event.target.value)}>
        <option value="" disabled>one that ships…</option>
        {samples.map((each) => <option key={each}>{each}</option>)}
      </select>
      <small>{value === undefined ? "none chosen" : said === "none chosen" ? "the one from before" : said}</small>
    </div>
  );
}

/** The rates that blocks of the flowgraph aim at. */
function Rates() {
  const { graph, kinds } = useStudio();
  return [...edit.leaves(graph)].map(([path, { block, parameters }]) => {
    const known = kinds.get(block)?.parameters ?? {};
    const now = (key: string) => parameters?.[key] ?? known[key]?.default ?? null;
    const key = "target_cbr_total" in known && now("target_cbr_total") !== null ? "target_cbr_total" : "target_cbr";
    // A block that is given the slope of its rates has no target.
    if (!(key in known) || now("eta") !== null) return null;
    const value = now(key);
    return <Rate key={`${path}.${key}`} path={path} name={key} value={typeof value === "number" ? value : undefined} />;
  });
}

/** On a logarithmic slider; the flowgraph hears of it when the slider is let go. */
function Rate({ path, name, value }: { path: string; name: string; value: number | undefined }) {
  const [now, setNow] = useState(value);
  useEffect(() => setNow(value), [value]);
  const keep = () => commit(edit.setParameter(useStudio.getState().graph, path, name, now));
  return (
    <label className="setting" title={`${path}.${name}`}><span>{name}</span>
      <input type="range" aria-label={`${name} of ${path}`} min={Math.log(LEAST_CBR)} max={Math.log(MOST_CBR)} step={0.01} value={Math.log(now ?? USUAL_CBR)}
        onChange={(event) => setNow(Number(Math.exp(Number(event.target.value)).toPrecision(3)))} onPointerUp={keep} onKeyUp={keep} />
      <small>{now === undefined ? "as usual" : now.toPrecision(3)}</small>
    </label>
  );
}

function Runs() {
  const runs = useStudio((state) => state.runs);
  const shown = useStudio(shownRun);
  const old = useStudio(drifted);
  return (
    <>
      {runs.length > 0 && (
        <div className="runs" role="tablist" aria-label="runs">
          {runs.map(({ number, state }) => (
            <button type="button" role="tab" key={number} aria-selected={number === shown?.number} className={state}
              onClick={() => useStudio.setState({ shown: number })}>{number}</button>
          ))}
        </div>
      )}
      {shown && <Outcome run={shown} />}
      {old && <p className="drift" role="status">The drawn flowgraph is newer than this result.</p>}
    </>
  );
}

const given = (run: Run) => Object.entries(run.inputs).filter(([, value]) => typeof value !== "object")
  .map(([name, value]) => `${name} ${value}`).concat(`seed ${run.seed}`).join(", ");

function Outcome({ run }: { run: Run }) {
  const busy = useStudio((state) => state.wire !== undefined || state.selected.size > 0);
  if (run.state === "failed") return <p className="fault" role="alert">Run {run.number}: {run.message}</p>;
  if (run.state === "working") return <p>Run {run.number} is at work.</p>;
  const labels = Object.entries(run.labels).map(([name, value]) => `${name}: ${value}`).join(", ");
  return (
    <>
      <p>Run {run.number}: {given(run)}{run.took > 0 && `; ${took(1000 * run.took)}`}{labels && `; ${labels}`}</p>
      {run.note && <p className="note">{run.note}</p>}
      <details open={!busy}><summary>outputs</summary><table className="outputs"><tbody>
        {Object.entries(run.outputs).map(([name, { type, text }]) => (
          <tr key={name}><th><button type="button" title={`${name}: ${type}`} onClick={() => useStudio.setState({ level: "", wire: outputWire(run, name), selected: new Set() })}>{name}</button></th>
            <td>{text}</td></tr>
        ))}
      </tbody></table></details>
    </>
  );
}

/** The wire that feeds an output of the whole flowgraph. */
export const outputWire = (run: Run, name: string) => run.graph.connections.find(([, target]) => target === `.${name}`)?.[0];
