#!/usr/bin/env bash
# alto-tools 0.1.0: where ALTO marks a word that goes on in the next line (SUBS_TYPE HypPart1 and HypPart2, SUBS_CONTENT the whole
# word), `alto-tools -t` prints the first half twice, the second time in place of the second half and glued to the next word. The same
# file without these attributes loses nothing. One would guess that better marked ALTO gives better text, "document" most of all.
# Needs python3 with venv.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"

cat > marked.xml <<'XML'
<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#">
<Layout><Page ID="p1" PHYSICAL_IMG_NR="1" WIDTH="600" HEIGHT="200"><PrintSpace HPOS="0" VPOS="0" WIDTH="600" HEIGHT="200">
<TextBlock ID="b1" HPOS="0" VPOS="0" WIDTH="500" HEIGHT="100">
<TextLine ID="l1" HPOS="0" VPOS="0" WIDTH="500" HEIGHT="40">
<String ID="s1" CONTENT="a" HPOS="0" VPOS="0" WIDTH="20" HEIGHT="40"/><SP/>
<String ID="s2" CONTENT="docu" SUBS_TYPE="HypPart1" SUBS_CONTENT="document" HPOS="30" VPOS="0" WIDTH="100" HEIGHT="40"/>
<HYP CONTENT="-"/></TextLine>
<TextLine ID="l2" HPOS="0" VPOS="50" WIDTH="500" HEIGHT="40">
<String ID="s3" CONTENT="ment" SUBS_TYPE="HypPart2" SUBS_CONTENT="document" HPOS="0" VPOS="50" WIDTH="90" HEIGHT="40"/><SP/>
<String ID="s4" CONTENT="here" HPOS="100" VPOS="50" WIDTH="90" HEIGHT="40"/></TextLine>
</TextBlock></PrintSpace></Page></Layout></alto>
XML
sed 's/ SUBS_TYPE="[^"]*" SUBS_CONTENT="[^"]*"//' marked.xml > plain.xml

python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check --no-compile alto-tools==0.1.0
words() { printf '%s:' "$1"; venv/bin/alto-tools -t "$1" | xargs -n 1 printf ' [%s]'; echo; }
seen=$(words marked.xml; words plain.xml)
expected='marked.xml: [a] [docu] [docuhere]
plain.xml: [a] [docu] [ment] [here]'

printf 'alto-tools 0.1.0 -t\n%s\n' "$seen"
[[ $seen == "$expected" ]] || { printf 'This has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
