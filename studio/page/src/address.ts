// The state of the page in its address, so that a link, or a reload, opens the same flowgraph.

import type { State } from "./store";
import type { Graph, Input } from "./types";

interface Kept {
  graph: Graph;
  level: string;
  inputs: Record<string, Input>;
  seed: number;
  batch: number;
  /** The last run, and the graph that it was of where that is another one now. */
  run?: { key: string; inputs: Record<string, Input>; seed: number; graph?: Graph };
  sweep?: string;
}

async function through(bytes: Uint8Array<ArrayBuffer>, stream: GenericTransformStream): Promise<Uint8Array<ArrayBuffer>> {
  const piped = new Blob([bytes]).stream().pipeThrough(stream as ReadableWritablePair<Uint8Array, BufferSource>);
  return new Uint8Array(await new Response(piped).arrayBuffer());
}

let last = "";
let waiting: ReturnType<typeof setTimeout> | undefined;
const WRITE_AFTER_MS = 250;

/** Keep the state in the address, a moment after a change. */
export function writeAddress(state: () => State): void {
  waiting ??= setTimeout(() => {
    waiting = undefined;
    void write(state());
  }, WRITE_AFTER_MS);
}

async function write(state: State): Promise<void> {
  const { graph, level, inputs, seed, batch, runs, sweep } = state;
  const newest = runs.at(-1);
  const run = newest && { key: newest.key, inputs: newest.inputs, seed: newest.seed, ...(newest.graph !== graph && { graph: newest.graph }) };
  const kept: Kept = { graph, level, inputs, seed, batch, run, sweep };
  const packed = await through(new TextEncoder().encode(JSON.stringify(kept)), new CompressionStream("deflate-raw"));
  last = `#${btoa(Array.from(packed, (byte) => String.fromCharCode(byte)).join("")).replaceAll("+", "-").replaceAll("/", "_")}`;
  history.replaceState(null, "", last);
}

/** Whether the address was changed by somebody else than this page. */
export const isForeign = () => location.hash !== last;

/** What the address holds; undefined where it holds nothing that can be read. */
export async function readAddress(): Promise<Kept | undefined> {
  const text = location.hash.slice(1).replaceAll("-", "+").replaceAll("_", "/");
  if (!text) return undefined;
  try {
    const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const kept = JSON.parse(new TextDecoder().decode(await through(packed, new DecompressionStream("deflate-raw"))));
    return typeof kept?.graph === "object" ? (kept as Kept) : undefined;
  } catch {
    return undefined;
  }
}
