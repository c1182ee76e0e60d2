// What crossed the chosen wire; the original beside the reconstruction; two runs and their difference.

import { useEffect, useRef, useState } from "react";

import * as api from "./api";
import { outputWire } from "./RunPanel";
import { type Run, shownRun, useStudio } from "./store";
import type { View } from "./types";
import { ViewOf } from "./Views";

interface Answer { view?: View; said?: string }

/** What crossed a wire of a run; asked for when either changes. */
function useWire(run: Run | undefined, path: string | undefined, frame: number): Answer {
  const [answer, setAnswer] = useState<Answer>({});
  const [key, state] = [run?.key, run?.state];
  useEffect(() => {
    if (!key || !path || state !== "done") return setAnswer({});
    let wanted = true;
    api.wire(key, path, frame).then(
      (view) => wanted && setAnswer({ view }),
      (error: unknown) => wanted && setAnswer({ said: error instanceof Error ? error.message : String(error) }),
    );
    return () => { wanted = false; };
  }, [key, path, frame, state]);
  return answer;
}

const pictureOf = ({ view }: Answer) => view?.parts.find((part) => part.kind === "picture")?.png;
const pictureInput = (run: Run | undefined) => Object.entries(run?.graph.inputs ?? {}).find(([, type]) => type === "Image")?.[0];

export function Look() {
  const wire = useStudio((state) => state.wire);
  const run = useStudio(shownRun);
  const [frame, setFrame] = useState(0);
  const input = pictureInput(run);
  const answer = useWire(run, wire, frame);
  const behind = pictureOf(useWire(run, input && `.${input}`, frame));
  if (!wire) return <Results />;
  return (
    <section className="look" aria-label="what crossed the wire">
      <h2>{wire} <button type="button" aria-label="close" onClick={() => useStudio.setState({ wire: undefined })}>×</button></h2>
      {!run && <p className="hint">Run the flowgraph to see what crosses this wire.</p>}
      {answer.said && <p className="hint">{answer.said}</p>}
      {answer.view && answer.view.frames > 1 && (
        <label className="row">frame <input type="number" aria-label="frame" min={0} max={answer.view.frames - 1} value={frame}
          onChange={(event) => setFrame(Math.max(0, Math.trunc(Number(event.target.value))))} /> of {answer.view.frames}</label>
      )}
      {answer.view && <ViewOf view={answer.view} behind={behind} />}
    </section>
  );
}

/** Without a wire: the pictures that went in and came out. */
function Results() {
  const run = useStudio(shownRun);
  const runs = useStudio((state) => state.runs);
  const [other, setOther] = useState<number>();
  const beside = runs.find((each) => each.number === other && each.state === "done" && each !== run);
  const input = pictureInput(run);
  const sent = pictureOf(useWire(run, input && `.${input}`, 0));
  const came = pictureOf(useWire(run, run && outputWire(run, "image"), 0));
  const theirs = pictureOf(useWire(beside, beside && outputWire(beside, "image"), 0));
  if (!run) return <p className="hint">Give the inputs, then run. Ctrl-Enter runs from anywhere.</p>;
  if (!came) return run.state === "done" ? <p className="hint">Choose a wire to see what crossed it in run {run.number}.</p> : null;
  return (
    <section className="look" aria-label="pictures">
      {sent && <Curtain left={sent} right={came} names={["original", `run ${run.number}`]} />}
      {!sent && <img className="picture" src={came} alt="reconstruction" />}
      {runs.length > 1 && (
        <label className="row">beside run
          <select aria-label="run to compare with" value={beside?.number ?? ""} onChange={(event) => setOther(Number(event.target.value))}>
            <option value="">none</option>
            {runs.filter((each) => each !== run && each.state === "done").map(({ number }) => <option key={number}>{number}</option>)}
          </select>
        </label>
      )}
      {theirs && beside && <Beside run={run} beside={beside} mine={came} theirs={theirs} />}
    </section>
  );
}

/** One slider shows more of one picture or of the other. */
function Curtain({ left, right, names }: { left: string; right: string; names: [string, string] }) {
  const [at, setAt] = useState(50);
  return (
    <div className="curtain">
      <div className="layers">
        <img src={right} alt={names[1]} />
        <img className="over" src={left} alt={names[0]} style={{ clipPath: `inset(0 ${100 - at}% 0 0)` }} />
        <i style={{ left: `${at}%` }} />
      </div>
      <label className="row"><small>{names[0]}</small>
        <input type="range" aria-label={`how much of the ${names[0]} is shown, in percent`} min={0} max={100} value={at} onChange={(event) => setAt(Number(event.target.value))} />
        <small>{names[1]}</small></label>
    </div>
  );
}

function Beside({ run, beside, mine, theirs }: { run: Run; beside: Run; mine: string; theirs: string }) {
  const changed = Object.keys(run.outputs).filter((name) => beside.outputs[name] && beside.outputs[name]!.text !== run.outputs[name]!.text);
  return (
    <div className="beside">
      <Curtain left={mine} right={theirs} names={[`run ${run.number}`, `run ${beside.number}`]} />
      <Difference one={mine} other={theirs} />
      <table className="outputs"><tbody>
        <tr><th>output</th><th>run {run.number}</th><th>run {beside.number}</th></tr>
        {changed.map((name) => <tr key={name}><th>{name}</th><td>{run.outputs[name]!.text}</td><td>{beside.outputs[name]!.text}</td></tr>)}
      </tbody></table>
    </div>
  );
}

const GAIN = 8;

const loaded = async (address: string) => {
  const picture = new Image();
  picture.src = address;
  await picture.decode();
  return picture;
};

/** |one - other| of each colour, eight times as strong. */
function Difference({ one, other }: { one: string; other: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [said, setSaid] = useState("");
  useEffect(() => {
    void Promise.all([loaded(one), loaded(other)]).then(([first, second]) => {
      const element = canvas.current;
      const pen = element?.getContext("2d", { willReadFrequently: true });
      if (!element || !pen) return;
      if (first.width !== second.width || first.height !== second.height) return setSaid("the pictures have different sizes");
      [element.width, element.height] = [first.width, first.height];
      const pixels = [first, second].map((picture) => {
        pen.drawImage(picture, 0, 0);
        return pen.getImageData(0, 0, element.width, element.height);
      }) as [ImageData, ImageData];
      let most = 0;
      const [a, b] = pixels;
      for (let place = 0; place < a.data.length; place++) {
        if (place % 4 === 3) continue;
        const gap = Math.abs(a.data[place]! - b.data[place]!);
        most = Math.max(most, gap);
        a.data[place] = GAIN * gap;
      }
      pen.putImageData(a, 0, 0);
      setSaid(`difference, ${GAIN} times as strong; at most ${most} of 255`);
    });
  }, [one, other]);
  return <figure><canvas ref={canvas} className="picture" role="img" aria-label="difference of the two runs" /><figcaption>{said}</figcaption></figure>;
}
