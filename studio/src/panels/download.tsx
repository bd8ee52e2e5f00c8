// A text that the page was given: to look at, to copy, to keep.

import { useState } from "react";
import { TextRegion } from "./diff";

export function TextResult({ text, engine, label }: { text: string; engine: string; label: string }) {
  const [said, setSaid] = useState("");
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setSaid("Copied."),
      () => setSaid("The browser does not allow to copy: select the text instead."),
    );
  return (
    <>
      <div className="row">
        <button type="button" onClick={() => void copy()}>
          Copy
        </button>
        <button type="button" onClick={() => download(text, engine)}>
          Download
        </button>
        <span className="note" role="status">
          {said}
        </span>
      </div>
      <TextRegion label={label}>{text}</TextRegion>
    </>
  );
}

/** Let the browser save a text as a file. */
export function download(text: string, engine: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = engine === "airflow" ? "workflow.py" : "workflow.yaml";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000); // some browsers read it only after the click
}
