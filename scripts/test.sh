#!/bin/sh
# Runs every test, those with real mail servers too, then the packages that
# hold no lab once more with the race detector, and judges both together.
# With arguments: runs "go test" with those instead.
set -eu

cd "$(dirname "$0")/.."
. scripts/env.sh
mkdir -p .cache
(cd tools && go build -o ../.cache/verdict ./verdict)
rm -f .cache/closing

tests() {
	if [ $# -gt 0 ]; then
		go test -json "$@"
		return
	fi
	(cd tools && go test -json ./...)
	go test -json ./...
	if command -v gcc >/dev/null; then
		# shellcheck disable=SC2046 # one word each
		CGO_ENABLED=1 go test -json -race $(go list ./... | grep -v /internal/lab)
	else
		echo "no race detector: it needs gcc"
	fi
}

# What fails is in the events, which verdict judges.
{ tests "$@" || :; } | .cache/verdict -closing .cache/closing
