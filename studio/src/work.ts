// The state of the page: which file is shown, what was done to it, and what the server says of that.
// The server keeps nothing: each request carries all actions, and undo is to send one less.

import { useSyncExternalStore } from "react";
import { type Ask, Refusal, problem } from "./api";
import type {
  Action,
  Converted,
  Diff,
  Digest,
  FileEntry,
  Finding,
  Generated,
  Linted,
  Log,
  Node,
  Optimized,
  Picture,
  Problem,
  RunRequest,
  RunView,
  Saved,
  State,
  StepForm,
  View,
  Work,
} from "./messages";

export type Showing = "edit" | "before" | "after";

export type Snapshot = {
  state: State;
  file: FileEntry | null;
  workflow: number;
  view: View | null;
  busy: boolean;
  problem: Problem | null;
  message: string;
  actions: Action[];
  undone: Action[];
  pipeline: string;
  optimized: Optimized | null;
  showing: Showing;
  findings: Finding[];
  selected: string[];
  open: string[];
  connecting: string;
  diskChanged: boolean;
  run: RunView | null;
};

const LOOK = 2000; // milliseconds between two looks at the file on disk
const FOLLOW = 1000; // between two looks at a run

export class WorkStore {
  private current: Snapshot;
  private readonly listeners = new Set<() => void>();
  private turn = 0;

  constructor(
    private readonly ask: Ask,
    state: State,
  ) {
    this.current = {
      state,
      file: null,
      workflow: 0,
      view: null,
      busy: false,
      problem: null,
      message: "",
      actions: [],
      undone: [],
      pipeline: "",
      optimized: null,
      showing: "edit",
      findings: [],
      selected: [],
      open: [],
      connecting: "",
      diskChanged: false,
      run: null,
    };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): Snapshot => this.current;

  private set(change: Partial<Snapshot>): void {
    this.current = { ...this.current, ...change };
    for (const listener of this.listeners) listener();
  }

  // What is shown.

  get readOnly(): boolean {
    return !this.current.file?.editable;
  }

  get picture(): Picture | null {
    const { showing, optimized, view } = this.current;
    if (showing === "before" && optimized) return optimized.before;
    if (showing === "after" && optimized) return optimized.after;
    return view?.picture ?? null;
  }

  node(id: string): Node | undefined {
    return this.picture?.nodes.find((node) => node.id === id);
  }

  private work(change: Partial<Work> = {}): Work {
    const { file, view, actions, workflow, open } = this.current;
    return { path: file?.path ?? "", base: view?.base ?? "", actions, pipeline: "", workflow, open, ...change };
  }

  /** Ask for something; what goes wrong is shown, and gives null. */
  private async tell<Answer>(path: string, body?: unknown): Promise<Answer | null> {
    this.set({ busy: true });
    try {
      return await this.ask<Answer>(path, body);
    } catch (error) {
      this.set({ problem: error instanceof Refusal ? error.problem : problem(String(error), "reload the page") });
      return null;
    } finally {
      this.set({ busy: false });
    }
  }

  private async refresh(change: Partial<Snapshot>, work: Work): Promise<boolean> {
    const turn = ++this.turn;
    const view = await this.tell<View>("view", work);
    if (!view || turn !== this.turn) return false;
    const ids = new Set(view.picture.nodes.map((node) => node.id));
    const selected = (change.selected ?? this.current.selected).filter((id) => ids.has(id));
    this.set({ ...change, view, selected, problem: null, diskChanged: view.on_disk !== view.base });
    void this.lint();
    if (this.current.pipeline) void this.optimize();
    return true;
  }

  async openFile(path: string, workflow = 0): Promise<void> {
    const file = this.current.state.files.find((entry) => entry.path === path) ?? null;
    if (!file) return;
    if (file.problem) {
      this.set({ file, view: null, problem: file.problem, actions: [], undone: [], optimized: null, findings: [] });
      return;
    }
    const same = this.current.file?.path === path;
    const actions = same ? this.current.actions : [];
    const base = same ? (this.current.view?.base ?? "") : "";
    const fresh = { actions, undone: same ? this.current.undone : [], selected: [], open: [], optimized: null };
    const change = { file, workflow, showing: "edit" as const, connecting: "", ...fresh };
    await this.refresh(change, { path, base, actions, pipeline: "", workflow, open: [] });
  }

