// The page.

import { ReactFlowProvider, useReactFlow } from "@xyflow/react";
import { Component, type ReactNode, useCallback, useEffect, useRef, useState } from "react";

import * as api from "./api";
import { isForeign, readAddress } from "./address";
import { placed } from "./arrange";
import { arrangeAll, Canvas, groupChosen } from "./Canvas";
import * as edit from "./graph";
import { Inspector } from "./Inspector";
import { Look } from "./Look";
import { Palette } from "./Palette";
import { RunPanel } from "./RunPanel";
import { Sweep } from "./Sweep";
import { attempt, begin, beginFile, commit, follow, freshRun, portsAt, quiet, redo, run, undo, useStudio } from "./store";

function download(name: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text]));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const ENDINGS = { yaml: "yaml", python: "py", svg: "svg" } as const;
const save = (form: keyof typeof ENDINGS) => attempt(async () => {
  const { graph } = useStudio.getState();
  download(`${graph.name || "flowgraph"}.${ENDINGS[form]}`, await api.write(graph, form));
});

let clip: edit.Clip | undefined;

function copyChosen(): void {
  const { graph, level, selected } = useStudio.getState();
  if (selected.size) clip = edit.copy(graph, level, selected);
}

function pasteClip(): void {
  if (!clip) return;
  const { graph, level } = useStudio.getState();
  const pasted = edit.paste(graph, level, clip);
  commit(placed(pasted.graph, portsAt));
  useStudio.setState({ selected: new Set(pasted.names) });
}

const SHORTCUTS: Record<string, () => void> = {
  z: undo, y: redo, Z: redo, c: copyChosen, v: pasteClip, g: groupChosen,
  s: () => void save("yaml"), Enter: () => void run(),
};
const EVERYWHERE = new Set(["s", "Enter"]);

function onKey(event: KeyboardEvent): void {
  const typing = (event.target as HTMLElement).matches("input:not([type=range]), textarea, select");
  if (event.ctrlKey || event.metaKey) {
    const does = SHORTCUTS[event.key];
    if (!does || (typing && !EVERYWHERE.has(event.key))) return;
    // Text that is marked on the page is copied as text.
    if (event.key === "c" && getSelection()?.toString()) return;
    event.preventDefault();
    if (event.repeat && event.key === "Enter") return;
    // What is being typed counts.
    if (typing) (event.target as HTMLElement).blur();
    does();
  } else if (!typing && event.key === "/") {
    event.preventDefault();
    document.getElementById("search")?.focus();
  } else if (!typing && event.key === "Escape") {
    const { level } = useStudio.getState();
    useStudio.setState({ level: level.split(".").slice(0, -1).join("."), selected: new Set(), wire: undefined });
    quiet();
  }
}

async function restore(): Promise<void> {
  const kept = await readAddress();
  if (!kept) return;
  begin(await api.open(JSON.stringify(kept.graph)));
  const { level, inputs, seed, batch, sweep, run } = kept;
  useStudio.setState({ level, inputs, seed, batch, sweep, past: [] });
  if (!run) return;
  const number = 1;
  const begun = freshRun({ ...run, graph: run.graph ?? useStudio.getState().graph, number });
  useStudio.setState({ shown: number, runs: [begun] });
  try {
    await follow(run.key);
  } catch {
    // The server has let this run go, or is another one.
    useStudio.setState({ runs: [], shown: undefined });
  }
}

function Page() {
  const { screenToFlowPosition } = useReactFlow();
  const stage = useRef<HTMLElement>(null);
  useEffect(() => {
    void attempt(async () => {
      const catalogue = await api.catalogue();
      useStudio.setState({ catalogue, kinds: edit.kindsOf(catalogue) });
      await restore();
    });
    const moved = () => { if (isForeign()) void attempt(restore); };
    addEventListener("keydown", onKey);
    addEventListener("hashchange", moved);
    return () => {
      removeEventListener("keydown", onKey);
      removeEventListener("hashchange", moved);
    };
  }, []);
  const middle = useCallback(() => {
    const box = stage.current!.getBoundingClientRect();
    return screenToFlowPosition({ x: box.x + 0.4 * box.width, y: box.y + 0.4 * box.height });
  }, [screenToFlowPosition]);
  return (
    <>
      <Bar />
      <Palette middle={middle} />
      <main ref={stage} aria-label="flowgraph"
        onDragOver={(event) => event.preventDefault()}
        onDrop={(event) => {
          const file = event.dataTransfer.files[0];
          if (!file) return;
          event.preventDefault();
          void beginFile(file);
        }}>
        <Canvas />
        <Said />
        <Problems />
      </main>
      <aside aria-label="chosen block, run and results">
        <Tabs />
      </aside>
    </>
  );
}

