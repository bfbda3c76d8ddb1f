package detect

import (
	"testing"

	"waxseal"
)

// TestEverySignHasARow: a sign without words would be a severity without a
// reason.
func TestEverySignHasARow(t *testing.T) {
	for s, r := range signs {
		if r.reason == "" {
			t.Errorf("sign %d has no reason", s)
		}
		if r.severity < waxseal.None || r.severity > waxseal.Critical {
			t.Errorf("sign %d (%s): severity %d", s, r.reason, r.severity)
		}
	}
}

// TestWorseNeedsSomethingHigh: an aggravation alone is no alarm.
func TestWorseNeedsSomethingHigh(t *testing.T) {
	w := weighing(rewritten, "header_checks", "x")
	w.add(rootCommand)
	w.settle()
	if w.severity != waxseal.Medium {
		t.Errorf("medium with an aggravation became %s", w.severity)
	}
	w = weighing(foreignAddress, "a@evil.example.net")
	w.add(remoteSeesAll, "all")
	w.settle()
	if w.severity != waxseal.Critical {
		t.Errorf("high with an aggravation stayed %s", w.severity)
	}
}
