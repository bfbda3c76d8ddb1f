package lab

import (
	"os"
	"strconv"
	"time"
)

// Seed is the seed of a parity test: that of the day (UTC), so that there are new
// questions every day, and the same for all who ask on that day, whose differences
// are everybody's then. WAXSEAL_PARITY_SEED repeats another run; a test logs it.
func Seed(t T) uint64 {
	t.Helper()
	now := time.Now().UTC()
	return fromEnvironment(t, "WAXSEAL_PARITY_SEED", uint64(now.Year()*10000+int(now.Month())*100+now.Day()))
}

// Cases is how many cases a parity test asks, unless WAXSEAL_PARITY_CASES says
// otherwise.
func Cases(t T, otherwise int) int {
	t.Helper()
	return int(fromEnvironment(t, "WAXSEAL_PARITY_CASES", uint64(otherwise)))
}

// Many reports whether cases are so many that it says something about their
// generator how many of them are refused.
func Many(cases int) bool { return cases >= 500 }

func fromEnvironment(t T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
