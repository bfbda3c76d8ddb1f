# Where Go is and how it is used, for the other scripts and the Makefile: the one
# that setup fetched, else the one in PATH, else the one in its usual place. Read
# with "." from the top of the repository.
# shellcheck shell=sh
PATH=$PWD/.cache/go/bin:$PATH:/usr/local/go/bin
CGO_ENABLED=${CGO_ENABLED:-0} # only the race detector needs C
GOTOOLCHAIN=auto # Debian's Go has "local", which keeps it from fetching go.mod's
export PATH CGO_ENABLED GOTOOLCHAIN
