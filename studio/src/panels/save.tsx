// What is about to be saved, first as a diff.

import { useEffect, useState } from "react";
import { Refusal, problem as problemOf } from "../api";
import type { Diff, Problem } from "../messages";
import { useSnapshot, type WorkStore } from "../work";
import { Dialog } from "./dialog";
import { DiffText } from "./diff";

export function SaveDialog({ work, onClose }: { work: WorkStore; onClose: () => void }) {
  const { view, pipeline, diskChanged, file, problem, actions, busy } = useSnapshot(work);
  const [diff, setDiff] = useState<Diff | null>(null);
  const [refused, setRefused] = useState<Problem | null>(null);
  const [earlier] = useState(problem); // an edit that was refused is not in what is saved
  useEffect(() => {
    let isLate = false;
    setRefused(null);
    work
      .diff()
      .then((answer) => !isLate && setDiff(answer))
      .catch((error: unknown) => {
        if (isLate) return;
        setDiff(null);
        setRefused(error instanceof Refusal ? error.problem : problemOf(String(error), "close this and try again"));
      });
    return () => {
      isLate = true;
    };
  }, [work, view]);
  const save = async () => {
    if (await work.save()) onClose();
  };
  const wrong = refused ?? (problem === earlier ? null : problem);
  return (
    <Dialog title={`Save ${file?.path ?? ""}`} onClose={onClose}>
      {wrong && (
        <div className="callout bad" role="alert">
          <b>{wrong.message}</b>
          {wrong.line > 0 && ` (line ${wrong.line})`}
          {wrong.hint && <p>What to do: {wrong.hint}.</p>}
        </div>
      )}
      {diskChanged && (
        <div className="callout" role="alert">
          <p>
            <b>The file changed on disk.</b> Somebody saved it after you opened it, so that saving would undo their work.
          </p>
          <div className="row">
            {actions.length > 0 && (
              <button type="button" disabled={busy} onClick={() => void work.reapply()}>
                Apply my changes to the new text
              </button>
            )}
            <button type="button" disabled={busy} onClick={() => void work.reload()}>
              {actions.length ? "Discard my changes" : "Show the new text"}
            </button>
          </div>
        </div>
      )}
      {!diff && !refused && <p className="note">The changed lines are on their way…</p>}
      {diff && (
        <>
          <p role="status">
            {diff.diff ? (
              <>
                Lines: <span className="more">+{diff.added}</span> added, <span className="less">−{diff.removed}</span> removed
                {pipeline && `, with the changes of ${pipeline}`}. All other lines stay as they are.
              </>
            ) : (
              "Nothing differs from the file on disk."
            )}
          </p>
          {diff.diff && <DiffText text={diff.diff} />}
          <div className="row">
            <button
              type="button"
              className="primary"
              onClick={() => void save()}
              disabled={diskChanged || busy || !diff.diff || refused !== null}
            >
              Save
            </button>
            <button type="button" onClick={onClose}>
              Cancel
            </button>
          </div>
        </>
      )}
    </Dialog>
  );
}
