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

# There is one kernel audit for all, so tests that use it take turns; what they
# rest on is no file that Go could compare, so they run every time.
kernel='/internal/\(agent\|cli\|lab\|lab/demo\|sensor/.*\)$'
pure() { go list ./... | grep -v "$kernel"; }
live() { go list ./... | grep "$kernel"; }

large='Linear|StockDebian|FiltersCode|AttackDocuments|StoriesConform|TestBrokenTrees/a_map|TestBrokenTrees/main.cf_is_huge|TestSealedAsRead/a_map|TestWriteMethods|TestLifeOfAChange|TestUpgradeOf|TestReinstall|TestOpenFiles|TestAttackPages|TestHands$|TestFloods|TestForkBomb|TestLogRotation|TestLaundering|TestSoak|TestMailInContainer|TestPodman|TestPlatforms|TestTwoHandsAtOnce|TestFiveHands|TestMonthOfHosting|TestUpgradeByRPM|TestTrafficIsDiverted|TestDiverterIsNamed|TestScanNamesTheListener|TestStockPartsAreQuiet|TestReader'

# Where nothing runs side by side, and that is so below the keepers (floors_test.go), the
# race detector can't find anything.
concurrent() {
	go list -f '{{.ImportPath}} {{.Dir}}' "$@" | while read -r package dir; do
		if grep -qE '"sync|[[:space:]]go func|\.Go\(' "$dir"/*.go; then echo "$package"; fi
	done
}

# An agent that sees a change now and then for ten minutes has the kernel to itself, beside
# the tests that don't need it. It is a session of its own, which ends with this script.
soak() {
	WAXSEAL_SOAK=10m WAXSEAL_SOAK_EVERY=250ms setsid go test -json -count=1 -timeout 20m -run '^TestSoak$' ./internal/agent >.cache/soak.json 2>&1 &
	soak=$!
	trap 'kill -TERM "-$soak"' EXIT
	trap 'exit 130' INT TERM HUP
}

# soaked waits for it. One that was ended from outside says nothing itself.
soaked() {
	wait "$soak"
	status=$?
	trap - EXIT INT TERM HUP
	cat .cache/soak.json
	if [ "$status" -ne 0 ]; then
		printf '{"Action":"output","Package":"%s","Test":"TestSoak","Output":"ended with status %d\\n"}\n' waxseal/internal/agent "$status"
		printf '{"Action":"fail","Package":"%s","Test":"TestSoak"}\n' waxseal/internal/agent
	fi
}

# shellcheck disable=SC2046 # one word each
tests() {
	if [ $# -gt 0 ]; then
		go test -json "$@"
		return
	fi
	soak
	(cd tools && go test -json ./...)
	go test -json -timeout 20m $(pure)
	if gcc=$(command -v gcc); then
		# All the questions to real programs were asked above, and how much time a
		# reader takes says nothing here.
		CGO_ENABLED=1 WAXSEAL_PARITY_CASES=30 go test -json -timeout 20m -race -skip 'Linear|AgainIsAnew' $(concurrent $(pure | grep -v /lab))
	else
		echo "no race detector: it needs gcc"
	fi
	soaked
	go test -json -count=1 -timeout 30m -p 1 -skip '^TestSoak$' $(live)
	if [ -n "$gcc" ]; then
		# Nor does how long a text or how large a server is, which ran above too.
		CGO_ENABLED=1 WAXSEAL_PARITY_CASES=30 go test -json -count=1 -timeout 30m -race -p 1 -skip "$large" $(live | grep -v /lab)
	fi
}

# What fails is in the events, which verdict judges.
{ set +e; tests "$@"; } | .cache/verdict -closing .cache/closing
