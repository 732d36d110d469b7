// The page for people, in Chromium, as a person uses it. `run.sh` starts the server and this.
//
//   node page.mjs URL DOCUMENT [FOLDER]     FOLDER: screenshots are left there, to be looked at

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [url, paper, pictures] = process.argv.slice(2);
const origin = new URL(url).origin;
const executablePath = process.env.CHROMIUM || ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });

// What must never happen, whatever is done.
const amiss = [];

// PAGE=FOLDER serves the page's own files from there, so that they can be worked on without a build.
async function opened(options = {}) {
  const context = await browser.newContext({ acceptDownloads: true, viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.on("console", (message) => amiss.push("console: " + message.text()));
  page.on("pageerror", (error) => amiss.push("error: " + error.message));
  page.on("request", (request) => {
    const outside = !request.url().startsWith(origin + "/") && !/^(blob|data):/.test(request.url());
    if (outside) amiss.push("a request elsewhere: " + request.url());
  });
  page.on("response", (answer) => { if (answer.status() >= 400) amiss.push(answer.status() + " for " + answer.url()); });
  await page.addInitScript(() => addEventListener("securitypolicyviolation", (event) => console.error("policy: " + event.violatedDirective)));
  if (process.env.PAGE) {
    for (const [path, name] of [["/", "index.html"], ["/app.js", "app.js"], ["/app.css", "app.css"]]) {
      await page.route(origin + path, async (route) => {
        const answer = await route.fetch();
        await route.fulfill({ response: answer, body: await readFile(join(process.env.PAGE, name)) });
      });
    }
  }
  await page.goto(url);
  return page;
}

async function picture(page, name) {
  if (pictures) await page.screenshot({ path: join(pictures, name + ".png") });
}

const steps = [];
const step = (name, work) => steps.push([name, work]);

// Two paragraphs with a formula between them, in the standard fonts.
function formula() {
  const text = "BT /F 12 Tf 60 700 Td (The energy of a body at rest grows with its mass, as everybody knows who has) Tj 0 -15 Td (been to school, and the " +
    "formula that says so is short enough to be remembered:) Tj ET BT /I 12 Tf 250 650 Td (E) Tj /F 12 Tf ( = ) Tj /I 12 Tf (mc) Tj /F 8 Tf 5 Ts (2) Tj 0 Ts " +
    "/F 12 Tf ( + ) Tj /I 12 Tf (x) Tj /F 8 Tf -3 Ts (1) Tj 0 Ts ET BT /F 12 Tf 60 600 Td (It is printed on shirts, and on many other things besides.) Tj ET";
  const font = (name) => `<</Type/Font/Subtype/Type1/BaseFont/${name}>>`;
  const objects = ["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
    `<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F ${font("Times-Roman")}/I ${font("Times-Italic")}>>>>>>`,
    `<</Length ${text.length}>>stream\n${text}\nendstream`];
  return "%PDF-1.4\n" + objects.map((object, i) => `${i + 1} 0 obj${object}endobj\n`).join("") + "trailer<</Root 1 0 R>>\n";
}

const page = await opened();
const title = page.locator("#title h2");
const status = page.locator("#status");

step("a document that is dropped is read, page by page", async () => {
  const bytes = (await readFile(paper)).toString("base64");
  const files = await page.evaluateHandle((bytes) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))], "paper.pdf", { type: "application/pdf" }));
    return data;
  }, bytes);
  await page.dispatchEvent("#drop", "dragover", { dataTransfer: files });
  assert(await page.locator("#drop.over").count(), "nothing shows that it may be dropped here");
  await page.dispatchEvent("#drop", "drop", { dataTransfer: files });
  await page.locator("article").first().waitFor();
  await page.locator("#p-4").waitFor();
  assert.equal(await title.textContent(), "paper.pdf");
  assert.deepEqual(await page.locator("article").evaluateAll((all) => all.map((one) => one.id)), ["p-1", "p-2", "p-3", "p-4"]);
  await page.waitForFunction(() => /done, 4 of 4 pages/.test(document.querySelector("#documents small").textContent));
  assert.match(await status.textContent(), /paper\.pdf: done/);
});

