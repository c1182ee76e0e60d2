// What the page asks of the server. The token stands in the page's address and goes along with every request.

import type { Swept } from "./Chart";
import type { Catalogue, Examined, Graph, Input, Message, View } from "./types";

const token = new URLSearchParams(location.search).get("token") ?? "";

/** What the server says is wrong, in its own words. */
export class Refusal extends Error {}

async function ask(path: string, options: RequestInit = {}): Promise<Response> {
  const headers = { ...options.headers, "X-Linksim-Token": token };
  let answer: Response;
  try {
    answer = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error instanceof DOMException) throw error;
    throw new Refusal("the studio's server does not answer; start linksim studio again");
  }
  if (answer.ok) return answer;
  const text = await answer.text();
  let said = text;
  try {
    said = (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    // A refusal of the guard is plain text.
  }
  throw new Refusal(said);
}

async function json<T>(path: string, options?: RequestInit): Promise<T> {
  return (await (await ask(path, options)).json()) as T;
}

const post = (body: BodyInit, signal?: AbortSignal): RequestInit => ({ method: "POST", body, signal });

export const catalogue = () => json<Catalogue>("/api/catalogue");
export const ready = async (name: string) =>
  (await json<{ graph: Graph }>(`/api/flowgraphs/${encodeURIComponent(name)}`)).graph;
export const check = (graph: Graph, signal?: AbortSignal) =>
  json<Examined>("/api/check", post(JSON.stringify(graph), signal));
export const open = async (text: string) => (await json<{ graph: Graph }>("/api/open", post(text))).graph;
export const write = async (graph: Graph, form: "yaml" | "python" | "svg") =>
  (await json<{ text: string }>(`/api/write/${form}`, post(JSON.stringify(graph)))).text;
export const sendPicture = async (file: Blob) => (await json<{ picture: string }>("/api/pictures", post(file))).picture;
export const samplePicture = async (name: string) =>
  (await json<{ picture: string }>(`/api/samples/${encodeURIComponent(name)}`, { method: "POST" })).picture;
export const stop = (run: string) => json(`/api/runs/${run}`, { method: "DELETE" });

export interface Asked { graph: Graph; inputs: Record<string, Input>; seed: number; batch: number }
export const begin = async (asked: Asked) =>
  (await json<{ run: string }>("/api/runs", post(JSON.stringify(asked)))).run;

export interface SweepAsked { graph: Graph; store: string; grid: string[]; stop: string[]; inputs: string[]; seed: number; picture: string | undefined }
export const sweep = async (asked: SweepAsked) => (await json<{ run: string }>("/api/sweeps", post(JSON.stringify(asked)))).run;
export interface StoreEntry { store: string; sweeps: string[] }
export const stores = async () => (await json<{ stores: StoreEntry[] }>("/api/stores")).stores;
export const stored = (store: string, number: string) => json<Swept>(`/api/stores/${encodeURIComponent(store)}?sweep=${number}`);

export const replay = async (store: string, sweep: number, metric: string) =>
  (await json<{ run: string }>(`/api/stores/${encodeURIComponent(store)}/replay`, post(JSON.stringify({ sweep, metric })))).run;

/** The messages of a run from the first on, as they come. */
export async function* messages(run: string): AsyncGenerator<Message> {
  const answer = await ask(`/api/runs/${run}`);
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line) as Message;
  }
}

export const wire = async (run: string, port: string, frame = 0) =>
  (await json<{ view: View }>(`/api/runs/${run}/wire?port=${encodeURIComponent(port)}&frame=${frame}`)).view;
