// How the parts of what crossed a wire are drawn.

import { useEffect, useRef, useState } from "react";

import type { Part, View } from "./types";

const short = (value: number | string) => (typeof value === "string" ? value : Number(value.toPrecision(4)).toString());

export function ViewOf({ view, behind }: { view: View; behind: string | undefined }) {
  const shapes = Object.entries(view.shapes).map(([name, shape]) => `${name} [${shape.join(", ")}]`).join(", ");
  return (
    <div className="view">
      <p className="shapes">{view.type} <small>{shapes}</small></p>
      {view.parts.map((part, place) => (
        <figure key={place}>
          <PartOf part={part} behind={behind} />
          {part.title && <figcaption>{part.title}</figcaption>}
        </figure>
      ))}
    </div>
  );
}

function PartOf({ part, behind }: { part: Part; behind: string | undefined }) {
  switch (part.kind) {
    case "picture": return <img className="picture" src={part.png} alt={`picture of ${part.size.join(" by ")} pixels`} />;
    case "map": return <MapOf part={part} behind={behind} />;
    case "points": return <Constellation points={part.points} count={part.count} power={part.power} />;
    case "histogram": return <Histogram part={part} />;
    case "bits": return (
      <div>
        <div className="bits" aria-label={part.bits.join("")}>{part.bits.map((bit, place) => <i key={place} className={bit ? "one" : ""} />)}</div>
        <p>{part.count} bits, {short(part.ones)} of them ones{part.count > part.bits.length && `; the first ${part.bits.length} are drawn`}</p>
      </div>
    );
    case "text": return <blockquote>{part.text || "(an empty text)"}</blockquote>;
    case "numbers": return <p className="numbers">{part.values.map(short).join(", ")}</p>;
    case "ledger": return <LedgerOf part={part} />;
  }
}

/** A map over the picture that was sent, as strong as the slider says. */
function MapOf({ part, behind }: { part: Part & { kind: "map" }; behind: string | undefined }) {
  const [strength, setStrength] = useState(0.6);
  return (
    <div>
      <div className="layers">
        {behind && <img src={behind} alt="the picture" />}
        <img className={behind ? "over" : "alone"} src={part.png} style={{ opacity: behind ? strength : 1 }} alt={`map of ${part.size.join(" by ")} places`} />
      </div>
      <p className="scale"><span>{short(part.low)}</span><i /><span>{short(part.high)}</span> <small>mean {short(part.mean)}</small></p>
      {behind && <label className="row">map over picture
        <input type="range" min={0} max={1} step={0.05} value={strength} onChange={(event) => setStrength(Number(event.target.value))} />
      </label>}
    </div>
  );
}

const SIZE = 300;

function Constellation({ points, count, power }: { points: [number, number][]; count: number; power: number | string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const reach = 1.1 * Math.max(1e-9, ...points.map(([x, y]) => Math.max(Math.abs(x), Math.abs(y))));
  useEffect(() => {
    const element = canvas.current;
    const pen = element?.getContext("2d");
    if (!element || !pen) return;
    const style = getComputedStyle(element);
    pen.clearRect(0, 0, SIZE, SIZE);
    pen.strokeStyle = style.getPropertyValue("--line");
    pen.strokeRect(0.5, 0.5, SIZE - 1, SIZE - 1);
    pen.beginPath();
    pen.moveTo(SIZE / 2, 0);
    pen.lineTo(SIZE / 2, SIZE);
    pen.moveTo(0, SIZE / 2);
    pen.lineTo(SIZE, SIZE / 2);
    pen.stroke();
    pen.fillStyle = style.getPropertyValue("--accent");
    pen.globalAlpha = Math.max(0.25, Math.min(1, 150 / points.length));
    for (const [x, y] of points) pen.fillRect(SIZE / 2 * (1 + x / reach) - 1.5, SIZE / 2 * (1 - y / reach) - 1.5, 3, 3);
    pen.globalAlpha = 1;
  }, [points, reach]);
  return (
    <div>
      <canvas ref={canvas} width={SIZE} height={SIZE} role="img" aria-label={`constellation of ${points.length} symbols, in phase to the right`} />
      <p>{count} symbols, mean power {short(power)}; the sides are at ±{short(reach)}{count > points.length && `; ${points.length} are drawn`}</p>
    </div>
  );
}

function Histogram({ part }: { part: Part & { kind: "histogram" } }) {
  const most = Math.max(1, ...part.counts);
  return (
    <div>
      <svg viewBox={`0 0 ${part.counts.length} 40`} preserveAspectRatio="none" className="histogram" role="img" aria-label="histogram">
        {part.counts.map((count, place) => <rect key={place} x={place} y={40 * (1 - count / most)} width={0.9} height={40 * count / most} />)}
      </svg>
      <p className="ends"><span>{short(part.edges[0]!)}</span><span>{short(part.edges.at(-1)!)}</span></p>
      <p>{part.count} values, mean {short(part.mean)}, standard deviation {short(part.deviation)}{part.strange > 0 && `; ${part.strange} are not finite`}</p>
    </div>
  );
}

const PURPOSES: Record<string, string> = { payload: "payload", header: "header", side_information: "side information", pilots: "pilots and guard" };

function LedgerOf({ part }: { part: Part & { kind: "ledger" } }) {
  const total = Math.max(1, Object.values(part.uses).reduce((sum, uses) => sum + uses, 0));
  return (
    <div>
      <div className="ledger" role="img" aria-label="channel uses by purpose">
        {Object.entries(part.uses).map(([purpose, uses]) => uses > 0 && <i key={purpose} className={purpose} style={{ flexGrow: uses }} />)}
      </div>
      <ul className="legend">
        {Object.entries(part.uses).map(([purpose, uses]) => (
          <li key={purpose}><i className={purpose} />{PURPOSES[purpose]}: {uses} uses ({(100 * uses / total).toFixed(1)} %)</li>
        ))}
      </ul>
      <p>CBR {short(part.cbr)}, {short(part.cbr_total)} with everything that was sent, over {part.dimensions} source dimensions</p>
    </div>
  );
}
