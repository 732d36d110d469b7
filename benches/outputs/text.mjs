// Prints the text of a PDF as pdf.js gives it, a form feed after each page.
import { readFileSync } from "fs";
import { getDocument } from "pdfjs-dist/legacy/build/pdf.mjs";
const doc = await getDocument({ data: new Uint8Array(readFileSync(process.argv[2])), verbosity: 0 }).promise;
let out = "";
for (let i = 1; i <= doc.numPages; i++) {
  const page = await doc.getPage(i);
  const c = await page.getTextContent();
  out += c.items.map(x => x.str + (x.hasEOL ? "\n" : "")).join("") + "\n\f";
}
process.stdout.write(out);
