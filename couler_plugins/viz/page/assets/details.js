// What is known of a step or a decision, beside the graphs.

const details = document.getElementById("details");
let opener = null;

function make(tag, className, ...content) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...content.filter((item) => item !== null && item !== ""));
  return element;
}

function button(className, text, action) {
  const element = make("button", className, text);
  element.type = "button";
  element.addEventListener("click", action);
  return element;
}

function open(title, ...content) {
  if (details.hidden) opener = document.activeElement;
  const head = make("header", "", make("h2", "", title), button("", "Close", closeDetails));
  details.replaceChildren(head, ...content.filter(Boolean));
  details.hidden = false;
  details.scrollTop = 0;
}

function closeDetails() {
  if (details.hidden) return;
  details.hidden = true;
  unmark();
  (opener && opener.isConnected ? opener : document.getElementById("changes")).focus({ preventScroll: true });
}

function part(title, ...content) {
  return content.length ? make("section", "", make("h3", "", title), ...content) : null;
}

function diffs(numbers) {
  return numbers.map((number) => {
    const lines = facts.hunks[number].split("\n").map((line) => {
      const kind = { "-": "gone", "+": "come", "@": "place" }[line[0]] || "";
      return make("span", kind, kind === "place" ? line.replaceAll("@@", "").trim() : `${line[0] || " "} ${line.slice(1)}`);
    });
    const block = make("pre", "diff", ...lines);
    block.tabIndex = 0;
    block.setAttribute("role", "group");
    block.setAttribute("aria-label", "Changed lines");
    return block;
  });
}

function figures(pairs = []) {
  return pairs.length ? make("p", "by", pairs.map(([name, value]) => `${name} ${value}`).join(" · ")) : null;
}

function decisionText(number) {
  const { optimizer, action, reason, figures: pairs } = facts.decisions[number];
  const by = make("p", "by", make("code", "", optimizer));
  const what = make("p", "", make("b", "", action || "left alone"), reason ? `: ${reason}` : "");
  return make("div", "decision", by, what, figures(pairs) || "");
}

function factRows(step) {
  const before = new Map(step.before || []);
  const list = make("dl", "");
  const add = (label, ...content) => list.append(make("dt", "", label), make("dd", "", ...content));
  for (const [label, value] of step.facts || []) {
    const old = before.get(label);
    before.delete(label);
    if (!step.before || old === value) add(label, value);
    else add(label, old === undefined ? "" : make("del", "", old), old === undefined ? "" : "\n", make("ins", "", value));
  }
  for (const [label, old] of before) add(label, make("del", "", old));
  return list;
}

function stepLinks(numbers, limit = 60) {
  const named = numbers.slice(0, limit).map((number) => {
    const { graph, name } = facts.steps[number];
    return button("", graph ? `${graph}/${name}` : name, () => chooseStep(number));
  });
  const more = numbers.length - named.length;
  return make("div", "others", ...named, more > 0 ? make("span", "count", `and ${more.toLocaleString("en")} more`) : "");
}

function showStep(number) {
  const step = facts.steps[number];
  const decisions = step.decisions || [];
  const acted = decisions.filter((item) => facts.decisions[item].action);
  const kept = decisions.filter((item) => !facts.decisions[item].action);
  const badge = step.status ? make("span", `badge ${step.status}`, step.status) : null;
  const where = make("p", "count", [step.graph && `a step of ${step.graph}`, step.part && `in ${step.part}`].filter(Boolean).join(", "), " ", badge || "");
  const called = step.opens === undefined ? null : make("a", "", "Go to the graph that it calls");
  if (called) called.href = `#g${step.opens}`;
  open(
    step.name,
    where,
    called,
    part("What was done", ...acted.map(decisionText)),
    part("Changed lines", ...diffs(step.hunks || [])),
    part("The step", factRows(step)),
    part("Left alone", ...kept.map(decisionText)),
  );
  say(`${step.name}${step.status ? `, ${step.status}` : ""}. Details are open: Enter again goes there, Escape closes them.`);
}

function showDecision(number) {
  const { workflow, subject, steps = [], hunks = [] } = facts.decisions[number];
  open(
    subject || workflow,
    part("What was done", decisionText(number)),
    steps.length ? part(steps.length > 1 ? "Steps" : "Step", stepLinks(steps)) : null,
    part("Changed lines", ...diffs(hunks.slice(0, 40))),
    hunks.length > 40 ? make("p", "count", `and ${hunks.length - 40} more pieces`) : null,
  );
  say(`${subject || workflow}: ${facts.decisions[number].action}. Details are open; Escape closes them.`);
}
