#!/usr/bin/env bash
# KaTeX 0.19.1 and temml 0.13.5 do not know \mbox, \buildrel, \root ... \of, \pmatrix with braces nor the environment eqnarray,
# which any LaTeX knows and which papers before about 2005 are full of; MathJax 4.1.3 does. \mbox most of all surprises: \text
# does the same and works. Formulas cut out of old sources have to be rewritten before they are converted.
# Needs node 20 or newer and npm.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"

npm install --silent --no-audit --no-fund katex@0.19.1 temml@0.13.5 mathjax@4.1.3 > npm.log
cat > run.cjs <<'JS'
const katex = require("katex"), temml = require("temml"), MathJax = require("mathjax");
const tries = (name, convert) => tex => {
  try { return /merror|mathcolor="red"/.test(convert(tex)) ? `${name} no` : `${name} yes`; } catch { return `${name} no`; }
};
MathJax.init({ loader: { load: ["input/tex"] } }).then(() => {
  const readers = [
    tries("KaTeX", tex => katex.renderToString(tex, { output: "mathml" })),
    tries("temml", tex => temml.renderToString(tex, { throwOnError: true })),
    tries("MathJax", tex => MathJax.tex2mml(tex)),
  ];
  for (const tex of ["\\text{if }x", "\\mbox{if }x", "a \\buildrel b \\over = c", "\\root 3 \\of x", "\\pmatrix{a&b\\cr c&d}",
    "\\begin{eqnarray}a&=&b\\end{eqnarray}"]) console.log(tex, ":", readers.map(reads => reads(tex)).join(", "));
});
JS
seen=$(node run.cjs 2> errors) || { cat errors >&2; exit 1; }
expected='\text{if }x : KaTeX yes, temml yes, MathJax yes
\mbox{if }x : KaTeX no, temml no, MathJax yes
a \buildrel b \over = c : KaTeX no, temml no, MathJax yes
\root 3 \of x : KaTeX no, temml no, MathJax yes
\pmatrix{a&b\cr c&d} : KaTeX no, temml no, MathJax yes
\begin{eqnarray}a&=&b\end{eqnarray} : KaTeX no, temml no, MathJax yes'

printf 'KaTeX 0.19.1, temml 0.13.5, MathJax 4.1.3\n%s\n' "$seen"
[[ $seen == "$expected" ]] || { printf 'This has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
