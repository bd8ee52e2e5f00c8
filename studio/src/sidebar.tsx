// The files and their workflows, and the search for steps.

import { type RefObject, useMemo, useState } from "react";
import { useSnapshot, type WorkStore } from "./work";

const MOST = 12;

export function Files({ work }: { work: WorkStore }) {
  const { state, file, workflow, actions } = useSnapshot(work);
  const open = (path: string, number: number) => {
    const leaves = path !== file?.path && actions.length > 0;
    if (!leaves || confirm("Your changes of this file are not saved. Leave it?")) void work.openFile(path, number);
  };
  return (
    <nav aria-label="Files">
      <ul>
        {state.files.map((entry) => (
          <li key={entry.path}>
            <span className="path" title={entry.path}>
              {entry.path}
            </span>
            {entry.problem && <span className="note bad">cannot be read</span>}
            {!entry.problem && !entry.workflows.length && <span className="note">no workflow</span>}
            <ul>
              {entry.workflows.map((item) => (
                <li key={item.number}>
                  <button
                    type="button"
                    aria-current={entry.path === file?.path && item.number === workflow ? "page" : undefined}
                    onClick={() => open(entry.path, item.number)}
                  >
                    {item.name} <small>{item.kind}</small>
                  </button>
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ul>
      <p className="version">couler {state.version}</p>
    </nav>
  );
}

export function Search({ work, input }: { work: WorkStore; input: RefObject<HTMLInputElement | null> }) {
  const { view, showing, optimized } = useSnapshot(work);
  const [text, setText] = useState("");
  const found = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    const nodes = wanted ? (work.picture?.nodes ?? []) : [];
    return nodes.filter((node) => `${node.label} ${node.detail}`.toLowerCase().includes(wanted) && node.label);
  }, [text, view, showing, optimized, work]);
  const choose = (id: string) => {
    void work.reveal(id);
    setText("");
    document.querySelector<HTMLElement>(".canvas")?.focus();
  };
  return (
    <search>
      <input
        ref={input}
        type="search"
        placeholder="Find a step  /"
        aria-label="Find a step"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          const [first] = found;
          if (event.key === "Enter" && first) choose(first.id);
          if (event.key === "Escape") setText("");
        }}
      />
      {text && (
        <ul className="found">
          {found.slice(0, MOST).map((node) => (
            <li key={node.id}>
              <button type="button" onClick={() => choose(node.id)}>
                {node.label} <small>{node.detail}</small>
              </button>
            </li>
          ))}
          <li className="note">
            {found.length === 0 ? "No step" : found.length > MOST ? `and ${found.length - MOST} more` : ""}
          </li>
        </ul>
      )}
    </search>
  );
}
