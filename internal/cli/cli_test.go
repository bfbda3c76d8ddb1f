package cli_test

import (
	"strings"
	"testing"

	"waxseal/internal/cli"
)

// TestStays: the collector is told what ends by itself and what does not, wherever the
// flags stand.
func TestStays(t *testing.T) {
	for _, tc := range []struct {
		args string
		want bool
	}{
		{"watch", true}, {"--state /x watch", true}, {"watch --format json", true}, {"attack serve --listen [::1]:0", true},
		{"scan", false}, {"--root watch scan", false}, {"attack show T1505", false}, {"", false}, {"nonsense", false},
	} {
		if got := cli.Stays(strings.Fields(tc.args)); got != tc.want {
			t.Errorf("%q: %v", tc.args, got)
		}
	}
}
