"use strict";
// Items lie in the page in compressed blocks, which are opened when one of theirs is
// shown. All text is set as text, never as markup.
const data = JSON.parse(document.getElementById("index").textContent);
const pageSize = 100, blocks = new Map();
let shown = [], page = 0, current = -1;

const byId = (id) => document.getElementById(id);

function make(tag, text, className) {
  const e = document.createElement(tag);
  if (text !== undefined) e.textContent = text;
  if (className) e.className = className;
  return e;
}

const tests = {
  all: () => true,
  solved: (x) => x.right === x.n,
  mixed: (x) => x.right > 0 && x.right < x.n,
  unsolved: (x) => x.right === 0,
  none: (x) => x.none > 0,
  cut: (x) => x.cut > 0,
  loop: (x) => x.loop > 0,
  failed: (x) => x.failed > 0,
};

const orders = {
  order: (a, b) => a.at - b.at,
  hard: (a, b) => a.right / a.n - b.right / b.n || a.at - b.at,
  easy: (a, b) => b.right / b.n - a.right / a.n || a.at - b.at,
  long: (a, b) => b.tokens - a.tokens || a.at - b.at,
};

function choose() {
  const benchmark = byId("benchmark").value, test = tests[byId("verdict").value];
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  shown = data.items.filter((x) => (benchmark === "" || data.benchmarks[x.b].name === benchmark) && test(x) &&
    words.every((w) => x.find.includes(w)));
  shown.sort(orders[byId("sort").value]);
  page = 0;
  list();
  if (shown.length > 0) show(shown[0].at);
  else byId("item").replaceChildren(make("p", "No item is like that.", "muted"));
}

function list() {
  const pages = Math.max(1, Math.ceil(shown.length / pageSize));
  const rows = shown.slice(page * pageSize, (page + 1) * pageSize).map(row);
  byId("list").replaceChildren(...rows);
  byId("list").scrollTop = 0;
  byId("page").textContent = `${shown.length} items, page ${page + 1} of ${pages}`;
  byId("previous").disabled = page === 0;
  byId("next").disabled = page + 1 >= pages;
  mark();
}

function row(x) {
  const li = make("li"), button = make("button"), share = make("span", undefined, "share"), fill = make("i");
  fill.style.width = `${(100 * x.right) / x.n}%`;
  share.title = `${x.right} of ${x.n} right`;
  share.append(fill);
  const tokens = make("span", `${x.tokens} tokens`, "muted");
  button.append(share, make("span", x.text, "text"), tokens);
  button.dataset.at = x.at;
  button.addEventListener("click", () => show(x.at));
  li.append(button);
  return li;
}

function mark() {
  for (const b of byId("list").querySelectorAll("button")) {
    if (Number(b.dataset.at) === current) b.setAttribute("aria-current", "true");
    else b.removeAttribute("aria-current");
  }
}

async function open(n) {
  if (!blocks.has(n)) {
    const bytes = Uint8Array.from(atob(byId("block" + n).textContent.trim()), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    blocks.set(n, new Response(stream).json());
  }
  return blocks.get(n);
}

async function show(at) {
  current = at;
  mark();
  const block = await open(Math.floor(at / data.blockSize));
  if (current !== at) return; // another was chosen meanwhile
  const x = data.items[at], item = block[at % data.blockSize], box = byId("item");
  box.replaceChildren();
  const about = [item.id];
  if (item.level > 0) about.push(`level ${item.level}`);
  if (item.subject) about.push(item.subject);
  box.append(make("p", about.join(" · "), "muted"), make("h3", "Prompt"));
  const preamble = data.benchmarks[x.b].preamble;
  if (preamble) {
    const details = make("details");
    details.append(make("summary", "demonstrations before it", "muted"), make("pre", preamble));
    box.append(details);
  }
  box.append(make("pre", item.prompt), make("h3", "Reference answer"), make("pre", item.answer));
  item.completions.forEach((c, i) => box.append(...completion(c, i, item.completions.length)));
  box.scrollTop = 0;
}

function completion(c, i, n) {
  const head = make("h3", n > 1 ? `Completion ${i + 1} of ${n}: ` : "Completion: ");
  head.append(make("span", c.verdict, "verdict " + c.verdict));
  const facts = [`${c.tokens} tokens`, c.finish === "length" ? "truncated" : "ended by itself"];
  if (c.answer) facts.push(`answer ${c.answer}`);
  if (c.reason) facts.push(c.reason);
  return [head, make("p", facts.join(" · "), "note"), make("pre", c.text)];
}

function step(by) {
  const i = shown.findIndex((x) => x.at === current) + by;
  if (i < 0 || i >= shown.length) return;
  if (Math.floor(i / pageSize) !== page) {
    page = Math.floor(i / pageSize);
    list();
  }
  show(shown[i].at);
}

data.items.forEach((x, at) => {
  x.at = at;
  x.find = `${x.text} ${x.id} ${x.subject}`.toLowerCase();
});
byId("benchmark").append(new Option("all benchmarks", ""));
for (const b of data.benchmarks) byId("benchmark").append(new Option(b.title, b.name));
for (const id of ["benchmark", "verdict", "sort"]) byId(id).addEventListener("change", choose);
byId("search").addEventListener("input", choose);
byId("previous").addEventListener("click", () => { page--; list(); });
byId("next").addEventListener("click", () => { page++; list(); });
document.addEventListener("keydown", (e) => {
  if (e.target.tagName === "INPUT" || e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.key === "j") step(1);
  if (e.key === "k") step(-1);
});
choose();
