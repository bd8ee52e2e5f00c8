// What tests of panels share: a store whose server answers what a test says.

import { configure } from "@testing-library/react";
import { vi } from "vitest";
import { Refusal, problem } from "../api";
import type { Action, FormField, Node, Optimized, State, StepForm, View } from "../messages";
import { WorkStore } from "../work";

export const node = (step: string, more: Partial<Node> = {}): Node => ({
  ...{ id: step, graph: "main", step, label: step, kind: "step", detail: "alpine", parent: "", status: "same" },
  ...{ x: 0, y: 0, width: 100, height: 40, inputs: [], outputs: [] },
  ...more,
});

export const field = (more: Partial<FormField>): FormField => ({
  ...{ field: "image", name: "", label: "Image", container: "", type: "text", value: null, choices: [] },
  ...{ editable: true, reason: "" },
  ...more,
});

export const form = (more: Partial<StepForm> = {}): StepForm => ({
  ...{ node: "load", title: "load", runs: "load", shared: [], waits_for: [], fields: [], facts: [], source: [] },
  ...{ can_delete: "", can_rename: "" },
  ...more,
});

const STATE: State = {
  ...{ version: "1", folder: "f", read_only: false, pipeline: "", generates: true, history: false, catalogue: [] },
  files: [
    {
      ...{ path: "a.yaml", engine: "argo", editable: true, reason: "", problem: null },
      workflows: [{ number: 0, name: "a", kind: "Workflow", steps: 2 }],
    },
  ],
  engines: ["airflow", "argo"].map((name) => ({ name, runs: name === "argo", local: false })),
  optimizers: [],
};

export const OPTIMIZED: Optimized = {
  before: { nodes: [], edges: [], width: 0, height: 0 },
  after: { nodes: [], edges: [], width: 0, height: 0 },
  ...{ decisions: [], costs: [], diff: "", others: [] },
};

configure({ asyncUtilTimeout: 10_000 }); // machines of CI are slow at times

type Answers = Record<string, unknown>;

/** Make a store that has opened a file of the steps `load` and `train`; `answers` are by the path of a request. */
export async function open(answers: Answers = {}, state: Partial<State> = {}) {
  const asked = vi.fn();
  const ask = async (path: string, body?: unknown) => {
    asked(path, body);
    const key = path.split("?")[0] as string;
    const answer = answers[key];
    if (answer instanceof Refusal) throw answer;
    if (typeof answer === "function") return (answer as (body: unknown) => unknown)(body);
    return answer ?? DEFAULTS[key];
  };
  const work = new WorkStore(ask as never, { ...STATE, ...state });
  await work.openFile("a.yaml");
  return { work, asked, actions: (): Action[] => work.snapshot().actions };
}

export const refusal = (message: string, hint = "", status = 422) => new Refusal(problem(message, hint), status);

const VIEW: View = {
  ...{ base: "1", on_disk: "1", changed: false, workflows: [], graphs: ["main"] },
  picture: { nodes: [node("load", { outputs: ["rows"] }), node("train")], edges: [], width: 0, height: 0 },
};

const DEFAULTS: Answers = {
  view: VIEW,
  step: form(),
  lint: { findings: [] },
  optimize: OPTIMIZED,
  diff: { diff: "--- a\n+++ a\n@@ -1 +1 @@\n-image: a\n+image: b\n", added: 1, removed: 1, on_disk: "1" },
  save: { base: "2" },
};

// jsdom has no modal dialogs.
HTMLDialogElement.prototype.showModal ??= function showModal(this: HTMLDialogElement) {
  this.open = true;
};
HTMLDialogElement.prototype.close ??= function close(this: HTMLDialogElement) {
  this.open = false;
};