  select(selected: string[]): void {
    if (selected.join("\n") !== this.current.selected.join("\n")) this.set({ selected });
  }

  /** Show a node that may be inside of graphs which are not open. */
  async reveal(id: string): Promise<void> {
    const parts = id.split("/");
    const parents = parts.slice(1).map((_, number) => parts.slice(0, number + 1).join("/"));
    const open = [...new Set([...this.current.open, ...parents])];
    if (open.length !== this.current.open.length) await this.refresh({ open }, this.work({ open }));
    this.set({ selected: [id] });
  }

  /** Open the graph of a node in place, or close it. */
  async toggle(id: string): Promise<void> {
    const isOpen = this.current.open.includes(id);
    const open = isOpen
      ? this.current.open.filter((other) => other !== id && !other.startsWith(`${id}/`))
      : [...this.current.open, id];
    await this.refresh({ open }, this.work({ open }));
  }

  show(showing: Showing): void {
    this.set({ showing });
  }

  clearProblem(): void {
    this.set({ problem: null });
  }

  say(message: string): void {
    this.set({ message });
  }

  // Edits.

  get canUndo(): boolean {
    return this.current.actions.length > 0;
  }

  get canRedo(): boolean {
    return this.current.undone.length > 0;
  }

  /** Carry out actions; where one is refused, none is kept, and the reason is shown. */
  async act(...added: Action[]): Promise<boolean> {
    if (this.readOnly) return false;
    const { workflow } = this.current;
    const actions = [...this.current.actions, ...added.map((action) => ({ ...action, workflow }))];
    const done = await this.refresh(
      { actions, undone: [], showing: "edit", connecting: "" },
      this.work({ actions }),
    );
    const last = added.at(-1);
    const name = last ? newName(last) : "";
    const node = this.picture?.nodes.find((other) => other.graph === last?.graph && other.step === name);
    if (done && node) this.set({ selected: [node.id] });
    this.say(done ? "done" : "refused");
    return done;
  }

  async undo(): Promise<void> {
    const last = this.current.actions.at(-1);
    if (!last) return;
    const actions = this.current.actions.slice(0, -1);
    const undone = [...this.current.undone, last];
    if (await this.refresh({ actions, undone, showing: "edit" }, this.work({ actions }))) this.say("undone");
  }

  async redo(): Promise<void> {
    const next = this.current.undone.at(-1);
    if (!next) return;
    const actions = [...this.current.actions, next];
    const undone = this.current.undone.slice(0, -1);
    if (await this.refresh({ actions, undone, showing: "edit" }, this.work({ actions }))) this.say("done again");
  }

  /** Begin to draw an arrow from a step, or end it at another. */
  async connect(id: string): Promise<void> {
    const { connecting } = this.current;
    if (!connecting) {
      this.set({ connecting: id });
      this.say("choose the step that is to wait, then press Enter; Escape ends it");
      return;
    }
    const source = this.node(connecting);
    const target = this.node(id);
    this.set({ connecting: "" });
    if (source && target && source !== target) await this.connectNodes(source, target);
  }

  async connectNodes(source: Node, target: Node): Promise<boolean> {
    if (source.graph !== target.graph) {
      this.set({ problem: problem("the two steps are in different graphs", "draw arrows inside of one graph") });
      return false;
    }
    return this.act({ do: "connect", graph: source.graph, source: source.step, target: target.step });
  }

  stopConnecting(): void {
    this.set({ connecting: "" });
  }

  form(node: string): Promise<StepForm> {
    return this.ask<StepForm>("step", { ...this.work(), node });
  }

  private async lint(): Promise<void> {
    const turn = this.turn;
    const linted = await this.ask<Linted>("lint", this.work()).catch(() => null);
    if (linted && turn === this.turn) this.set({ findings: linted.findings });
  }

