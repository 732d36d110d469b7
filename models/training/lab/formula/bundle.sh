#!/bin/bash
# Packs what latex and dvipng need (programs, libraries, the files that a few runs opened) so that they work where no TeX is installed.
# bundle.sh OPENED.txt OUT.tar.xz: OPENED.txt lists the files, as `KPATHSEA_DEBUG=36` names them on standard error while latex and dvipng run.
set -e
root=$(mktemp -d)
mkdir -p $root/opt/tex/{bin,lib,real}
tar cf - --files-from="$1" --dereference -P | tar xf - -C $root --strip-components=0
for name in latex dvipng; do
  cp -L "$(command -v $name)" $root/opt/tex/real/$name
  ldd "$(command -v $name)" | grep -o '/lib[^ ]*' | xargs -I{} cp -L {} $root/opt/tex/lib/
  printf '#!/bin/sh\nexec /opt/tex/lib/ld-linux-x86-64.so.2 --library-path /opt/tex/lib /opt/tex/real/%s "$@"\n' $name > $root/opt/tex/bin/$name
  chmod +x $root/opt/tex/bin/$name
done
tar cJf "$2" -C $root .
rm -r $root
