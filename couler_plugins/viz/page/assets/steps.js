// Steps: choosing them, walking along edges, finding them by name.

const next = new Map();
const previous = new Map();
const lines = new Map();
for (const path of document.querySelectorAll("[data-edge]")) {
  const [start, end] = path.dataset.edge.split(" ");
  for (const [map, key, value] of [[next, start, { to: end, path }], [previous, end, { to: start, path }]]) {
    if (!map.has(key)) map.set(key, []);
    map.get(key).push(value);
  }
  for (const key of [start, end]) {
    if (!lines.has(key)) lines.set(key, []);
    lines.get(key).push(path);
  }
}

const stepOf = (number) => document.getElementById(`s${number}`);
const numberOf = (step) => step.id.slice(1);
let chosen = null;
let near = [];

function highlight(number) {
  for (const path of near) path.classList.remove("near");
  for (const group of document.querySelectorAll(".lines.dim")) group.classList.remove("dim");
  near = number === null ? [] : lines.get(`${number}`) || [];
  for (const path of near) {
    path.classList.add("near");
    path.parentNode.append(path); // above those that it crosses
  }
  if (near.length) near[0].parentNode.classList.add("dim");
}

function unmark() {
  for (const element of document.querySelectorAll(".chosen, .also")) element.classList.remove("chosen", "also");
  chosen = null;
  highlight(null);
}

// Of all steps of a graph, Tab reaches the one that was last looked at; arrows lead on from there.
function makeReachable(step) {
  const svg = step.closest("svg");
  for (const other of svg.querySelectorAll('.step[tabindex="0"]')) other.setAttribute("tabindex", "-1");
  step.setAttribute("tabindex", "0");
}

function mark(step) {
  chosen = numberOf(step);
  step.classList.add("chosen");
  makeReachable(step);
  highlight(chosen);
}

function chooseStep(number, focus = true) {
  const step = stepOf(number);
  showWhere(step);
  showStep(number);
  unmark();
  mark(step);
  reveal(step);
  if (focus) {
    opener = step;
    step.focus({ preventScroll: true });
  }
}

function chooseDecision(row) {
  const number = Number(row.dataset.decision);
  const target = document.getElementById(row.getAttribute("href").slice(1));
  showDecision(number);
  unmark();
  row.classList.add("chosen");
  for (const other of facts.decisions[number].steps || []) stepOf(other).classList.add("also");
  if (target.classList.contains("step")) {
    showWhere(target);
    mark(target);
    reveal(target);
  } else if (target.classList.contains("panel")) {
    showWhere(target);
    target.scrollIntoView({ block: "nearest" });
  }
}

function chooseNextChange(panel) {
  const changed = [...panel.querySelectorAll(".changed, .added, .removed")];
  const place = changed.findIndex((step) => numberOf(step) === chosen);
  chooseStep(numberOf(changed[(place + 1) % changed.length]), false);
}

document.addEventListener("click", (event) => {
  const row = event.target.closest("a[data-decision]");
  const onward = event.target.closest("[data-next]");
  const link = event.target.closest("a");
  const step = event.target.closest(".step");
  if (onward) {
    chooseNextChange(onward.closest(".panel"));
  } else if (row) {
    event.preventDefault();
    chooseDecision(row);
  } else if (step && !link) {
    chooseStep(numberOf(step));
  }
});
document.addEventListener("pointerover", (event) => {
  const step = event.target.closest(".step");
  highlight(step ? numberOf(step) : chosen);
});
document.addEventListener("focusin", (event) => {
  if (event.target.matches(".step")) highlight(numberOf(event.target));
});

// The steps on the other side of the edges of one; barriers are walked through.
function beyond(map, number) {
  const found = [];
  for (const { to, path } of map.get(number) || []) {
    if (!isShown(path)) continue;
    if (facts.steps[to]) found.push(stepOf(to));
    else found.push(...(map.get(to) || []).filter((edge) => isShown(edge.path)).map((edge) => stepOf(edge.to)));
  }
  return found.filter((step) => step && isShown(step));
}

function beside(step, direction) {
  let other = step[direction];
  while (other && !(other.matches(".step") && isShown(other))) other = other[direction];
  return other;
}

const WAYS = {
  ArrowDown: (step) => beyond(next, numberOf(step))[0],
  ArrowUp: (step) => beyond(previous, numberOf(step))[0],
  ArrowLeft: (step) => beside(step, "previousElementSibling"),
  ArrowRight: (step) => beside(step, "nextElementSibling"),
  Home: (step) => [...step.closest("svg").querySelectorAll(".step")].find(isShown),
  End: (step) => [...step.closest("svg").querySelectorAll(".step")].findLast(isShown),
};

function walk(step, key) {
  const other = WAYS[key](step);
  if (!other) return;
  makeReachable(other);
  other.focus({ preventScroll: true });
  reveal(other);
  if (!details.hidden && chosen) chooseStep(numberOf(other));
}

const search = document.getElementById("search");
let found = [];
let position = 0;

function find() {
  const wanted = search.value.trim().toLowerCase();
  document.body.classList.toggle("searching", wanted !== "");
  found = [];
  for (const step of document.querySelectorAll(".step")) {
    const hit = facts.steps[numberOf(step)].name.toLowerCase().includes(wanted);
    step.classList.toggle("miss", !hit);
    if (hit && wanted && isShown(step)) found.push(step);
  }
  for (const row of document.querySelectorAll("[data-decision]")) {
    row.parentNode.classList.toggle("miss", !row.textContent.toLowerCase().includes(wanted));
  }
  position = -1;
  const count = `${found.length.toLocaleString("en")} found`;
  document.getElementById("matches").textContent = wanted ? count : "";
  if (found.length) reveal(found[0]);
  if (wanted) say(found.length ? `${count}. Enter goes to the next.` : "No step has that in its name.");
}

function findNext(back) {
  if (!found.length) return;
  position = (position + (back ? found.length - 1 : 1)) % found.length;
  chooseStep(numberOf(found[position]), false);
}

search.addEventListener("input", find);
document.addEventListener("versionchange", find);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const step = event.target.closest(".step");
  if (event.target === search) {
    if (event.key === "Enter") findNext(event.shiftKey);
    if (event.key !== "Escape") return;
    search.value = "";
    find();
  } else if (event.key === "/") {
    search.focus();
    search.select();
  } else if (event.key === "Escape") {
    closeDetails();
  } else if (step && WAYS[event.key]) {
    walk(step, event.key);
  } else if (step && (event.key === "Enter" || event.key === " ")) {
    if (event.target.closest("a")) return;
    if (chosen === numberOf(step) && !details.hidden) details.focus();
    else chooseStep(numberOf(step));
  } else {
    return;
  }
  event.preventDefault();
});

// A link to a step, such as page.html#s12, opens it.
const linked = document.getElementById(location.hash.slice(1));
if (linked && linked.matches(".step")) chooseStep(numberOf(linked));