  // Optimizers.

  async setPipeline(pipeline: string): Promise<void> {
    this.set({ pipeline });
    if (pipeline) await this.optimize();
    else this.set({ optimized: null, showing: "edit" });
  }

  private async optimize(): Promise<void> {
    const { pipeline } = this.current;
    const optimized = await this.tell<Optimized>("optimize", this.work({ pipeline }));
    if (pipeline !== this.current.pipeline) return;
    this.set(optimized ? { optimized } : { optimized: null, showing: "edit" });
  }

  // The file on disk.

  diff(): Promise<Diff> {
    return this.ask<Diff>("diff", this.work({ pipeline: this.current.pipeline }));
  }

  async save(): Promise<boolean> {
    const saved = await this.tell<Saved>("save", this.work({ pipeline: this.current.pipeline }));
    if (!saved) return false;
    const done = await this.refresh(
      { actions: [], undone: [], diskChanged: false, showing: "edit" },
      this.work({ base: "", actions: [] }),
    );
    this.say("saved");
    return done;
  }

  /** Carry the same actions out on what is on disk now. */
  async reapply(): Promise<boolean> {
    return this.refresh({ diskChanged: false }, this.work({ base: "" }));
  }

  /** Forget all actions, and show what is on disk. */
  async reload(): Promise<void> {
    await this.refresh({ actions: [], undone: [], diskChanged: false }, this.work({ base: "", actions: [] }));
  }

  /** Look at the file on disk now and then; returns what ends it. */
  watch(): () => void {
    const timer = setInterval(async () => {
      const { file, view, diskChanged } = this.current;
      if (!file || !view || diskChanged || document.hidden) return;
      const found = await this.ask<Digest>(`digest?path=${encodeURIComponent(file.path)}`).catch(() => null);
      if (found && found.digest !== this.current.view?.base && file === this.current.file)
        this.set({ diskChanged: true });
    }, LOOK);
    return () => clearInterval(timer);
  }

  // Other engines, models and runs.

  convert(to: string, policy: string): Promise<Converted> {
    return this.ask<Converted>("convert", { ...this.work(), to, on_unsupported: policy });
  }

  generate(description: string, engine: string): Promise<Generated> {
    return this.ask<Generated>("generate", { description, engine });
  }

  async start(request: RunRequest): Promise<void> {
    const work = this.work({ pipeline: this.current.pipeline });
    const run = await this.tell<RunView>("runs", { ...work, ...request });
    if (run) {
      this.set({ run });
      void this.follow(run.run);
    }
  }

  private async follow(id: string): Promise<void> {
    while (this.current.run?.run === id && !ended(this.current.run)) {
      await new Promise((resolve) => setTimeout(resolve, FOLLOW));
      const run = await this.ask<RunView>(`runs/${encodeURIComponent(id)}`).catch(() => null);
      if (run && this.current.run?.run === id) this.set({ run });
    }
  }

  log(step: string): Promise<Log> {
    const run = this.current.run?.run ?? "";
    return this.ask<Log>(`runs/${encodeURIComponent(run)}/log?step=${encodeURIComponent(step)}`);
  }

  async stop(): Promise<void> {
    const id = this.current.run?.run;
    const run = id ? await this.tell<RunView>(`runs/${encodeURIComponent(id)}/stop`, {}) : null;
    if (run) this.set({ run });
  }

  closeRun(): void {
    this.set({ run: null });
  }
}

export function ended(run: RunView): boolean {
  return run.phase === "succeeded" || run.phase === "failed";
}

/** The name of the step that an action leaves behind; empty for the step that it was. */
function newName(action: Action): string {
  if (action.do === "rename" || action.do === "copy") return action.name;
  return action.do === "add" ? action.step : "";
}

/** The snapshot of a store, for a component. */
export function useSnapshot(work: WorkStore): Snapshot {
  return useSyncExternalStore(work.subscribe, work.snapshot);
}
