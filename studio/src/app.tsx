// The page: files to the left, the graph in the middle, what is chosen to the right.

import { type KeyboardEvent as KeyPress, useEffect, useRef, useState } from "react";
import { Canvas } from "./canvas/canvas";
import type { Problem } from "./messages";
import { AddPanel } from "./panels/add";
import { ConvertDialog } from "./panels/convert";
import { FindingsPanel } from "./panels/findings";
import { GenerateDialog } from "./panels/generate";
import { OptimizePanel } from "./panels/optimize";
import { RunPanel } from "./panels/run";
import { SaveDialog } from "./panels/save";
import { StepPanel } from "./panels/step";
import { Files, Search } from "./sidebar";
import { useSnapshot, type WorkStore } from "./work";

export function Failure({ problem }: { problem: Problem }) {
  return (
    <main className="failure">
      <h1>The studio cannot be used</h1>
      <p>{problem.message}</p>
      {problem.hint && <p>What to do: {problem.hint}.</p>}
    </main>
  );
}

const TABS = ["Step", "Add", "Optimize", "Lint", "Run"] as const;
type Tab = (typeof TABS)[number];
type Dialog = "" | "save" | "convert" | "generate";

export function App({ work }: { work: WorkStore }) {
  const snapshot = useSnapshot(work);
  const { file, view, actions, problem, busy, findings, optimized, message, state, draft } = snapshot;
  const [tab, setTab] = useState<Tab>("Step");
  const [dialog, setDialog] = useState<Dialog>("");
  const search = useRef<HTMLInputElement>(null);
  const wouldSave = actions.length > 0 || Boolean(optimized?.diff);
  const canSave = Boolean(file?.editable && wouldSave);

  useEffect(() => work.watch(), [work]);
  useEffect(() => {
    if (snapshot.selected.length) setTab((old) => (old === "Add" ? "Step" : old));
  }, [snapshot.selected]);
  useEffect(() => {
    if (draft) setTab("Add");
  }, [draft]);

  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      const isTyping = target.matches("input:not([type=checkbox]), textarea, select");
      const control = event.ctrlKey || event.metaKey;
      if (control && event.key.toLowerCase() === "s") {
        if (canSave) setDialog("save");
      } else if (control && event.key.toLowerCase() === "z" && !isTyping) {
        void (event.shiftKey ? work.redo() : work.undo());
      } else if (event.key === "/" && !isTyping && !control) search.current?.focus();
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [work, canSave]);

  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => {
      if (actions.length) event.preventDefault();
    };
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, [actions.length]);

  const moveTab = (event: KeyPress) => {
    const at = TABS.indexOf(tab);
    const name = TABS.at({ ArrowLeft: at - 1, ArrowRight: (at + 1) % TABS.length, Home: 0, End: -1 }[event.key] ?? TABS.length);
    if (!name) return;
    event.preventDefault();
    setTab(name);
    document.getElementById(`tab-${name}`)?.focus();
  };

  const errors = findings.filter((finding) => finding.severity === "error").length;
  const counts: Partial<Record<Tab, string>> = { Lint: findings.length ? `${findings.length}` : "" };
  return (
    <div className="page">
      <header>
        <h1>
          couler studio <small>{file ? file.path : state.folder}</small>
        </h1>
        <Search work={work} input={search} />
        <div className="tools" role="toolbar" aria-label="Work">
          <button type="button" onClick={() => void work.undo()} disabled={!work.canUndo} title="Ctrl+Z">
            Undo
          </button>
          <button type="button" onClick={() => void work.redo()} disabled={!work.canRedo} title="Ctrl+Shift+Z">
            Redo
          </button>
          <button type="button" onClick={() => setDialog("convert")} disabled={!view}>
            Convert…
          </button>
          {state.generates && (
            <button type="button" onClick={() => setDialog("generate")}>
              Generate…
            </button>
          )}
          <button type="button" className="primary" onClick={() => setDialog("save")} disabled={!canSave} title="Ctrl+S">
            Save…
          </button>
        </div>
      </header>
      <Files work={work} />
      <main aria-busy={busy}>
        <Notices work={work} problem={problem} />
        {view ? <Canvas work={work} /> : <p className="empty">{file ? "" : "Choose a workflow."}</p>}
        <Versions work={work} />
      </main>
      <aside id="panel" aria-label="Details">
        <div className="tabs" role="tablist" aria-label="Details">
          {TABS.map((name) => (
            <button
              key={name}
              type="button"
              role="tab"
              id={`tab-${name}`}
              aria-selected={tab === name}
              aria-controls="tab-panel"
              tabIndex={tab === name ? 0 : -1}
              onClick={() => setTab(name)}
              onKeyDown={moveTab}
            >
              {name}
              {counts[name] && <span className={errors && name === "Lint" ? "count bad" : "count"}>{counts[name]}</span>}
            </button>
          ))}
        </div>
        <div key={tab} className="panel" role="tabpanel" id="tab-panel" aria-labelledby={`tab-${tab}`}>
          {tab === "Step" && <StepPanel work={work} />}
          {tab === "Add" && <AddPanel work={work} onDone={() => setTab("Step")} />}
          {tab === "Optimize" && <OptimizePanel work={work} />}
          {tab === "Lint" && <FindingsPanel work={work} />}
          {tab === "Run" && <RunPanel work={work} />}
        </div>
      </aside>
      {dialog === "save" && <SaveDialog work={work} onClose={() => setDialog("")} />}
      {dialog === "convert" && <ConvertDialog work={work} onClose={() => setDialog("")} />}
      {dialog === "generate" && <GenerateDialog work={work} onClose={() => setDialog("")} />}
      <p className="unseen" role="status">
        {message}
      </p>
    </div>
  );
}

function Notices({ work, problem }: { work: WorkStore; problem: Problem | null }) {
  const { diskChanged, connecting, file, actions } = useSnapshot(work);
  return (
    <div className="notices">
      {problem && (
        <div className="notice bad" role="alert">
          <p>
            <b>{problem.message}</b>
            {problem.line > 0 && ` (line ${problem.line})`}
            {problem.hint && <span> — {problem.hint}</span>}
          </p>
          <button type="button" onClick={() => work.clearProblem()}>
            Close
          </button>
        </div>
      )}
      {diskChanged && (
        <div className="notice warn" role="alert" id="disk-changed">
          <p>
            <b>The file changed on disk.</b>
          </p>
          {actions.length > 0 && (
            <button type="button" onClick={() => void work.reapply()}>
              Apply my changes to the new text
            </button>
          )}
          <button type="button" onClick={() => void work.reload()}>
            {actions.length ? "Discard my changes" : "Reload"}
          </button>
        </div>
      )}
      {connecting && (
        <div className="notice">
          <p>
            Choose the step that waits for <b>{work.node(connecting)?.label}</b>.
          </p>
          <button type="button" onClick={() => work.stopConnecting()}>
            Cancel
          </button>
        </div>
      )}
      {file && !file.editable && !problem && (
        <div className="notice">
          <p>You can look, and not edit: {file.reason}.</p>
        </div>
      )}
    </div>
  );
}

function Versions({ work }: { work: WorkStore }) {
  const { optimized, showing } = useSnapshot(work);
  if (!optimized) return null;
  return (
    <fieldset className="versions">
      <legend className="unseen">Version</legend>
      {(["edit", "before", "after"] as const).map((name) => (
        <label key={name}>
          <input type="radio" name="version" checked={showing === name} onChange={() => work.show(name)} />
          {name === "edit" ? "Edit" : name === "before" ? "Before" : "After"}
        </label>
      ))}
    </fieldset>
  );
}
