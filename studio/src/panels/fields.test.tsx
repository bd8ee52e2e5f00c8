import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import type { FieldValue, FormField, Reference } from "../messages";
import { Field } from "./fields";
import { field } from "./testing";

afterEach(cleanup);

/** Show a field, and return what it sends. */
function show(more: Partial<FormField>, refusal = "") {
  const sent = vi.fn();
  const onChange = async (value: FieldValue | Reference) => {
    sent(value);
    return refusal;
  };
  render(<Field field={field(more)} onChange={onChange} />);
  return sent;
}

const write = (label: string, text: string) => fireEvent.change(screen.getByLabelText(label), { target: { value: text } });
const leave = (label: string) => fireEvent.blur(screen.getByLabelText(label));

test.each<[string, Partial<FormField>, string, FieldValue]>([
  ["a text", { value: "a:1" }, "a:2", "a:2"],
  ["a text that is removed", { value: "a:1" }, "", null],
  ["a number", { type: "number", value: 2 }, "3", 3],
  ["what is no number, for the server to refuse", { type: "number", value: 2 }, "many", "many"],
  ["lines", { type: "lines", value: ["a"] }, "a\nb c", ["a", "b c"]],
  ["lines that were numbers", { type: "lines", value: [1, 2] }, "1\n3", [1, 3]],
  ["code", { type: "code", value: "a" }, "a\n  b", "a\n  b"],
])("%s is sent once, when it is left", (_, more, text, value) => {
  const sent = show(more);
  leave("Image");
  expect(sent).not.toHaveBeenCalled();
  write("Image", text);
  fireEvent.keyDown(screen.getByLabelText("Image"), { key: "Enter" });
  leave("Image");
  leave("Image");
  expect(sent.mock.calls).toEqual([[value]]);
});

test("a text of several lines stays one", () => {
  const sent = show({ type: "lines", value: ["-c", "a\nb"] });
  write("Image: 2", "a\nc");
  leave("Image: 2");
  write("Image: one more", "d");
  leave("Image: one more");
  write("Image", "");
  leave("Image");
  expect(sent.mock.calls).toEqual([[["-c", "a\nc"]], [["-c", "a\nb", "d"]], [["a\nb"]]]);
});

test("a variable of several lines stays one", () => {
  show({ type: "pairs", value: { A: "a\nb", B: "c" } });
  const fields = ["A", "B"].map((name) => screen.getByLabelText<HTMLInputElement>(`Image: value of ${name}`));
  expect(fields.map((field) => [field.tagName, field.value])).toEqual([
    ["TEXTAREA", "a\nb"],
    ["INPUT", "c"],
  ]);
});

test("Escape takes back what is written", () => {
  const sent = show({ value: "a:1" });
  write("Image", "b");
  fireEvent.keyDown(screen.getByLabelText("Image"), { key: "Escape" });
  leave("Image");
  expect(sent).not.toHaveBeenCalled();
  expect((screen.getByLabelText("Image") as HTMLInputElement).value).toBe("a:1");
});

test("a refusal stands at its field, and is not sent again", async () => {
  const sent = show({ value: "a:1" }, "no such image");
  write("Image", "b");
  leave("Image");
  expect(await screen.findByText("Refused: no such image")).toBeTruthy();
  leave("Image");
  expect(sent).toHaveBeenCalledTimes(1);
});

test("a choice is sent at once", () => {
  const sent = show({ type: "choice", value: "pure", choices: ["", "pure", "never"] });
  write("Image", "never");
  write("Image", "");
  expect(sent.mock.calls).toEqual([["never"], [null]]);
});

test("pairs are sent when their row is left", () => {
  const sent = show({ type: "pairs", label: "Limits", value: { cpu: "1" } });
  fireEvent.click(screen.getByText("Add to limits"));
  const [name, value] = [screen.getAllByLabelText("Limits: name")[1], screen.getByLabelText("Limits: value of the new name")];
  fireEvent.change(name as HTMLElement, { target: { value: "memory" } });
  fireEvent.blur(name as HTMLElement, { relatedTarget: value });
  expect(sent).not.toHaveBeenCalled();
  fireEvent.change(value as HTMLElement, { target: { value: "1Gi" } });
  fireEvent.blur(value as HTMLElement, { relatedTarget: document.body });
  expect(sent.mock.calls).toEqual([[{ cpu: "1", memory: "1Gi" }]]);
});

test("a name that stands twice is told, and not sent", () => {
  const sent = show({ type: "pairs", label: "Limits", value: { cpu: "1", memory: "2" } });
  const second = screen.getAllByLabelText("Limits: name")[1] as HTMLElement;
  fireEvent.change(second, { target: { value: "cpu" } });
  fireEvent.blur(second);
  expect(sent).not.toHaveBeenCalled();
  expect(screen.getByText(/cpu stands twice/)).toBeTruthy();
});

test("a pair is removed", () => {
  const sent = show({ type: "pairs", label: "Limits", value: { cpu: "1", memory: "2" } });
  fireEvent.click(screen.getByLabelText("Remove cpu from limits"));
  expect(sent.mock.calls).toEqual([[{ memory: "2" }]]);
});

test("a comparison is sent once it says with what", () => {
  const sent = show({ type: "comparison", label: "Only if", choices: ["load.rows"] });
  write("Only if: what is compared", "load.rows");
  write("Only if: how it is compared", "!=");
  expect(sent).not.toHaveBeenCalled();
  write("Only if: the constant", "0");
  leave("Only if: the constant");
  expect(sent.mock.calls).toEqual([[{ left: "load.rows", op: "!=", right: "0" }]]);
});

test("a comparison is changed and removed", () => {
  const sent = show({ type: "comparison", label: "Only if", value: { left: "a.b", op: "==", right: "x" }, choices: ["c.d"] });
  write("Only if: how it is compared", "!=");
  write("Only if: what is compared", "");
  expect(sent.mock.calls).toEqual([[{ left: "a.b", op: "!=", right: "x" }], [null]]);
});

test("items are a list, a reference, or none", () => {
  const sent = show({ type: "items", label: "Once for each", value: [1, 2], choices: ["load.rows"] });
  write("Once for each: items, one a line", "1\n2\n5\n");
  leave("Once for each: items, one a line");
  write("Once for each: how often", "reference");
  write("Once for each: reference", "load.rows");
  write("Once for each: how often", "once");
  expect(sent.mock.calls).toEqual([[[1, 2, 5]], ["load.rows"], [null]]);
});

test("a value is a constant or a reference", () => {
  const sent = show({ field: "input", type: "value", label: "rows", value: 3, choices: ["load.rows"] });
  write("rows: constant", "4");
  leave("rows: constant");
  write("rows: a constant or a reference", "reference");
  write("rows: reference", "load.rows");
  expect(sent.mock.calls).toEqual([[4], [{ from: "load.rows" }]]);
});

test("what cannot be edited has no field, and says why", () => {
  show({ value: "<b>a</b>", editable: false, reason: "it is computed" });
  expect(screen.getByText("Not editable: it is computed")).toBeTruthy();
  expect(screen.getByText("<b>a</b>")).toBeTruthy();
  expect(document.querySelector("input, textarea")).toBeNull();
});
