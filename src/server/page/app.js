"use strict";

// The page for people. It asks what every other client may ask, and builds what it shows out of elements, never out of text that is HTML.

const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const FORMATS = ["txt", "md", "html", "docx", "epub", "pdf", "jsonl", "json", "tsv", "csv", "hocr", "alto.xml"];
const SHOWN = 1000; // pages of one document on the screen; the rest is to be downloaded
const KEPT = new Set(("p h1 h2 h3 h4 h5 h6 ul ol li dl dt dd table thead tbody tfoot tr th td caption pre code blockquote em strong b i u s sub " +
  "sup br hr section aside figcaption math mrow mi mn mo ms mtext mspace mfrac msqrt mroot msub msup msubsup munder mover munderover mtable mtr " +
  "mtd mmultiscripts mprescripts none mstyle mpadded mphantom menclose semantics").split(" "));
const ATTRIBUTES = ["colspan", "rowspan", "scope", "display", "mathvariant", "stretchy", "accent", "lspace", "rspace", "columnalign", "start", "dir", "lang"];

let key = sessionStorage.getItem("key") || "";
let reading = null; // what stops the stream that is shown

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  Object.assign(made, properties);
  made.append(...children);
  return made;
}

function say(text) { $("status").textContent = text; }

async function ask(path, options = {}) {
  const headers = new Headers(options.headers);
  if (key) headers.set("Authorization", "Bearer " + key);
  const answer = await fetch(path, { ...options, headers });
  if (answer.status === 401) { $("key").hidden = false; $("secret").focus(); }
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    const error = new Error([problem.detail || "HTTP " + answer.status, problem.hint].filter(Boolean).join(": "));
    error.wait = answer.status === 429 ? Number(answer.headers.get("Retry-After")) || 1 : 0;
    throw error;
  }
  return answer;
}

const json = async (path, options) => (await ask(path, options)).json();
const post = (path, body) => json(path, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
const guarded = (work) => (...given) => Promise.resolve(work(...given)).catch((error) => { if (error.name !== "AbortError") say(error.message); });
const pause = (seconds) => new Promise((go) => setTimeout(go, seconds * 1000));

// Documents.

function described(state) {
  const pages = state.pages ? state.pages_done + " of " + state.pages + " pages" : "not open yet";
  const failed = state.pages_failed ? ", " + state.pages_failed + " failed" : "";
  return state.state + ", " + pages + failed + (state.reason ? ": " + state.reason : "");
}

function listed(state, first) {
  let item = document.getElementById("d-" + state.id);
  if (!item) {
    const button = element("button", { type: "button", onclick: guarded(() => show(state.id)) }, element("span"), element("small"));
    item = element("li", { id: "d-" + state.id }, button);
    first ? $("documents").prepend(item) : $("documents").append(item);
  }
  item.querySelector("span").textContent = state.source;
  item.querySelector("small").textContent = described(state);
}

async function list(path = "/v1/documents?limit=30") {
  const part = await json(path);
  part.documents.forEach((state) => listed(state, false));
  $("more").hidden = !part.next;
  $("more").onclick = guarded(() => list(part.next));
}

async function hand(files) {
  for (const file of files) {
    say("Handing over " + file.name);
    for (;;) {
      try {
        const form = new FormData();
        form.append("file", file, file.name);
        const state = await json("/v1/documents", { method: "POST", body: form });
        listed(state, true);
        say(file.name + " is kept, and is being read");
        if (file === files[0]) guarded(show)(state.id);
        break;
      } catch (error) {
        if (!error.wait) { say(file.name + ": " + error.message); break; }
        say("The system is full; " + file.name + " is handed over in " + error.wait + " s");
        await pause(error.wait);
      }
    }
  }
}

// Pages.

function clear() {
  if (reading) reading.abort();
  reading = new AbortController();
  $("content").querySelectorAll("img").forEach((image) => URL.revokeObjectURL(image.src));
  $("title").replaceChildren();
  $("content").replaceChildren();
  return reading.signal;
}

async function show(id, page = 1, hits = []) {
  const signal = clear();
  document.querySelectorAll("#documents button").forEach((button) => button.setAttribute("aria-current", button.parentNode.id === "d-" + id));
  const state = await json("/v1/documents/" + id);
  titled(state);
  // Where everything stands in one column the pages are far below what was chosen.
  if (matchMedia("(max-width: 50em)").matches) $("pages").scrollIntoView();
  let next = page;
  for (;;) {
    try {
      if (await follow(state.id, next, signal, (record) => {
        next = record.page + 1;
        if ($("content").childElementCount < SHOWN) add(record, record.page === page ? hits : []);
      })) return;
    } catch (error) {
      if (signal.aborted) return;
    }
    // The server was stopped, or the connection lost: it goes on behind the last page.
    say("The connection is lost; trying again");
    await pause(1);
    if (signal.aborted) return;
  }
}

// Whether the document has ended.
async function follow(id, from, signal, give) {
  const answer = await ask("/v1/documents/" + id + "/events?from=" + from, { signal, headers: { Accept: "application/x-ndjson" } });
  const reader = answer.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return false;
    const lines = (text + decoder.decode(value, { stream: true })).split("\n");
    text = lines.pop();
    for (const line of lines.filter(Boolean)) {
      const record = JSON.parse(line);
      if (!record || record.schema !== "pagestream.page/1") {
        if (record) { listed(record, true); titled(record); say(record.source + ": " + described(record)); }
        return true;
      }
      give(record);
    }
  }
}

