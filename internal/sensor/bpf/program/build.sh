#!/bin/sh
# build.sh SOURCEDIR OBJECT compiles process.c. The result is the same, byte for
# byte, with the same release of clang (Debian 12: clang 14), wherever it is built.
set -eu
clang -target bpfel -mcpu=v2 -O2 -g -Wall -Werror -fdebug-compilation-dir=. -ffile-prefix-map="$1"/= -c "$1"/process.c -o "$2"
llvm-strip -g "$2"
