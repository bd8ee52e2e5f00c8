import "@xyflow/react/dist/style.css";
import "./theme.css";
import { createRoot } from "react-dom/client";
import { Refusal, asker, takeToken } from "./api";
import { App, Failure } from "./app";
import type { State } from "./messages";
import { WorkStore } from "./work";

async function begin(): Promise<void> {
  const root = createRoot(document.getElementById("root") as HTMLElement);
  const ask = asker(takeToken());
  try {
    const state = await ask<State>("state");
    const work = new WorkStore(ask, state);
    document.title = `${state.folder} – couler studio`;
    root.render(<App work={work} />);
    await work.resume();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    root.render(<Failure problem={error.problem} />);
  }
}

void begin();
