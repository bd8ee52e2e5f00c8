"use strict";
// What is seen: the version, the theme, and how large each graph is.

const facts = JSON.parse(document.getElementById("facts").textContent);
const root = document.documentElement;

function say(text) {
  document.getElementById("said").textContent = text;
}

function isShown(element) {
  const version = `v${document.body.dataset.version}`;
  const holder = element.closest(".panel");
  return [element, holder].every((part) => !part || !part.classList.contains("vx") || part.classList.contains(version));
}

function showVersion(version) {
  document.body.dataset.version = version;
  for (const input of document.querySelectorAll("[name=version]")) input.checked = input.value === `${version}`;
  say(`Showing: ${facts.versions[version]}`);
  document.dispatchEvent(new Event("versionchange"));
}

// A step that an optimizer added or removed is not in every version: shows one that has it.
function showWhere(element) {
  for (const part of [element.closest(".panel"), element]) {
    if (!isShown(part)) showVersion(Number([...part.classList].find((name) => /^v\d+$/.test(name)).slice(1)));
  }
}

for (const input of document.querySelectorAll("[name=version]")) {
  input.addEventListener("change", () => showVersion(Number(input.value)));
}

const theme = document.getElementById("theme");
theme.addEventListener("click", () => {
  const themes = ["auto", "light", "dark"];
  const next = themes[(themes.indexOf(root.dataset.theme || "auto") + 1) % themes.length];
  root.dataset.theme = next;
  theme.textContent = `Theme: ${next}`;
});

function scaleOf(view) {
  return Number(view.dataset.scale || 1);
}

// Makes a graph larger or smaller around a point of its view, given from the top left of the view.
function zoom(view, wanted, x = view.clientWidth / 2, y = 0) {
  const svg = view.querySelector("svg");
  const box = svg.viewBox.baseVal;
  const scale = Math.min(2, Math.max(0.02, wanted));
  const ratio = scale / scaleOf(view);
  const left = (view.scrollLeft + x) * ratio - x;
  const top = (view.scrollTop + y) * ratio - y;
  svg.setAttribute("width", Math.round(box.width * scale));
  svg.setAttribute("height", Math.round(box.height * scale));
  view.dataset.scale = scale;
  view.classList.toggle("far", scale < 0.45);
  view.classList.toggle("farther", scale < 0.25);
  view.scrollTo(left, top);
}

function widthScale(view) {
  const room = view.clientWidth - parseFloat(getComputedStyle(view).paddingRight);
  return room / view.querySelector("svg").viewBox.baseVal.width;
}

// The whole graph where something can still be told apart then; of a long one, the whole width.
function fit(view) {
  zoom(view, 1); // a view is no higher than its graph, up to its limit
  const whole = Math.min(1, widthScale(view), view.clientHeight / view.querySelector("svg").viewBox.baseVal.height);
  zoom(view, whole > 0.15 ? whole : Math.min(1, widthScale(view)));
}

// Beside a graph that has to be scrolled: where its changes are.
function addRuler(view) {
  const box = view.querySelector("svg").viewBox.baseVal;
  const ticks = new Map();
  for (const step of view.querySelectorAll(".changed, .added, .removed")) {
    const y = step.transform.baseVal[0].matrix.f / box.height;
    ticks.set(Math.round(y * 400), step.classList[1]);
  }
  if (!ticks.size || view.scrollHeight < 1.5 * view.clientHeight) return;
  const ruler = document.createElement("div");
  ruler.className = "ruler";
  ruler.setAttribute("aria-hidden", "true");
  for (const [place, status] of ticks) {
    const tick = document.createElement("i");
    tick.className = status;
    tick.style.top = `${place / 4}%`;
    ruler.append(tick);
  }
  ruler.addEventListener("click", (event) => {
    const part = (event.clientY - ruler.getBoundingClientRect().top) / ruler.clientHeight;
    view.scrollTop = part * view.scrollHeight - view.clientHeight / 2;
  });
  view.parentNode.append(ruler);
  view.parentNode.classList.add("ruled");
}

for (const view of document.querySelectorAll(".view")) {
  addRuler(view);
  zoom(view, Math.max(0.75, Math.min(1, widthScale(view))));
  view.scrollLeft = (view.scrollWidth - view.clientWidth) / 2;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-zoom]");
  if (!button) return;
  const view = button.closest(".panel").querySelector(".view");
  const middle = view.clientHeight / 2;
  if (button.dataset.zoom === "fit") fit(view);
  else zoom(view, scaleOf(view) * (button.dataset.zoom === "in" ? 1.25 : 0.8), view.clientWidth / 2, middle);
});

// The wheel scrolls, as everywhere; with Ctrl (or two fingers on a touchpad) it zooms.
document.addEventListener("wheel", (event) => {
  const view = event.target.closest(".view");
  if (!view || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  const place = view.getBoundingClientRect();
  zoom(view, scaleOf(view) * Math.exp(-event.deltaY / 300), event.clientX - place.left, event.clientY - place.top);
}, { passive: false });

document.addEventListener("pointerdown", (event) => {
  const view = event.target.closest(".view");
  const scrollbar = view && (event.offsetX > view.clientWidth || event.offsetY > view.clientHeight) && event.target === view;
  if (!view || scrollbar || event.button !== 0 || event.pointerType === "touch" || event.target.closest(".step")) return;
  const from = { x: event.clientX + view.scrollLeft, y: event.clientY + view.scrollTop };
  const drag = (move) => view.scrollTo(from.x - move.clientX, from.y - move.clientY);
  view.classList.add("dragged");
  view.setPointerCapture(event.pointerId);
  view.addEventListener("pointermove", drag);
  view.addEventListener("lostpointercapture", () => {
    view.classList.remove("dragged");
    view.removeEventListener("pointermove", drag);
  }, { once: true });
});

// Scrolls a step into the middle of what is seen, at a size at which it can be read.
function reveal(step) {
  const view = step.closest(".view");
  step.closest(".panel").scrollIntoView({ block: "nearest" });
  if (scaleOf(view) < 0.5) zoom(view, 0.8);
  const box = step.getBoundingClientRect();
  const place = view.getBoundingClientRect();
  const left = box.left + box.width / 2 - place.left - place.width / 2;
  view.scrollBy(left, box.top + box.height / 2 - place.top - place.height / 2);
  step.scrollIntoView({ block: "nearest", inline: "nearest" });
}

root.classList.add("live");