function titled(state) {
  const download = (format) => element("button", { type: "button", ariaLabel: "Download as " + format, onclick: guarded(() => save(state, format)) }, format);
  const cancel = element("button", { type: "button", onclick: guarded(async () => {
    listed(await json("/v1/documents/" + state.id + "/cancel", { method: "POST" }), true);
  }) }, "Stop reading");
  const remove = element("button", { type: "button", onclick: guarded(async () => {
    if (!confirm("Forget " + state.source + ", its pages and its bytes?")) return;
    await ask("/v1/documents/" + state.id, { method: "DELETE" });
    clear();
    document.getElementById("d-" + state.id)?.remove();
    say(state.source + " is forgotten");
  }) }, "Forget");
  const actions = state.state === "open" ? [cancel] : state.state === "done" ? ["Download as", ...FORMATS.map(download)] : [];
  $("title").replaceChildren(element("h2", {}, state.source), element("div", { className: "actions" }, ...actions, remove));
}

async function save(state, format) {
  say("Making " + format);
  const answer = await ask("/v1/documents/" + state.id + "/result." + format);
  const url = URL.createObjectURL(await answer.blob());
  const name = state.source.replace(/\.[^.]*$/, "") + "." + format;
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
  say(name + " is downloaded");
}

const near = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
  near.unobserve(entry.target);
  entry.target.load();
}), { rootMargin: "600px" });

function add(record, hits) {
  const path = "/v1/documents/" + record.document.id;
  const figure = element("figure");
  const image = element("img", { alt: "Page " + record.page + " as it looks" });
  figure.append(image, drawn(record, hits));
  const text = element("div", { className: "text" }, element("pre", {}, record.text));
  const status = record.status === "ok" ? "" : " (" + record.status + (record.reason ? ": " + record.reason : "") + ")";
  const article = element("article", { id: "p-" + record.page }, element("h3", {}, "Page " + record.page + status), figure, text);
  article.load = guarded(async () => {
    const picture = ask(path + "/pages/" + record.page + "/image?width=900");
    if (record.blocks && record.blocks.length) {
      const html = await (await ask(path + "/result.html?page=" + record.page)).text();
      // Its style is not taken over, and would be told of as one that this page's policy refuses.
      const body = new DOMParser().parseFromString(html.replace(/<style>[^<]*<\/style>/, ""), "text/html").body;
      text.replaceChildren(...clean(body));
    }
    image.src = URL.createObjectURL(await (await picture).blob());
  });
  $("content").append(article);
  near.observe(article);
  if (hits.length) article.scrollIntoView();
}

