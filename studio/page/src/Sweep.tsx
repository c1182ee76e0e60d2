// Monte Carlo by form: a grid, rules for when a point is done, and curves that narrow while one watches.

import { useCallback, useEffect, useState } from "react";

import * as api from "./api";
import { Chart, metricsOf, type Swept } from "./Chart";
import * as edit from "./graph";
import { attempt, replay, say, useStudio } from "./store";

interface Axis { name: string; values: string }
interface Rule { metric: string; kind: string; value: string }

const KINDS: Record<string, string> = {
  errors: "errors ≥",
  rel: "relative half width ≤",
  abs: "half width ≤",
  frames: "frames ≤",
  trials: "trials ≤",
  seconds: "seconds ≤",
};
const FIRST_DB = "0:10:1";

/** What an axis can be: inputs that are numbers, and parameters of blocks that are. */
function useAxes(): string[] {
  const { graph, kinds } = useStudio();
  const inputs = Object.keys(graph.inputs).filter((name) => ["Decibels", "Power", "Uses", "Score"].includes(graph.inputs[name]!));
  const parameters = Object.entries(graph.blocks).flatMap(([name, entry]) => edit.isLeaf(entry)
    ? Object.entries(kinds.get(entry.block)?.parameters ?? {}).filter(([, each]) => /\b(int|float)\b/.test(each.type)).map(([key]) => `${name}.${key}`)
    : []);
  return [...inputs, ...parameters];
}

const stemOf = (name: string) => name.replace(/[^A-Za-z0-9_-]/g, "_").replace(/^[_-]+/, "").slice(0, 50) || "sweep";

export function Sweep({ replayed }: { replayed: () => void }) {
  const { graph, inputs, seed, examined, sweep: at } = useStudio();
  const axes = useAxes();
  const outputs = Object.entries(examined.ports[""]?.outputs ?? {}).filter(([, port]) => port.type === "Counts" || port.type === "Score");
  const [store, setStore] = useState("");
  const [grid, setGrid] = useState<Axis[]>([{ name: "snr_db", values: FIRST_DB }]);
  const [rules, setRules] = useState<Rule[]>([]);
  const [swept, setSwept] = useState<Swept>();
  const [progress, setProgress] = useState("");
  const pictures = Object.entries(graph.inputs).filter(([, type]) => type === "Image").map(([name]) => name);
  const counted = outputs.find(([, port]) => port.type === "Counts")?.[0];
  const used = rules.length || pictures.length || !counted ? rules : [{ metric: counted, kind: "errors", value: "100" }];

  const start = () => attempt(async () => {
    const picture = pictures.map((name) => inputs[name]).find((value) => typeof value === "object");
    if (pictures.length && typeof picture !== "object") return say("choose a picture first: every point sends it");
    const named = new Set(grid.map(({ name }) => name));
    const given = Object.entries(inputs).filter(([name, value]) => typeof value === "number" && name in graph.inputs && !named.has(name));
    const name = store || stemOf(graph.name);
    const key = await api.sweep({ graph, store: name, seed, picture: picture?.picture,
      grid: grid.map(({ name, values }) => `${name}=${values}`), inputs: given.map(([name, value]) => `${name}=${value}`),
      stop: used.map(({ metric, kind, value }) => `${metric}:${kind}=${value}`) });
    useStudio.setState({ sweep: key });
    setProgress("begins");
  });

  /** Hear a sweep to its end, also one that an earlier load of the page began. */
  const watch = useCallback(async (key: string) => {
    try {
      for await (const message of api.messages(key)) {
        if (message.event === "table") {
          setSwept({ store: "", sweep: 0, names: message.names, curve: message.names.includes("snr_db") ? "snr_db" : message.names.at(-1)!, rows: message.rows, theory: {}, command: "", failures: [] });
          setProgress(`${message.done} of ${message.points} points are done, ${message.frames} frames, ${message.seconds.toFixed(0)} s`);
        } else if (message.event === "done") {
          setSwept(message as unknown as Swept);
          setProgress("done");
        } else if (message.event === "error") {
          setProgress(message.message === "stopped" ? "stopped; what was done is in the store, and Start goes on" : "");
          if (message.message !== "stopped") say(message.message);
        }
      }
    } catch {
      setProgress("this sweep is no longer heard of; open its store");
    } finally {
      useStudio.setState({ sweep: undefined });
    }
  }, []);
  useEffect(() => {
    if (at !== undefined) void watch(at);
  }, [at, watch]);

  return (
    <section className="sweep" aria-label="sweep">
      <label className="setting"><span>store</span><input aria-label="store" value={store} placeholder={stemOf(graph.name)} onChange={(event) => setStore(event.target.value)} /><small>.db</small></label>
      {grid.map((axis, place) => (
        <div className="row" key={place}>
          <select aria-label="axis" value={axis.name} onChange={(event) => setGrid(grid.with(place, { ...axis, name: event.target.value }))}>
            {[...new Set([axis.name, ...axes])].map((name) => <option key={name}>{name}</option>)}
          </select>
          <input aria-label={`values of ${axis.name}`} title="first:last:step, or values with commas" value={axis.values} onChange={(event) => setGrid(grid.with(place, { ...axis, values: event.target.value }))} />
          {grid.length > 1 && <button type="button" aria-label="remove the axis" onClick={() => setGrid(grid.toSpliced(place, 1))}>×</button>}
        </div>
      ))}
      <p className="hint"><small>Values: first:last:step, or several with commas.</small></p>
      {used.map((rule, place) => (
        <div className="row" key={place}>
          <select aria-label="metric of the rule" value={rule.metric} onChange={(event) => setRules(used.with(place, { ...rule, metric: event.target.value }))}>
            {outputs.map(([name]) => <option key={name}>{name}</option>)}
          </select>
          <select aria-label="kind of rule" value={rule.kind} onChange={(event) => setRules(used.with(place, { ...rule, kind: event.target.value }))}>
            {Object.entries(KINDS).map(([kind, words]) => <option key={kind} value={kind}>{words}</option>)}
          </select>
          <input className="narrow" aria-label="value of the rule" value={rule.value} onChange={(event) => setRules(used.with(place, { ...rule, value: event.target.value }))} />
          <button type="button" aria-label="remove the rule" disabled={used.length === 1 && !pictures.length} onClick={() => setRules(used.toSpliced(place, 1))}>×</button>
        </div>
      ))}
      <div className="row">
        <button type="button" onClick={() => setGrid([...grid, { name: axes.find((name) => !grid.some((each) => each.name === name)) ?? "snr_db", values: "1,2" }])}>Add axis</button>
        <button type="button" disabled={!outputs.length} onClick={() => setRules([...used, { metric: outputs[0]![0], kind: "rel", value: "0.1" }])}>Add rule</button>
      </div>
      {pictures.length > 0 && <p className="hint"><small>Every point sends the picture that is chosen above under Run, once unless rules say otherwise.</small></p>}
      <div className="row">
        <button type="button" className="main" disabled={at !== undefined} onClick={() => void start()}>Start</button>
        <button type="button" disabled={at === undefined} onClick={() => at && void attempt(async () => void (await api.stop(at)))}>Stop</button>
        <small role="status">{progress}</small>
      </div>
      <Curves swept={swept} open={setSwept} replayed={replayed} />
    </section>
  );
}

