package detect_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal"
	"waxseal/internal/detect"
)

// TestRankBeside: in which order pieces of the work are done makes no difference.
func TestRankBeside(t *testing.T) {
	var s waxseal.State
	for i := range 10_000 {
		h := waxseal.Hook{ID: waxseal.HookID(fmt.Sprint("h", i)), Kind: waxseal.KindRedirect, Active: i%5 > 0, Directive: "redirect", Scope: fmt.Sprint("recipient u", i),
			Target: waxseal.Target{Type: waxseal.TargetAddress, Value: fmt.Sprintf("u%d@example.net", i%3000), Remote: i%3 == 0}, Effects: []waxseal.Effect{waxseal.Divert}}
		if i%7 == 0 {
			h.Kind, h.Target = waxseal.KindPipe, waxseal.Target{Type: waxseal.TargetCommand, Value: "/tmp/x"}
		}
		s.Hooks = append(s.Hooks, h)
	}
	pieces := 0
	got := detect.RankBeside(s, func(work ...func()) {
		pieces += len(work)
		for _, do := range slices.Backward(work) {
			do()
		}
	})
	if d := cmp.Diff(detect.Rank(s), got); d != "" || len(got) != 8_000 || pieces < 4 {
		t.Errorf("%d findings of %d pieces: %.2000s", len(got), pieces, d)
	}
}
