# Waxseal. "make help" lists what there is.
SHELL := /bin/sh
GO := . scripts/env.sh && go
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
BENCH ?= .
SOAK ?= 10m

.DEFAULT_GOAL := help
.PHONY: help setup build demo test e2e race lint bench fuzz soak nightly clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 14

setup: ## install what building and testing need, if it is missing
	@scripts/setup.sh

build: setup ## bin/waxseal, one static binary
	@$(GO) build -trimpath -ldflags '-X main.version=$(VERSION)' -o bin/waxseal ./cmd/waxseal

demo: build ## tamper with a throw-away mail server and see it explained
	@$(GO) build -o .cache/demo ./internal/lab/demo && exec .cache/demo -waxseal bin/waxseal

test: setup lint ## everything: vet, staticcheck, tests, real Postfix, races
	@scripts/test.sh

e2e: setup ## only the tests with a real Postfix
	@scripts/test.sh -count=1 -p 1 ./internal/agent/... ./internal/lab/...

race: setup ## only the tests with the race detector
	@export CGO_ENABLED=1 && $(GO) test -race -p 1 $$(go list ./... | grep -v /internal/lab)

lint: setup ## gofmt, go vet, staticcheck
	@$(GO) vet ./... && test -z "$$(gofmt -l *.go cmd internal tools | tee /dev/stderr)"
	@$(GO) tool -modfile=tools/go.mod staticcheck ./...

bench: setup ## benchmarks; BENCH=regexp picks some
	@$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem ./...

fuzz: setup ## every fuzz target for FUZZTIME (10s)
	@scripts/fuzz.sh

soak: setup ## an agent under changes for SOAK (10m): memory and descriptors stay flat
	@WAXSEAL_SOAK=$(SOAK) $(GO) test -count=1 -v -timeout 0 -run '^TestSoak$$' ./internal/agent

nightly: setup ## floods in full size, then an agent under changes for SOAK (24h)
	@WAXSEAL_FLOODS=1 $(GO) test -count=1 -v -timeout 2h -run '^(TestFloods|TestForkBomb|TestLogRotation)$$' ./internal/agent
	@WAXSEAL_SOAK=$(if $(filter command line,$(origin SOAK)),$(SOAK),24h) $(GO) test -count=1 -v -timeout 0 -run '^TestSoak$$' ./internal/agent

clean: ## remove what was built and what a killed demo left behind
	@$(GO) run ./internal/lab/demo -clean
	@if [ -x bin/waxseal ]; then bin/waxseal doctor --clean || :; fi
	rm -rf bin .cache/demo .cache/verdict .cache/closing