// The elements that a text is made of, and nothing that acts.
function clean(parent) {
  return [...parent.childNodes].flatMap((node) => {
    if (node.nodeType === Node.TEXT_NODE) return [node.textContent];
    if (node.nodeType !== Node.ELEMENT_NODE || ["script", "style", "annotation", "head"].includes(node.localName)) return [];
    const children = clean(node);
    if (!KEPT.has(node.localName)) return children;
    const made = document.createElementNS(node.namespaceURI, node.localName);
    ATTRIBUTES.filter((name) => node.hasAttribute(name)).forEach((name) => made.setAttribute(name, node.getAttribute(name)));
    made.append(...children);
    return [made];
  });
}

function drawn(record, hits) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 " + (record.width || 1) + " " + (record.height || 1));
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  (record.lines || []).forEach((line, index) => {
    const polygon = document.createElementNS(SVG, "polygon");
    const points = line.polygon.map((point) => Array.isArray(point) ? point.join(",") : point.x + "," + point.y);
    polygon.setAttribute("points", points.join(" "));
    if (hits.includes(index)) polygon.setAttribute("class", "hit");
    const title = document.createElementNS(SVG, "title");
    title.textContent = line.text;
    polygon.append(title);
    svg.append(polygon);
  });
  return svg;
}

// Questions about all pages.

function found(source, page, id, what, hits = []) {
  const open = element("button", { type: "button", onclick: guarded(() => show(id, page, hits)) }, source + ", page " + page);
  return element("p", {}, open, " ", ...what);
}

function marked(hit) {
  const letters = [...hit.snippet];
  const parts = [];
  let at = 0;
  for (const [from, to] of hit.marks) {
    parts.push(letters.slice(at, from).join(""), element("mark", {}, letters.slice(from, to).join("")));
    at = to;
  }
  return [...parts, letters.slice(at).join("")];
}

async function search(query) {
  const answer = await post("/v1/search", { query, limit: 50 });
  clear();
  $("title").append(element("h2", {}, "Pages with " + query));
  const hits = answer.hits.map((hit) => found(hit.document.source, hit.page, hit.document.id, marked(hit), hit.lines.map((line) => line.index)));
  $("content").append(...hits);
  say(hits.length ? hits.length + " pages" + (answer.approximate ? ", with words near to these" : "") : "No page has this");
  $("pages").focus();
}

async function repeats() {
  const answer = await post("/v1/duplicates", {});
  clear();
  $("title").append(element("h2", {}, "Pages that repeat others"));
  for (const group of answer.groups) {
    const pages = [group.keep, ...group.repeats];
    $("content").append(...pages.map((page) => found(page.source, page.page, page.document, [page.tier || "the first"])), element("hr"));
  }
  say(answer.total ? answer.total + " groups" : "No page repeats another");
}

// The pipeline.

async function breathe() {
  for (;;) {
    try {
      if (!document.hidden) {
        const room = await json("/v1/capacity");
        const row = ({ stage, depth }) => element("tr", {}, element("td", {}, stage.replaceAll("_", " ")),
          element("td", {}, element("meter", { min: 0, max: Math.max(room.pages, depth), value: depth, ariaLabel: stage }), " " + depth));
        $("stages").tBodies[0].replaceChildren(...room.stages.map(row));
        $("room").textContent = room.documents_open + " documents open, " + room.pages_left + " pages left; room for " + room.documents_free + " more documents";
      }
    } catch (error) {
      $("room").textContent = error.message;
    }
    await pause(2);
  }
}

$("search").onsubmit = guarded((event) => { event.preventDefault(); return search($("query").value); });
$("repeats").onclick = guarded(repeats);
$("files").onchange = guarded(async (event) => { await hand([...event.target.files]); event.target.value = ""; });
$("drop").onsubmit = (event) => event.preventDefault();
$("key").onsubmit = guarded((event) => {
  event.preventDefault();
  key = $("secret").value.trim();
  sessionStorage.setItem("key", key);
  $("key").hidden = true;
  say("");
  return list();
});
addEventListener("dragover", (event) => { event.preventDefault(); $("drop").classList.add("over"); });
addEventListener("dragleave", () => $("drop").classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  $("drop").classList.remove("over");
  guarded(hand)([...event.dataTransfer.files]);
});

guarded(list)();
breathe();
