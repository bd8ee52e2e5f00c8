import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { AddPanel } from "./add";
import { ConvertDialog } from "./convert";
import { OptimizePanel } from "./optimize";
import { RunPanel, readParameters } from "./run";
import { SaveDialog } from "./save";
import { StepPanel } from "./step";
import { field, form, OPTIMIZED, open, refusal } from "./testing";

afterEach(cleanup);

const write = (label: string | RegExp, text: string) =>
  fireEvent.change(screen.getByLabelText(label), { target: { value: text } });
/** Find a button by its name; `getByRole` computes the style of every element, which takes seconds in jsdom. */
const button = (name: string) =>
  [...document.querySelectorAll("button")].find(
    (item) => (item.getAttribute("aria-label") ?? item.textContent) === name,
  ) as HTMLButtonElement;
const press = (name: string) => fireEvent.click(button(name));

async function openStep(answers: Record<string, unknown>) {
  const opened = await open(answers);
  render(<StepPanel work={opened.work} />);
  act(() => opened.work.select(["load"]));
  await screen.findByText("load", { selector: "h2" });
  return opened;
}

test("the form of a step sends actions on it", async () => {
  const fields = [
    field({ value: "a:1", container: "side" }),
    field({ field: "input", name: "rows", label: "rows", type: "value", choices: ["inputs.n"] }),
  ];
  const { actions } = await openStep({ step: form({ fields, waits_for: ["train"] }) });
  write("Image (side)", "a:2");
  fireEvent.blur(screen.getByLabelText("Image (side)"));
  write("rows: a constant or a reference", "reference");
  write("rows: reference", "inputs.n");
  press("Wait no longer for train");
  const place = { workflow: 0, graph: "main" };
  await waitFor(() =>
    expect(actions()).toEqual([
      { do: "set", ...place, step: "load", field: "image", value: "a:2", container: "side" },
      { do: "pass", ...place, step: "load", input: { name: "rows", from: "inputs.n" } },
      { do: "disconnect", ...place, source: "train", target: "load" },
    ]),
  );
});

test("a step waits for another, and is renamed, copied and deleted", async () => {
  const { actions } = await openStep({});
  write("Wait for another step", "train");
  write(/^Name of the step/, "train");
  expect(screen.getByText("Another step has this name.")).toBeTruthy();
  expect(button("Rename").disabled).toBe(true);
  write(/^Name of the step/, "fetch");
  for (const name of ["Rename", "Copy under this name", "Delete"]) press(name);
  const place = { workflow: 0, graph: "main" };
  await waitFor(() =>
    expect(actions()).toEqual([
      { do: "connect", ...place, source: "train", target: "load" },
      { do: "rename", ...place, step: "load", name: "fetch" },
      { do: "copy", ...place, step: "load", name: "fetch" },
      { do: "delete", ...place, step: "load" },
    ]),
  );
});

test("the form says what is shared, found and refused", async () => {
  const { work } = await openStep({
    step: form({ fields: [field({ value: "a" })], shared: ["main/other"], can_delete: "it is the only one" }),
    lint: { findings: [{ severity: "error", message: "no tag", hint: "", line: 3, node: "load", code: "tag" }] },
  });
  await screen.findByText("no tag");
  expect(screen.getByText(/also changes another step/).textContent).toContain("main/other");
  expect(screen.getByText("It cannot be deleted: it is the only one.")).toBeTruthy();
  vi.spyOn(work, "act").mockImplementation(async () => false);
  write("Image", "b");
  fireEvent.blur(screen.getByLabelText("Image"));
  expect(await screen.findByText(/^Refused:/)).toBeTruthy();
});

const CATALOGUE = {
  ...{ name: "split-table", description: "Splits a `table`.", group: "prepare", tags: ["csv"] },
  inputs: [
    { name: "data", description: "", type: "artifact", default: null, choices: [] },
    { name: "share", description: "", type: "float", default: "0.8", choices: [] },
    { name: "how", description: "", type: "text", default: "rows", choices: ["rows", "groups"] },
    { name: "packages", description: "", type: "list", default: "a, b", choices: [] },
  ],
  outputs: [],
};

