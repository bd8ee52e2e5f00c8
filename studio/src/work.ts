// The state of the page: which file is shown, what was done to it, and what the server says of that.
// The server keeps nothing: each request carries all actions, and undo is to send less of them.

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

/** A step of the catalogue that was dropped on the graph, and is to be added there. */
export type Draft = { use: string; graph: string; needs: string[] };

/** The type under which a step of the catalogue is dragged; the data is its name. */
export const STEP_TYPE = "application/x-couler-step";

export type Snapshot = {
  state: State;
  file: FileEntry | null;
  workflow: number;
  view: View | null;
  busy: boolean;
  problem: Problem | null;
  message: string;
  actions: Action[];
  sizes: number[]; // how many of the actions each step of undo takes back
  undone: Action[][];
  pipeline: string;
  optimized: Optimized | null;
  showing: Showing;
  findings: Finding[];
  selected: string[];
  open: string[];
  connecting: string;
  draft: Draft | null;
  diskChanged: boolean;
  run: RunView | null;
};

const LOOK = 2000; // milliseconds between two looks at the file on disk
const FOLLOW = 1000; // between two looks at a run
const KEPT = "couler-studio-work";
type Kept = Pick<Snapshot, "workflow" | "actions" | "sizes" | "pipeline"> & { path: string; base: string };

