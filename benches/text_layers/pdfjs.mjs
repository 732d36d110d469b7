// pdfjs.mjs WORK FILE MOST_PAGES: the text of a document's pages as a JSON list, as pdf.js reads it.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [work, file, most] = process.argv.slice(2);
const home = path.join(work, "node_modules", "pdfjs-dist");
console.log = console.warn = () => {};
// Nothing is drawn, so that no canvas is needed; the module only wants to see these.
for (const name of ["DOMMatrix", "ImageData", "Path2D"]) globalThis[name] ??= class {};
const { getDocument } = await import(pathToFileURL(path.join(home, "legacy", "build", "pdf.mjs")));
const data = new Uint8Array(await readFile(file));
const folder = (name) => path.join(home, name) + "/";
const task = getDocument({
  data, verbosity: 0, cMapUrl: folder("cmaps"), cMapPacked: true, standardFontDataUrl: folder("standard_fonts"),
});
const document = await task.promise;
const pages = [];
for (let number = 1; number <= Math.min(document.numPages, Number(most)); number++) {
  try {
    const content = await (await document.getPage(number)).getTextContent();
    pages.push(content.items.map((item) => (item.str ?? "") + (item.hasEOL ? "\n" : "")).join(""));
  } catch {
    pages.push("");
  }
}
process.stdout.write(JSON.stringify(pages), () => process.exit(0));