step("lines lie over the picture of the page", async () => {
  const image = page.locator("#p-1 img");
  await page.waitForFunction(() => document.querySelector("#p-1 img").naturalWidth > 400);
  const [of_image, of_lines] = [await image.boundingBox(), await page.locator("#p-1 svg").boundingBox()];
  for (const side of ["x", "y", "width", "height"]) assert(Math.abs(of_image[side] - of_lines[side]) < 1.5, side);
  assert(await page.locator("#p-1 polygon").count() > 10);
  const within = await page.locator("#p-1 polygon").evaluateAll((all) => all.every((one) => {
    const [line, page] = [one.getBoundingClientRect(), one.ownerSVGElement.getBoundingClientRect()];
    return line.width > 1 && line.height > 1 && line.left >= page.left - 2 && line.right <= page.right + 2 && line.top >= page.top - 2 && line.bottom <= page.bottom + 2;
  }));
  assert(within, "a line lies beside the page");
  assert(await page.locator("#p-1 polygon title").first().textContent());
  await picture(page, "light");
});

step("a formula is MathML, and headings are below those of the page", async () => {
  await page.setInputFiles("#files", { name: "formula.pdf", mimeType: "application/pdf", buffer: Buffer.from(formula()) });
  await page.locator("article math").first().waitFor();
  const math = await page.locator("article math").first().evaluate((math) => [math.namespaceURI, math.getBoundingClientRect().height, math.textContent]);
  assert.equal(math[0], "http://www.w3.org/1998/Math/MathML");
  assert(math[1] > 5 && math[2].trim(), "it is not drawn");
  assert.equal(await page.locator("h1").count(), 1, "the page has one title");
  await page.locator("#documents button", { hasText: "paper.pdf" }).click();
  await page.locator("#p-4").waitFor();
});

step("text can be selected", async () => {
  const selected = await page.locator("#p-1 .text").evaluate((text) => {
    const range = document.createRange();
    range.selectNodeContents(text);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    const selected = getSelection().toString();
    getSelection().removeAllRanges();
    return selected;
  });
  assert.match(selected, /A program that reads documents/);
});

step("a search finds a page and shows the lines", async () => {
  await page.fill("#query", "budget memory");
  await page.press("#query", "Enter");
  await page.locator("#content mark").first().waitFor();
  assert.match(await status.textContent(), /^\d+ pages?/);
  await picture(page, "search");
  await page.locator("#content button").first().click();
  await page.locator("polygon.hit").first().waitFor();
  await page.fill("#query", "xylophone zebra");
  await page.press("#query", "Enter");
  await page.waitForFunction(() => document.querySelector("#status").textContent === "No page has this");
});

step("pages that repeat others are found", async () => {
  // The same pages under another name and with other bytes.
  await page.setInputFiles("#files", { name: "copy.pdf", mimeType: "application/pdf", buffer: Buffer.concat([await readFile(paper), Buffer.from("\n% again\n")]) });
  await page.waitForFunction(() => /copy\.pdf: done/.test(document.querySelector("#status").textContent));
  await page.click("#repeats");
  await page.locator("#content hr").first().waitFor();
  assert.match(await status.textContent(), /groups?$/);
  assert.match(await page.locator("#content").textContent(), /paper\.pdf, page 1.*copy\.pdf, page 1/);
  await picture(page, "repeats");
});

step("results are downloaded", async () => {
  await page.locator("#documents button", { hasText: "paper.pdf" }).click();
  await page.locator("#p-4").waitFor();
  for (const [format, begins] of [["md", "# Reading Documents"], ["docx", "PK"], ["pdf", "%PDF-"]]) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download as " + format, exact: true }).click()]);
    assert.equal(download.suggestedFilename(), "paper." + format);
    assert((await readFile(await download.path(), "latin1")).startsWith(begins), format);
  }
});

step("the keyboard is enough", async () => {
  await page.goto(url);
  await page.locator("#documents button").first().waitFor();
  const places = [];
  for (let i = 0; i < 12; i++) {
    await page.keyboard.press("Tab");
    places.push(await page.evaluate(() => {
      const at = document.activeElement;
      if (at === document.body) return null;
      const [style, box] = [getComputedStyle(at), at.getBoundingClientRect()];
      const name = at.id || at.className || at.textContent.trim();
      // Some step of what holds the focus shows it, on the screen.
      const shown = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1 && box.width > 1 && box.right > 0 && box.bottom > 0;
      return [name, shown];
    }));
  }
  // Behind the last one the browser itself has the focus.
  places.splice(places.includes(null) ? places.indexOf(null) : places.length);
  for (const [name, shown] of places) assert(shown, name + " does not show that it has the focus");
  const names = places.map(([name]) => name);
  assert.deepEqual(names.slice(0, 4), ["skip", "query", "Search", "files"], names.join(", "));
  assert(names.includes("repeats"), names.join(", "));
  // The first document, by Enter; a search, by Enter; the repeats, by Space; the link past the lists.
  await page.locator("#documents button").first().focus();
  await page.keyboard.press("Enter");
  await page.locator("#p-1").waitFor();
  await page.locator("#repeats").focus();
  await page.keyboard.press("Space");
  await page.locator("#content hr").first().waitFor();
  await page.locator(".skip").focus();
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "pages");
});

