import { expect, test } from "vitest";
import { readPipeline, withPass, writePipeline } from "./pipeline";

test.each([
  "",
  "dedupe",
  "dedupe,cache",
  "cache{policy=scr,capacity=30GB},split{max-steps=200}",
  "dedupe{keep=a|b|c}",
  'tune{task="a b.json",steps=x}',
  './mine.py:Mine{limit=3}',
  "dedupe{keep=}",
])("what is read is written again: %s", (text) => {
  expect(writePipeline(readPipeline(text))).toBe(text);
});

test("quotes and blanks are read", () => {
  expect(readPipeline(" a { x = 'it is' | \"b\\\"c\" } , b ")).toEqual([
    { name: "a", options: [["x", ["it is", 'b"c']]] },
    { name: "b", options: [] },
  ]);
});

test.each(["a b", "a{", "a{x}", "a{x=1", ",a", 'a{x="1}'])("a text that is none is an error: %s", (text) => {
  expect(() => readPipeline(text)).toThrow();
});

test("an optimizer goes before those that have to stand behind it", () => {
  const passes = readPipeline("dedupe,guard");
  expect(writePipeline(withPass(passes, "cache", ["guard"]))).toBe("dedupe,cache,guard");
  expect(writePipeline(withPass(passes, "pin", []))).toBe("dedupe,guard,pin");
});
