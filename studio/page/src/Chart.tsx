// Curves of sweeps with their intervals and closed forms.

import "uplot/dist/uPlot.min.css";

import { useEffect, useRef } from "react";
import uPlot from "uplot";

import { useDark } from "./Canvas";
import type { Row } from "./types";

export interface Swept {
  store: string;
  /** Its number in the store, from 1. */
  sweep: number;
  names: string[];
  curve: string;
  rows: Row[];
  theory: Record<string, [number[], number[]]>;
  command: string;
  failures: string[];
}

interface Curve { name: string; x: number[]; y: (number | null)[]; low: (number | null)[]; high: (number | null)[]; bound: boolean[] }

export const metricsOf = (swept: Swept) => [...new Set(swept.rows.map((row) => row.metric))];

/** One curve for each combination of the axes that are not drawn along. */
function curvesOf(swept: Swept, metric: string, several: boolean): Curve[] {
  const others = swept.names.filter((name) => name !== swept.curve);
  const found = new Map<string, Row[]>();
  for (const row of swept.rows.filter((each) => each.metric === metric)) {
    const name = [several ? swept.store : "", ...others.map((axis) => `${axis} ${row[axis]}`)].filter(Boolean).join(", ");
    found.set(name, [...(found.get(name) ?? []), row]);
  }
  return [...found].map(([name, rows]) => {
    rows.sort((a, b) => Number(a[swept.curve]) - Number(b[swept.curve]));
    const bound = rows.map((row) => row.interval === "upper bound");
    return { name: name || metric, x: rows.map((row) => Number(row[swept.curve])), bound,
      y: rows.map((row, place) => (bound[place] ? null : row.estimate)), low: rows.map((row) => row.low), high: rows.map((row) => row.high) };
  });
}

const COLOURS = ["#2563eb", "#e07b00", "#1a9850", "#7b3fa0", "#c62828", "#00838f"];
const HEIGHT = 300;

export function Chart({ sets, metric }: { sets: Swept[]; metric: string }) {
  const place = useRef<HTMLDivElement>(null);
  const dark = useDark();
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const curves = sets.flatMap((swept) => curvesOf(swept, metric, sets.length > 1));
    const counted = sets.some((swept) => swept.rows.some((row) => row.metric === metric && row.errors !== null));
    const theory = metric === "ber" ? sets.flatMap((swept) => Object.entries(swept.theory)) : [];
    const forms = [...new Map(theory)];
    const text = getComputedStyle(element).getPropertyValue("--text");
    const line = getComputedStyle(element).getPropertyValue("--line");
    const tables: uPlot.AlignedData[] = [...curves.map(({ x, y }): uPlot.AlignedData => [x, y]), ...forms.map(([, [x, y]]): uPlot.AlignedData => [x, y])];
    if (!tables.length) return;
    const ends = curves.flatMap(({ low, high, y }) => [...low, ...high, ...y]).filter((value): value is number => value !== null && Number.isFinite(value) && (!counted || value > 0));
    const colour = (index: number) => COLOURS[index % COLOURS.length]!;
    const axis = { stroke: text, grid: { stroke: line, width: 1 }, ticks: { stroke: line } };
    const plot = new uPlot({
      width: element.clientWidth,
      height: HEIGHT,
      legend: { live: false },
      scales: { x: { time: false }, y: counted ? { distr: 3, range: () => [10 ** Math.floor(Math.log10(Math.min(...ends))), 10 ** Math.ceil(Math.log10(Math.max(...ends)))] } : { range: (_plot, low, high) => [low - 0.05 * (high - low || 1), high + 0.05 * (high - low || 1)] } },
      axes: [{ ...axis, label: sets[0]!.curve, labelSize: 20, size: 36 }, { ...axis, label: metric, labelSize: 20, size: 58, values: (_plot, splits) => splits.map((each) => (counted ? (Math.abs(Math.log10(each) % 1) < 1e-9 ? each.toExponential(0) : "") : String(Number(each.toPrecision(5))))) }],
      series: [{ label: sets[0]!.curve },
        ...curves.map(({ name }, index) => ({ label: name, stroke: colour(index), width: forms.length ? 0 : 1.5, points: { show: true, size: 7, fill: colour(index), width: 1 }, spanGaps: true })),
        ...forms.map(([name], index) => ({ label: name, stroke: colour(index), width: 1, dash: [5, 4], points: { show: false }, spanGaps: true }))],
      hooks: { draw: [(drawn) => intervals(drawn, curves, colour)] },
    }, uPlot.join(tables), element);
    return () => plot.destroy();
  }, [sets, metric, dark]);
  return <div ref={place} className="chart" role="img" aria-label={`${metric} over ${sets[0]?.curve}`} />;
}

/** Bars from low to high; an upper bound, where no error was seen, is an arrow down from it. */
function intervals(plot: uPlot, curves: Curve[], colour: (index: number) => string): void {
  const pen = plot.ctx;
  const reach = 4 * devicePixelRatio;
  pen.save();
  pen.beginPath();
  pen.rect(plot.bbox.left, plot.bbox.top, plot.bbox.width, plot.bbox.height);
  pen.clip();
  curves.forEach(({ x, low, high, bound }, index) => {
    pen.strokeStyle = colour(index);
    pen.lineWidth = devicePixelRatio;
    x.forEach((value, place) => {
      const top = high[place];
      if (top === null || top === undefined || !Number.isFinite(top)) return;
      const across = plot.valToPos(value, "x", true);
      const from = plot.valToPos(top, "y", true);
      const bottom = low[place];
      const to = bound[place] ? from + 6 * reach : bottom === null || bottom === undefined ? from : plot.valToPos(bottom, "y", true);
      pen.beginPath();
      pen.moveTo(across - reach, from);
      pen.lineTo(across + reach, from);
      pen.moveTo(across, from);
      pen.lineTo(across, to);
      if (bound[place]) {
        pen.moveTo(across - reach, to - reach);
        pen.lineTo(across, to);
        pen.lineTo(across + reach, to - reach);
      } else {
        pen.moveTo(across - reach, to);
        pen.lineTo(across + reach, to);
      }
      pen.stroke();
    });
  });
  pen.restore();
}