test("a ready-made step is added by one action", async () => {
  const { work, actions } = await open({}, { catalogue: [CATALOGUE, { ...CATALOGUE, name: "other", tags: [] }] });
  const onDone = vi.fn();
  render(<AddPanel work={work} onDone={onDone} />);
  write("Find a ready-made step", "split CSV");
  expect(screen.getByText("1 step fit")).toBeTruthy();
  fireEvent.click(screen.getByText("split-table"));
  expect(button("Add the step").disabled).toBe(true);
  write("data: reference", "load.rows");
  fireEvent.click(screen.getByLabelText(/all inputs/));
  write("how", "groups");
  write("packages", "a\nc");
  fireEvent.blur(screen.getByLabelText("packages"));
  write("share", "0.80");
  write("share", "0.8");
  fireEvent.blur(screen.getByLabelText("share"));
  write("Wait for a step", "train");
  press("Add the step");
  await waitFor(() => expect(onDone).toHaveBeenCalled());
  const inputs = [
    { name: "data", from: "load.rows" },
    { name: "how", value: "groups" },
    { name: "packages", value: ["a", "c"] },
  ];
  expect(actions()).toEqual([
    { do: "add", workflow: 0, graph: "main", step: "split-table", use: "split-table", inputs, needs: ["train"] },
  ]);
});

const OPTIMIZERS = [
  {
    ...{ name: "cache", description: "", owner: "optimizers", before: ["guard"] },
    options: [
      { name: "capacity", description: "", type: "text", default: "none", choices: [] },
      { name: "strict", description: "", type: "bool", default: "false", choices: [] },
      { name: "keep", description: "", type: "list", default: "", choices: [] },
    ],
  },
  { name: "guard", description: "", owner: "optimizers", before: [], options: [] },
  {
    ...{ name: "pin", description: "", owner: "their-plugin", before: [] },
    options: [{ name: "map", description: "", type: "text", default: null, choices: [] }],
  },
];

test("a pipeline is put together by switches and options", async () => {
  const { work } = await open({}, { optimizers: OPTIMIZERS });
  render(<OptimizePanel work={work} />);
  const pipeline = () => work.snapshot().pipeline;
  const flip = (name: string) => act(async () => document.querySelector<HTMLElement>(`[name=${name}]`)?.click());
  expect(screen.getByText("plugin their-plugin")).toBeTruthy();
  await flip("guard");
  await flip("cache");
  expect(pipeline()).toBe("cache,guard");
  await act(async () => press("Run guard earlier"));
  expect(pipeline()).toBe("guard,cache");
  await act(async () => void write("strict", "true"));
  write("keep", "a b\nc");
  await act(async () => void fireEvent.blur(screen.getByLabelText("keep")));
  write("capacity", "1|2");
  await act(async () => void fireEvent.blur(screen.getByLabelText("capacity")));
  expect(pipeline()).toBe('guard,cache{strict=true,keep="a b"|c,capacity="1|2"}');
  await act(async () => void write("strict", "false"));
  await flip("guard");
  expect(pipeline()).toBe('cache{keep="a b"|c,capacity="1|2"}');
  await flip("pin");
  expect(pipeline()).not.toContain("pin");
  expect(screen.getByText("It runs once you give map.")).toBeTruthy();
  write(/^map/, "digests.json");
  await act(async () => void fireEvent.blur(screen.getByLabelText(/^map/)));
  expect(pipeline()).toContain(",pin{map=digests.json}");
  write("Pipeline", "guard,");
  await act(async () => void fireEvent.blur(screen.getByLabelText("Pipeline")));
  expect(screen.getByText(/^It is no pipeline/)).toBeTruthy();
  write("Pipeline", "guard");
  await act(async () => void fireEvent.blur(screen.getByLabelText("Pipeline")));
  expect(pipeline()).toBe("guard");
});

test("decisions select their steps, and refusals stand apart", async () => {
  const decision = { optimizer: "guard", subject: "main/load", action: "retries 2", reason: "r", figures: [], nodes: ["load", "train"] };
  const decisions = [decision, { ...decision, subject: "main/train", action: "", reason: "it has retries" }];
  const costs: [string, string, string][] = [["a: USD", "2", "1"]];
  const { work } = await open({ optimize: { ...OPTIMIZED, decisions, costs } }, { optimizers: OPTIMIZERS });
  render(<OptimizePanel work={work} />);
  await act(() => work.setPipeline("guard"));
  expect(screen.getByText("1 change, 1 refusal.")).toBeTruthy();
  expect(screen.getByText("1 refusal, with reasons").parentElement?.textContent).toContain("it has retries");
  expect(screen.getByText("a: USD").parentElement?.textContent).toBe("a: USD21");
  await act(async () => press("main/load"));
  expect(work.snapshot().selected).toEqual(["load", "train"]);
});