/** The sweep stays as it is while the other tab is looked at. */
function Tabs() {
  const [tab, setTab] = useState<"run" | "sweep">("run");
  return (
    <>
      <div className="tabs" role="tablist" aria-label="run or sweep">
        <button type="button" role="tab" aria-selected={tab === "run"} onClick={() => setTab("run")}>Run</button>
        <button type="button" role="tab" aria-selected={tab === "sweep"} onClick={() => setTab("sweep")}>Sweep</button>
      </div>
      <div hidden={tab !== "run"}><RunPanel /><Side /></div>
      <div hidden={tab !== "sweep"}><Sweep replayed={() => setTab("run")} /></div>
    </>
  );
}

const Side = () => (useStudio((state) => state.selected.size > 0) ? <Inspector /> : <Look />);

function Bar() {
  const { past, future, graph, catalogue } = useStudio();
  const chosen = useStudio((state) => state.selected.size > 0);
  const file = useRef<HTMLInputElement>(null);
  return (
    <header className="bar">
      <h1>linksim <small>studio {catalogue?.version}</small></h1>
      <input className="title" aria-label="name of the flowgraph" value={graph.name} onChange={(event) => commit({ ...graph, name: event.target.value })} />
      <button type="button" onClick={() => begin(edit.EMPTY)}>New</button>
      <button type="button" onClick={() => file.current?.click()}>Open…</button>
      <input ref={file} type="file" hidden accept=".yaml,.yml" aria-label="flowgraph file"
        onChange={(event) => { const chosen = event.target.files?.[0]; event.target.value = ""; if (chosen) void beginFile(chosen); }} />
      <button type="button" title="Ctrl-S" onClick={() => void save("yaml")}>Save</button>
      <button type="button" onClick={() => void save("python")}>Python</button>
      <button type="button" onClick={() => void save("svg")}>SVG</button>
      <span className="gap" />
      <button type="button" title="Ctrl-Z" disabled={!past.length} onClick={undo}>Undo</button>
      <button type="button" title="Ctrl-Y" disabled={!future.length} onClick={redo}>Redo</button>
      <button type="button" title="Ctrl-G: the chosen blocks as a nested flowgraph" disabled={!chosen} onClick={groupChosen}>Group</button>
      <button type="button" onClick={arrangeAll}>Arrange</button>
      <button type="button" onClick={toggleTheme}>Light / dark</button>
    </header>
  );
}

function Said() {
  const said = useStudio((state) => state.said);
  if (!said) return null;
  return (
    <div className="said" role="alert">
      <p>{said.block && <b>{said.port ? `${said.block}.${said.port}` : said.block}: </b>}{said.text}</p>
      <button type="button" aria-label="close" onClick={quiet}>×</button>
    </div>
  );
}

/** All that is wrong, each with a way to its block. */
function Problems() {
  const faults = useStudio((state) => state.examined.faults);
  const blocks = useStudio((state) => Object.keys(state.graph.blocks).length);
  if (!faults.length || !blocks) return null;
  const go = (path: string) => {
    const dot = path.lastIndexOf(".");
    useStudio.setState({ level: path.slice(0, Math.max(dot, 0)), selected: new Set(path ? [path.slice(dot + 1)] : []), wire: undefined });
  };
  return (
    <details className="problems" open={faults.length < 4}>
      <summary>{faults.length} {faults.length === 1 ? "problem" : "problems"}</summary>
      <ul>
        {faults.map((fault, place) => (
          <li key={place}><button type="button" onClick={() => go(fault.block)}>{fault.port ? `${fault.block}.${fault.port}` : fault.block || "flowgraph"}</button> {fault.message}</li>
        ))}
      </ul>
    </details>
  );
}

const THEME = "linksim-studio-theme";

function toggleTheme(): void {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem(THEME, root.dataset.theme);
}

export function firstTheme(): void {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  document.documentElement.dataset.theme = localStorage.getItem(THEME) ?? dark;
}

/** What nobody foresaw: say it, and offer an empty page. */
class Guarded extends Component<{ children: ReactNode }, { said?: string }> {
  override state: { said?: string } = {};

  static getDerivedStateFromError = (error: unknown) => ({ said: String(error) });

  override render() {
    if (this.state.said === undefined) return this.props.children;
    const anew = () => { location.hash = ""; location.reload(); };
    return <div className="said" role="alert"><p>The page cannot go on: {this.state.said}</p><button type="button" onClick={anew}>Start anew</button></div>;
  }
}

export const App = () => <Guarded><ReactFlowProvider><Page /></ReactFlowProvider></Guarded>;
