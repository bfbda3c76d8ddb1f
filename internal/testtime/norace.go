//go:build !race

package testtime

// slower is how much slower the race detector makes what runs: it does not run.
const slower = 1