step("everything has a name, and there are landmarks", async () => {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  const seen = nodes.filter((node) => !node.ignored);
  const role = (node) => node.role?.value;
  const controls = seen.filter((node) => ["button", "link", "textbox", "searchbox", "meter", "img", "image", "checkbox", "combobox"].includes(role(node)));
  assert(controls.length > 8, "there is little to use");
  for (const node of controls) assert(node.name?.value?.trim(), "a " + role(node) + " has no name: " + JSON.stringify(node.properties));
  const roles = new Set(seen.map(role));
  for (const wanted of ["banner", "main", "search", "region", "status", "heading"]) assert(roles.has(wanted), "there is no " + wanted + ": " + [...roles].join(" "));
  const live = await status.evaluate((at) => [at.getAttribute("role"), at.getAttribute("aria-live")]);
  assert.deepEqual(live, ["status", "polite"]);
  assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
});

// Of WCAG: the ratio of the luminances of a text and of what lies behind it.
const contrasts = () => {
  const parts = (colour) => (colour.match(/[\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (at) => { for (; at; at = at.parentElement) { const c = parts(getComputedStyle(at).backgroundColor); if (c.length === 3 || c[3] > 0) return c; } return [255, 255, 255]; };
  return [...document.querySelectorAll("h1, h2, h3, label, button, small, p, td, caption, mark, .text *")].filter((at) => at.textContent.trim() && at.getClientRects().length).map((at) => {
    const [a, b] = [light(parts(getComputedStyle(at).color)), light(behind(at))].sort((a, b) => b - a);
    return [(a + 0.05) / (b + 0.05), at.localName + " " + at.textContent.trim().slice(0, 30)];
  });
};

for (const [name, options] of [["dark", { colorScheme: "dark" }], ["narrow", { viewport: { width: 360, height: 740 } }], ["light", { colorScheme: "light" }]]) {
  step("it can be read: " + name, async () => {
    const other = await opened(options);
    await other.locator("#documents button", { hasText: "paper.pdf" }).click();
    await other.locator("#p-4").waitFor();
    await other.waitForFunction(() => document.querySelector("#p-1 img").naturalWidth > 0);
    for (const [ratio, what] of await other.evaluate(contrasts)) assert(ratio >= 4.5, `${what}: a contrast of ${ratio.toFixed(1)}`);
    const beyond = await other.evaluate((shown) => [...document.body.querySelectorAll("*")].filter((at) => at.getBoundingClientRect().right > shown + 1)
      .map((at) => at.localName + " #" + at.id + "." + at.className).slice(0, 5), options.viewport?.width ?? 1280);
    const [wide, shown] = await other.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert(wide <= shown && wide <= (options.viewport?.width ?? 1280), `it is ${wide} pixels wide: ${beyond.join(", ")}`);
    await picture(other, name);
    if (name === "narrow") {
      assert((await other.locator("#title").boundingBox()).y < 700, "what was chosen is out of sight");
      await other.locator("#p-1").scrollIntoViewIfNeeded();
      await picture(other, "narrow-page");
    }
    await other.context().close();
  });
}

step("a document is forgotten", async () => {
  page.on("dialog", (dialog) => dialog.accept());
  await page.locator("#documents button", { hasText: "copy.pdf" }).click();
  await page.getByRole("button", { name: "Forget" }).click();
  await page.waitForFunction(() => /copy\.pdf is forgotten/.test(document.querySelector("#status").textContent));
  assert.equal(await page.locator("#documents button", { hasText: "copy.pdf" }).count(), 0);
});

step("nothing was said to the console, asked elsewhere or refused", async () => assert.deepEqual(amiss, []));

let failed = 0;
for (const [name, work] of steps) {
  try {
    await work();
    console.log("ok      " + name);
  } catch (error) {
    failed++;
    console.log("FAILED  " + name + "\n        " + error.message.split("\n").slice(0, 12).join("\n        "));
  }
}
await browser.close();
process.exit(failed ? 1 : 0);
