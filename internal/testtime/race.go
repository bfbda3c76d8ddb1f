//go:build race

package testtime

// slower is how much slower the race detector makes what runs.
const slower = 10
