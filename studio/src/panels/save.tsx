// What is about to be saved, first as a diff.

import { useEffect, useState } from "react";
import { Refusal } from "../api";
import type { Diff, Problem } from "../messages";
import { useSnapshot, type WorkStore } from "../work";
import { Dialog } from "./dialog";
import { DiffText } from "./diff";

export function SaveDialog({ work, onClose }: { work: WorkStore; onClose: () => void }) {
  const { view, pipeline, diskChanged, file } = useSnapshot(work);
  const [diff, setDiff] = useState<Diff | null>(null);
  const [refused, setRefused] = useState<Problem | null>(null);
  useEffect(() => {
    work
      .diff()
      .then(setDiff)
      .catch((error: unknown) => error instanceof Refusal && setRefused(error.problem));
  }, [work, view]);
  const save = async () => {
    if (await work.save()) onClose();
  };
  return (
    <Dialog title={`Save ${file?.path ?? ""}`} onClose={onClose}>
      {refused && (
        <p className="note bad" role="alert">
          {refused.message}. {refused.hint}
        </p>
      )}
      {diskChanged && (
        <p className="note bad" role="alert">
          The file changed on disk. Apply your changes to the new text first.
          <button type="button" onClick={() => void work.reapply()}>
            Apply my changes to the new text
          </button>
        </p>
      )}
      {diff && (
        <>
          <p>
            {diff.added} line{diff.added === 1 ? "" : "s"} added, {diff.removed} removed
            {pipeline && `, with what ${pipeline} changes`}.
          </p>
          <DiffText text={diff.diff} />
          <div className="row">
            <button type="button" className="primary" onClick={() => void save()} disabled={diskChanged || !diff.diff}>
              Save
            </button>
          </div>
        </>
      )}
    </Dialog>
  );
}
