#!/bin/sh
# Runs every fuzz target for a while (FUZZTIME each, 10s unless set).
set -eu

cd "$(dirname "$0")/.."
. scripts/env.sh
for package in $(go list ./...); do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || :); do
		echo "== $package $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-10s}" -fuzzminimizetime 5x "$package"
	done
done