export class WorkStore {
  private current: Snapshot;
  private readonly listeners = new Set<() => void>();
  private queue: Promise<unknown> = Promise.resolve();
  private requests = 0;
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
      sizes: [],
      undone: [],
      pipeline: state.pipeline,
      optimized: null,
      showing: "edit",
      findings: [],
      selected: [],
      open: [],
      connecting: "",
      draft: null,
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
    this.requests += 1;
    this.set({ busy: true });
    try {
      return await this.ask<Answer>(path, body);
    } catch (error) {
      const isConflict = error instanceof Refusal && error.status === 409;
      const reason = error instanceof Refusal ? error.problem : problem(String(error), "reload the page");
      this.set({ problem: reason, ...(isConflict ? { diskChanged: true } : {}) });
      return null;
    } finally {
      this.requests -= 1;
      this.set({ busy: this.requests > 0 });
    }
  }

  /** Do one thing after the other: each starts from what the last one left. */
  private next<Result>(job: () => Promise<Result>): Promise<Result> {
    const result = this.queue.then(job);
    this.queue = result.catch(() => undefined);
    return result;
  }

  private async refresh(change: Partial<Snapshot>, work: Work): Promise<boolean> {
    const view = await this.tell<View>("view", work);
    if (!view) return false;
    this.turn += 1;
    const ids = new Set(view.picture.nodes.map((node) => node.id));
    const selected = (change.selected ?? this.current.selected).filter((id) => ids.has(id));
    this.set({ ...change, view, selected, problem: null, diskChanged: view.on_disk !== view.base });
    this.keep();
    void this.lint();
    if (this.current.pipeline) void this.optimize();
    return true;
  }

  /** Keep the work for the case that the page is loaded again. */
  private keep(): void {
    const { file, view, workflow, actions, sizes, pipeline } = this.current;
    const kept: Kept = { path: file?.path ?? "", base: view?.base ?? "", workflow, actions, sizes, pipeline };
    sessionStorage.setItem(KEPT, JSON.stringify(kept));
  }

  /** Open what was open before the page was loaded again; else the first workflow. */
  async resume(): Promise<void> {
    const { files } = this.current.state;
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null") as Kept | null;
    const file = files.find((entry) => entry.path === kept?.path && entry.workflows.length);
    const first = files.find((entry) => entry.workflows.length) ?? files[0];
    if (kept && file) {
      const { path, base, workflow, actions, sizes, pipeline } = kept;
      const work = { path, base, workflow, actions, pipeline: "", open: [] };
      if (await this.next(() => this.refresh({ file, workflow, actions, sizes, pipeline }, work))) return;
    }
    if (first) await this.openFile(first.path);
  }

  openFile(path: string, workflow = 0): Promise<void> {
    return this.next(async () => {
      const file = this.current.state.files.find((entry) => entry.path === path) ?? null;
      if (!file) return;
      const isOther = this.current.file?.path !== path;
      const change: Partial<Snapshot> = {
        ...{ file, workflow, selected: [], open: [], optimized: null, showing: "edit", connecting: "", draft: null },
        ...(isOther ? { actions: [], sizes: [], undone: [], findings: [] } : {}),
      };
      const work = isOther ? { path, base: "", actions: [] } : {};
      if (!file.problem && (await this.refresh(change, this.work({ ...work, workflow, open: [] })))) return;
      if (isOther) this.set({ ...change, view: null, problem: file.problem ?? this.current.problem });
    });
  }

  select(selected: string[]): void {
    if (selected.join("\n") !== this.current.selected.join("\n")) this.set({ selected });
  }

  /** Show a node that may be inside of graphs which are not open. */
  reveal(id: string): Promise<void> {
    return this.next(async () => {
      const parts = id.split("/");
      const parents = parts.slice(1).map((_, number) => parts.slice(0, number + 1).join("/"));
      const open = [...new Set([...this.current.open, ...parents])];
      if (open.length !== this.current.open.length) await this.refresh({ open }, this.work({ open }));
      this.set({ selected: this.node(id) ? [id] : [] });
    });
  }

  /** Open the graph of a node in place, or close it. */
  toggle(id: string): Promise<boolean> {
    return this.next(() => {
      const isOpen = this.current.open.includes(id);
      const open = isOpen
        ? this.current.open.filter((other) => other !== id && !other.startsWith(`${id}/`))
        : [...this.current.open, id];
      return this.refresh({ open }, this.work({ open }));
    });
  }

  show(showing: Showing): void {
    this.set({ showing, connecting: "" });
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

  /** Carry out actions, as one step of undo; where one is refused, none is kept, and the reason is shown. */
  act(...added: Action[]): Promise<boolean> {
    return this.next(async () => {
      if (this.readOnly) return false;
      const { workflow, sizes, view } = this.current;
      const before = new Set(view?.picture.nodes.map((node) => node.id));
      const actions = [...this.current.actions, ...added.map((action) => ({ ...action, workflow }))];
      const change = { actions, sizes: [...sizes, added.length], undone: [], showing: "edit" as const, connecting: "" };
      const done = await this.refresh(change, this.work({ actions }));
      const nodes = this.current.view?.picture.nodes ?? [];
      const created = done ? nodes.find((node) => node.kind !== "barrier" && !before.has(node.id)) : undefined;
      if (created) this.set({ selected: [created.id] });
      this.say(done ? "done" : `refused: ${this.current.problem?.message ?? ""}`);
      return done;
    });
  }

  undo(): Promise<boolean> {
    return this.next(async () => {
      const { actions, sizes, undone } = this.current;
      const size = sizes.at(-1);
      if (!size) return false;
      const left = actions.slice(0, -size);
      const change = { actions: left, sizes: sizes.slice(0, -1), undone: [...undone, actions.slice(-size)] };
      const done = await this.refresh({ ...change, showing: "edit" }, this.work({ actions: left }));
      if (done) this.say("undone");
      return done;
    });
  }

  redo(): Promise<boolean> {
    return this.next(async () => {
      const { sizes, undone } = this.current;
      const again = undone.at(-1);
      if (!again) return false;
      const actions = [...this.current.actions, ...again];
      const change = { actions, sizes: [...sizes, again.length], undone: undone.slice(0, -1) };
      const done = await this.refresh({ ...change, showing: "edit" }, this.work({ actions }));
      if (done) this.say("done again");
      return done;
    });
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

  /** Begin to add a step of the catalogue; null ends it. */
  plan(draft: Draft | null): void {
    this.set({ draft });
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
    this.keep();
    if (pipeline) await this.optimize();
    else this.set({ optimized: null, showing: "edit" });
  }

  private async optimize(): Promise<void> {
    const { pipeline } = this.current;
    const { turn } = this;
    const optimized = await this.tell<Optimized>("optimize", this.work({ pipeline }));
    if (pipeline !== this.current.pipeline || turn !== this.turn) return;
    this.set(optimized ? { optimized } : { optimized: null, showing: "edit" });
  }

  // The file on disk.

  diff(): Promise<Diff> {
    return this.ask<Diff>("diff", this.work({ pipeline: this.current.pipeline }));
  }

  /** Write the file. What the pipeline changes is in it then, so that the pipeline is switched off. */
  save(): Promise<boolean> {
    return this.next(async () => {
      const saved = await this.tell<Saved>("save", this.work({ pipeline: this.current.pipeline }));
      if (!saved) return false;
      const change = { ...UNCHANGED, pipeline: "", optimized: null, showing: "edit" as const };
      const done = await this.refresh(change, this.work({ base: "", actions: [] }));
      this.say("saved");
      return done;
    });
  }

  /** Carry the same actions out on what is on disk now. */
  reapply(): Promise<boolean> {
    return this.next(() => this.refresh({}, this.work({ base: "" })));
  }

  /** Forget all actions, and show what is on disk. */
  reload(): Promise<boolean> {
    return this.next(() => this.refresh(UNCHANGED, this.work({ base: "", actions: [] })));
  }

  /** Look at the file on disk now and then; returns what ends it. */
  watch(): () => void {
    const timer = setInterval(() => void this.look(), LOOK);
    return () => clearInterval(timer);
  }

  async look(): Promise<void> {
    const { file, view, busy } = this.current;
    if (!file || !view || busy || document.hidden) return;
    const answer = await this.ask<Digest>(`digest?path=${encodeURIComponent(file.path)}`).catch(() => null);
    if (!answer || view !== this.current.view) return;
    const diskChanged = answer.digest !== view.base;
    if (diskChanged !== this.current.diskChanged) this.set({ diskChanged });
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

const UNCHANGED: Partial<Snapshot> = { actions: [], sizes: [], undone: [] };

export function ended(run: RunView): boolean {
  return run.phase === "succeeded" || run.phase === "failed";
}

/** The snapshot of a store, for a component. */
export function useSnapshot(work: WorkStore): Snapshot {
  return useSyncExternalStore(work.subscribe, work.snapshot);
}
