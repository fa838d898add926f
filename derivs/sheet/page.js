"use strict";
// In the head, so that the colours are right at the first paint; the rest runs when the page has been read.

const root = document.documentElement;
const all = (selector) => [...document.querySelectorAll(selector)];
root.classList.add("scripted");

// ---- colours: the system's, until the reader chooses; the choice lasts as long as there is storage to keep it

const COLOURS = "derivs-colours";
const systemDark = matchMedia("(prefers-color-scheme: dark)");

function remembered() {
  try { return localStorage.getItem(COLOURS); } catch { return null; }
}

function remember(colours) {
  try { localStorage.setItem(COLOURS, colours); } catch { /* kept until the page is closed */ }
}

function isDark() {
  return root.dataset.colours ? root.dataset.colours === "dark" : systemDark.matches;
}

function showColours() {
  document.getElementById("tool-dark").setAttribute("aria-pressed", isDark());
}

function changeColours() {
  root.dataset.colours = isDark() ? "light" : "dark";
  remember(root.dataset.colours);
  showColours();
}

if (["light", "dark"].includes(remembered())) root.dataset.colours = remembered();

// ---- formulas: those near the window at once, the others when there is time, all of them before printing

const pending = new Set();
const near = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) render(entry.target);
}, {rootMargin: "100% 0%"});
const whenIdle = window.requestIdleCallback || ((work) => setTimeout(() => work({timeRemaining: () => 0}), 1));

function render(formula) {
  if (!pending.delete(formula)) return;
  near.unobserve(formula);
  katex.render(formula.textContent, formula, {displayMode: formula.dataset.display === "yes", throwOnError: false,
    trust: ({command}) => command === "\\htmlClass", macros: {"\\derivsguilty": "\\htmlClass{guilty}{\\underline{#1}}"},
    fleqn: true, strict: "ignore"});
  formula.classList.add("rendered");
  if (!pending.size) performance.mark("formulas-rendered");
}

function renderSome(deadline) {
  for (const formula of pending) {
    render(formula);
    if (deadline.timeRemaining() < 8) break;
  }
  if (pending.size) whenIdle(renderSome);
}

function renderAll() {
  pending.forEach(render);
}

function renderFormulas() {
  for (const formula of all(".tex")) {
    pending.add(formula);
    near.observe(formula);
  }
  const places = [...pending].map((formula) => [formula, formula.getBoundingClientRect().top]);
  for (const [formula, top] of places) if (top < innerHeight) render(formula);   // no flash of LaTeX
  whenIdle(renderSome);
}

// ---- boxes that scroll are reached by keyboard, the others are no stop on the way

const widths = new ResizeObserver((entries) => {
  const wide = entries.map(({target}) => target.scrollWidth > target.clientWidth);
  entries.forEach(({target}, k) => {
    if (wide[k]) target.tabIndex = 0; else target.removeAttribute("tabindex");
  });
});

// ---- copying

function announce(words) {
  const place = document.getElementById("page-said");
  place.textContent = "";
  setTimeout(() => { place.textContent = words; }, 50);               // the same words twice are said twice
}

function hiddenArea(text) {
  const area = document.createElement("textarea");
  area.className = "unseen";
  area.readOnly = true;
  area.value = text;
  return area;
}

function copyBySelection(text) {
  const area = hiddenArea(text);
  const focused = document.activeElement;
  document.body.append(area);
  area.select();
  area.setSelectionRange(0, text.length);                             // what select() does not do on iOS
  let copied = false;
  try { copied = document.execCommand("copy"); } catch { /* said below */ }
  area.remove();
  focused?.focus();
  return copied;
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {                                                           // missing or refused, as for some files
    return copyBySelection(text);
  }
}

async function copy(button, text) {
  const done = await copied(text);
  announce(done ? "LaTeX copied" : "The browser does not let this page copy");
  button.classList.add(done ? "done" : "failed");
  setTimeout(() => button.classList.remove("done", "failed"), 1600);
}

function addCopyButtons() {
  all(".math").forEach((math, k) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.title = "Copy LaTeX";
    button.setAttribute("aria-label", `Copy LaTeX of formula ${k + 1}`);
    button.addEventListener("click", () => copy(button, math.dataset.latex));
    math.append(button);
  });
}

// ---- folding, and unfolding for print

const folded = new Set();

function foldAll(open) {
  for (const steps of all("details.steps")) steps.open = open;
  announce(open ? "All steps unfolded" : "All steps folded");
}

function readyToPrint() {
  renderAll();
  for (const details of all("details:not([open])")) {
    folded.add(details);
    details.open = true;
  }
}

function afterPrint() {
  for (const details of folded) details.open = false;
  folded.clear();
}

function unfolded(event) {
  if (event.target.open) event.target.querySelectorAll(".tex").forEach(render);
}

// ---- where the reader is, in the table of contents

function followReading() {
  const nav = document.querySelector("nav");
  if (!nav) return;
  const links = new Map([...nav.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));
  const shown = new IntersectionObserver((entries) => {
    for (const {target, isIntersecting} of entries) {
      const link = links.get(target.id);
      link.removeAttribute("aria-current");
      if (!isIntersecting) continue;
      link.setAttribute("aria-current", "true");
      nav.scrollTop = link.offsetTop - nav.clientHeight / 2;
    }
  }, {rootMargin: "-25% 0% -70% 0%"});
  for (const section of all("main section")) shown.observe(section);
}

function start() {
  const tool = (name, action) => document.getElementById(name)?.addEventListener("click", action);
  tool("tool-dark", changeColours);
  tool("tool-fold", () => foldAll(false));
  tool("tool-unfold", () => foldAll(true));
  systemDark.addEventListener("change", showColours);
  showColours();
  addCopyButtons();
  for (const box of all(".scroll, .graph, pre")) widths.observe(box);
  for (const details of all("details")) details.addEventListener("toggle", unfolded);
  addEventListener("beforeprint", readyToPrint);
  addEventListener("afterprint", afterPrint);
  matchMedia("print").addEventListener("change", ({matches}) => (matches ? readyToPrint() : afterPrint()));
  followReading();
  renderFormulas();
}

document.addEventListener("DOMContentLoaded", start);