function Curves({ swept, open, replayed }: { swept: Swept | undefined; open: (swept: Swept) => void; replayed: () => void }) {
  const [metric, setMetric] = useState("");
  const [beside, setBeside] = useState<Swept>();
  const [stores, setStores] = useState<api.StoreEntry[]>([]);
  useEffect(() => void attempt(async () => setStores(await api.stores())), [swept?.store, swept?.command]);
  const metrics = swept ? metricsOf(swept) : [];
  const shown = metrics.includes(metric) ? metric : metrics[0];
  const sets = [swept, beside?.store === swept?.store ? undefined : beside].filter((each) => each !== undefined);
  const choices = stores.flatMap(({ store, sweeps }) => sweeps.map((source, place) => ({ key: `${store}/${place + 1}`, text: sweeps.length > 1 ? `${store}, sweep ${place + 1}: ${source}` : `${store}: ${source}` })));
  const load = (key: string, to: (swept: Swept) => void) => void attempt(async () => {
    const [store, number] = key.split("/") as [string, string];
    to(await api.stored(store, number));
  });
  const menu = (label: string, to: (swept: Swept) => void) => (
    <select aria-label={label} value="" onChange={(event) => load(event.target.value, to)}>
      <option value="" disabled>{label}…</option>
      {choices.map(({ key, text }) => <option key={key} value={key}>{text}</option>)}
    </select>
  );
  return (
    <>
      {choices.length > 0 && <div className="row">{menu("open a store", open)}{swept && menu("compare with", setBeside)}</div>}
      {swept && shown && (
        <>
          <label className="row">metric
            <select aria-label="metric" value={shown} onChange={(event) => setMetric(event.target.value)}>{metrics.map((each) => <option key={each}>{each}</option>)}</select>
          </label>
          <Chart sets={sets} metric={shown} />
          {swept.command && <button type="button" title="with all that crossed its wires" onClick={() => void replay(swept.store, swept.sweep, shown).then(replayed)}>Replay the worst chunk</button>}
          {swept.command && <p className="command">The same from a shell: <code>{swept.command}</code></p>}
          {swept.failures.map((line) => <p className="fault" key={line}>failed: {line}</p>)}
        </>
      )}
    </>
  );
}
