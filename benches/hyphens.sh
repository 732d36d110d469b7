#!/usr/bin/env bash
# Line-end hyphens of texts whose words are known: vignettes of R packages (English papers) and manuals in five languages, set by LaTeX in two narrow
# columns, as ours and as what a user could install instead resolve them.
#
#   benches/hyphens.sh [FOLDER]     kept in FOLDER (target/hyphens): some 300 documents; 300 MB of Debian's packages are fetched and not installed
#
# Documents are on two sides by their package. What was chosen was chosen by train/; held/ is what BENCHMARKS.md states.
# Needs apt, pdflatex and poppler-utils.
set -euo pipefail
cd "$(dirname "$0")/.."
folder="${1:-target/hyphens}"
here=benches/hyphens
packages=(
    r-cran-{lme4,vegan,sandwich,flexmix,strucchange,zoo,party,rcpp,surveillance,psychotools,tm,spacetime,sp,plm,survival,multcomp,coin,partykit,robustbase}
    r-cran-{amelia,mcmc,msm,etm,bbmle,kernlab,vcd,quantreg,colorspace,lmtest,mvtnorm,pscl,aer,matrix,seriation,spatstat,actuar,evd,gmm,effects,metafor}
    r-cran-{glmnet,adegenet,spdep,igraph,fields,maps,nlme,pbkrtest,rpart,fitdistrplus,brms,vars,pls,qtl,bradleyterry2,gnm,psychotree,phangorn,mice,distr}
    r-cran-{tgp,network,ergm,powerlaw,lavaan,systemfit,xts,forecast,mcmcpack,rstan,sqldf,rsqlite,lubridate}
    r-bioc-{edger,limma,biostrings,genomicranges,iranges,graph,variantannotation,rsamtools,genefilter,annotationdbi,biobase,affy,multtest,qvalue,gviz}
    r-bioc-{made4,rgraphviz,snpstats,dexseq,dnacopy,geneplotter,gseabase,metagenomeseq}
    postgresql-doc-15 git-doc debian-policy gnuplot-doc developers-reference
    debian-reference-{de,fr,es,it} developers-reference-{de,fr} maint-guide-{de,fr} aptitude-doc-{fr,es,nl}
)
mkdir -p "$folder/packages"
if [ ! -x "$folder/venv/bin/python" ]; then
    python3 -m venv "$folder/venv"
    "$folder/venv/bin/pip" install --quiet rapidfuzz==3.14.6 lxml pyphen==0.18.1 pdf_oxide==0.3.78 liteparse==2.18.0 kreuzberg==4.10.4 "markitdown[pdf]==0.1.9" \
        pymupdf4llm==1.28.2
fi
python="$folder/venv/bin/python"
for package in "${packages[@]}"; do
    [ -d "$folder/packages/$package" ] && continue
    # Packages come and go with releases of Debian: those that are not there are left out.
    (cd "$folder" && apt-get download -q "$package" >/dev/null 2>&1) || { echo "$package: not there" >&2; continue; }
    dpkg-deb -x "$folder/$package"_*.deb "$folder/packages/$package"
    rm "$folder/$package"_*.deb
done
[ -d "$folder/set" ] || "$python" "$here/texts.py" "$folder/set" "$folder/packages" >/dev/null
cargo build --release --quiet
for program in ${PROGRAMS:-target/release/pagestream pymupdf4llm pdf_oxide liteparse kreuzberg markitdown}; do
    for side in train held; do
        echo "== $program, $side"
        target="$folder/$(basename "$program")-$side"
        "$python" benches/structure/peers.py "$program" "$target" "$folder/set/$side"/*.pdf 2>/dev/null | tail -1
        "$python" "$here/score.py" "$folder/set/$side" "$target"
    done
done
