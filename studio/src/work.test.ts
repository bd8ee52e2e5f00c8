// The server is played by a function: what the store asks, and what it makes of the answers, is what is tested here.

import { beforeEach, expect, test } from "vitest";
import { type Ask, Refusal, problem } from "./api";
import type { Action, State, View, Work } from "./messages";
import { WorkStore } from "./work";

const STATE: State = {
  version: "1",
  folder: "flows",
  read_only: false,
  pipeline: "",
  generates: false,
  history: false,
  files: [
    { path: "a.yaml", engine: "argo", editable: true, reason: "", problem: null, workflows: [{ number: 0, name: "a", kind: "Workflow", steps: 2 }] },
    { path: "b.py", engine: "airflow", editable: false, reason: "a program", problem: null, workflows: [{ number: 0, name: "b", kind: "DAG", steps: 1 }] },
  ],
  engines: [],
  optimizers: [],
  catalogue: [],
};
const SET: Action = { do: "set", graph: "main", step: "x", field: "image", value: "i:1" };

let disk: string;
let asked: [string, Work][];

function view(work: Work): View {
  const node = { graph: "main", kind: "step" as const, detail: "", parent: "", x: 0, y: 0, width: 1, height: 1, status: "same" as const, inputs: [], outputs: [] };
  const nodes = ["x", "y"].map((name) => ({ ...node, id: name, step: name, label: name }));
  const base = work.base || disk;
  return { base, on_disk: disk, changed: work.actions.length > 0, workflows: [], picture: { nodes, edges: [], width: 1, height: 1 }, graphs: ["main"] };
}

const ask: Ask = async <Answer>(path: string, body?: unknown) => {
  const work = body as Work;
  asked.push([path, structuredClone(work)]);
  if (path === "lint") return { findings: [] } as Answer;
  if (path === "save") {
    if (work.base !== disk) throw new Refusal(problem("the file changed on disk", ""), 409);
    disk = `${disk}+`;
    return { base: disk } as Answer;
  }
  if (work.actions.some((action) => action.do === "delete")) throw new Refusal(problem("others read from it", ""), 422);
  return view(work) as Answer;
};

async function opened(path = "a.yaml"): Promise<WorkStore> {
  const store = new WorkStore(ask, STATE);
  await store.openFile(path);
  return store;
}

beforeEach(() => {
  disk = "one";
  asked = [];
  sessionStorage.clear();
});

test("undo and redo send one action less, and again", async () => {
  const store = await opened();
  await store.act(SET);
  await store.act({ ...SET, value: "i:2" });
  expect(store.snapshot().actions.length).toBe(2);
  await store.undo();
  await store.undo();
  expect(store.snapshot().actions).toEqual([]);
  expect(store.snapshot().view?.changed).toBe(false);
  expect(store.canUndo).toBe(false);
  await store.redo();
  expect(store.snapshot().actions).toMatchObject([SET]);
  await store.act({ ...SET, value: "i:3" });
  expect(store.canRedo).toBe(false);
});

test("an action that is refused is not kept, and its reason is shown", async () => {
  const store = await opened();
  await store.act(SET);
  expect(await store.act({ do: "delete", graph: "main", step: "x" })).toBe(false);
  expect(store.snapshot().actions).toMatchObject([SET]);
  expect(store.snapshot().problem?.message).toBe("others read from it");
  await store.act({ ...SET, value: "i:2" });
  expect(store.snapshot().problem).toBeNull();
});

test("what cannot be edited takes no action", async () => {
  const store = await opened("b.py");
  expect(await store.act(SET)).toBe(false);
  expect(asked.filter(([path, work]) => path === "view" && work.actions.length > 0)).toEqual([]);
});

test("every request carries the base that the work started from", async () => {
  const store = await opened();
  disk = "two";
  await store.act(SET);
  expect(asked.filter(([path]) => path === "view").map(([, work]) => work.base)).toEqual(["", "one"]);
  expect(store.snapshot().diskChanged).toBe(true);
  expect(await store.save()).toBe(false);
  expect(store.snapshot().actions).toMatchObject([SET]);
  expect(await store.reapply()).toBe(true);
  expect(store.snapshot().diskChanged).toBe(false);
  expect(await store.save()).toBe(true);
  expect(store.snapshot().actions).toEqual([]);
});

test("arrows between graphs are refused here", async () => {
  const store = await opened();
  const [x, y] = store.picture?.nodes ?? [];
  if (!x || !y) throw new Error("there are two");
  expect(await store.connectNodes(x, { ...y, graph: "other" })).toBe(false);
  expect(await store.connectNodes(x, y)).toBe(true);
  expect(store.snapshot().actions).toMatchObject([{ do: "connect", source: "x", target: "y" }]);
});
