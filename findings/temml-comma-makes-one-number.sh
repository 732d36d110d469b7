#!/usr/bin/env bash
# temml 0.13.5 makes one MathML number of figures with commas between them and no space: of 1,000, and by the same rule of the indices
# in a_{1,2}, the interval [0,1] and the set {1,2,3}. KaTeX 0.19.1 and MathJax 4.1.3 keep each number for itself, the thousand
# too. One would guess that nobody takes "1,2,3" for a number, and compares the structure of formulas by their <mn>.
# Needs node 20 or newer and npm.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"

npm install --silent --no-audit --no-fund katex@0.19.1 temml@0.13.5 mathjax@4.1.3 > npm.log
cat > run.cjs <<'JS'
const katex = require("katex"), temml = require("temml"), MathJax = require("mathjax");
const numbers = mathml => (mathml.match(/<mn[^>]*>[^<]*/g) ?? []).map(n => `[${n.replace(/.*>/, "")}]`).join(" ");
MathJax.init({ loader: { load: ["input/tex"] } }).then(() => {
  for (const tex of ["1,000", "a_{1,2}", "[0,1]", "\\{1,2,3\\}", "\\{1, 2, 3\\}"]) {
    console.log(tex, ": KaTeX", numbers(katex.renderToString(tex, { output: "mathml" })), "| temml",
      numbers(temml.renderToString(tex)), "| MathJax", numbers(MathJax.tex2mml(tex)));
  }
});
JS
seen=$(node run.cjs 2> errors) || { cat errors >&2; exit 1; }
expected='1,000 : KaTeX [1] [000] | temml [1,000] | MathJax [1] [000]
a_{1,2} : KaTeX [1] [2] | temml [1,2] | MathJax [1] [2]
[0,1] : KaTeX [0] [1] | temml [0,1] | MathJax [0] [1]
\{1,2,3\} : KaTeX [1] [2] [3] | temml [1,2,3] | MathJax [1] [2] [3]
\{1, 2, 3\} : KaTeX [1] [2] [3] | temml [1] [2] [3] | MathJax [1] [2] [3]'

printf 'numbers in the MathML\n%s\n' "$seen"
[[ $seen == "$expected" ]] || { printf 'This has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