test("a pipeline that is refused says so in the panel", async () => {
  const { work } = await open({ optimize: refusal("no history is known") }, { optimizers: OPTIMIZERS });
  render(<OptimizePanel work={work} />);
  await act(() => work.setPipeline("guard"));
  expect(screen.getByText("Refused: no history is known")).toBeTruthy();
});

test("saving shows the lines first", async () => {
  const { work, asked } = await open();
  const onClose = vi.fn();
  render(<SaveDialog work={work} onClose={onClose} />);
  expect((await screen.findByText(/removed/)).textContent).toContain("+1 added, −1 removed");
  expect(screen.getByText("+image: b").className).toBe("more");
  expect(screen.getByText("-image: a").className).toBe("less");
  expect(screen.getByText("+++ a").className).toBe("place");
  expect(asked.mock.calls.some(([path]) => path === "save")).toBe(false);
  press("Save");
  await waitFor(() => expect(onClose).toHaveBeenCalled());
});

test("an edit that was refused before does not look like a refused save", async () => {
  const { work } = await open();
  work.refuse("it would wait for itself", "");
  render(<SaveDialog work={work} onClose={vi.fn()} />);
  await screen.findByText("+image: b");
  expect(screen.queryByText("it would wait for itself")).toBeNull();
});

test("a file that changed on disk is not saved", async () => {
  const { work, asked } = await open({ save: refusal("the file changed on disk", "", 409) });
  const onClose = vi.fn();
  render(<SaveDialog work={work} onClose={onClose} />);
  await screen.findByText("+image: b");
  press("Save");
  await screen.findByText("The file changed on disk.");
  expect(onClose).not.toHaveBeenCalled();
  expect(button("Save").disabled).toBe(true);
  press("Show the new text");
  await waitFor(() => expect(asked.mock.calls.filter(([path]) => path === "view")).toHaveLength(2));
  await waitFor(() => expect(screen.queryByText("The file changed on disk.")).toBeNull());
});

test("a dialog is closed by Escape", async () => {
  const { work } = await open();
  const onClose = vi.fn();
  render(<ConvertDialog work={work} onClose={onClose} />);
  fireEvent(document.querySelector("dialog") as HTMLElement, new Event("cancel", { cancelable: true }));
  expect(onClose).toHaveBeenCalled();
});

test("a conversion lists its differences, and a refusal has no text", async () => {
  const answers: Record<string, unknown> = { convert: { text: "with DAG():", differences: [["run", "a: quota"]] } };
  const { work, asked } = await open(answers);
  render(<ConvertDialog work={work} onClose={vi.fn()} />);
  expect(screen.queryByText("argo", { selector: "option" })).toBeNull();
  write("Where the engine lacks a feature", "warn");
  press("Convert");
  await screen.findByText("Converted to airflow with 1 difference.");
  expect(asked.mock.calls.find(([path]) => path === "convert")?.[1]).toMatchObject({ to: "airflow", on_unsupported: "warn" });
  expect(screen.getByText("with DAG():")).toBeTruthy();
  answers["convert"] = { text: "", differences: [["refused", "a loop"]] };
  press("Convert");
  await screen.findByText(/is refused\. Choose/);
  expect(button("Copy")).toBeUndefined();
});

test("parameters are lines of names and values", () => {
  expect(readParameters("a=1\n\n b = x=y ")).toEqual({ parameters: { a: "1", b: "x=y" }, wrong: "" });
  expect(readParameters("a=1\nabc").wrong).toBe("abc");
});

test("a run is submitted, shown by step, and stopped", async () => {
  const run = {
    ...{ run: "r1", engine: "argo", place: "ns/a-1", phase: "running", message: "", outputs: {} },
    steps: [{ step: "load", node: "load", phase: "failed", message: "exit 1", has_log: true }],
  };
  const { work, asked } = await open({
    runs: run,
    "runs/r1/log": { lines: ["no file"], note: "" },
    "runs/r1/stop": { ...run, phase: "failed", message: "stopped" },
  });
  render(<RunPanel work={work} />);
  write("Namespace", "ns");
  write("Parameters", "n=3");
  press("Submit");
  await screen.findByText("failed: exit 1", { exact: false });
  const request = { namespace: "ns", context: "", local: false, parameters: { n: "3" } };
  expect(asked.mock.calls.find(([path]) => path === "runs")?.[1]).toMatchObject(request);
  press("Log of load");
  expect(await screen.findByText("no file")).toBeTruthy();
  press("Stop the run");
  await screen.findByText("stopped", { exact: false });
  press("Close this run");
  expect(button("Submit")).toBeTruthy();
});
