package pulse

import (
	"strings"
	"testing"
	"time"
)

func TestJudge(t *testing.T) {
	start := Reading{Wall: time.Date(2026, 11, 30, 3, 0, 0, 0, time.UTC), Mono: time.Hour, Boot: 2 * time.Hour}
	for _, tc := range []struct {
		name             string
		wall, mono, boot time.Duration
		continued        bool
		want             []string
	}{
		{"a beat", every, every, every, false, nil},
		{"a busy host", time.Second, time.Second, time.Second, false, nil},
		{"stopped", 10 * time.Second, 10 * time.Second, 10 * time.Second, true, []string{"stopped (SIGSTOP) for 10s"}},
		{"frozen", 10 * time.Second, 10 * time.Second, 10 * time.Second, false, []string{"did not run for 10s"}},
		{"suspended", time.Hour, every, time.Hour, false, []string{"suspended for 59m59.5s"}},
		{"clock set forward", 5*time.Second + every, every, every, false, []string{"set forward by 5s"}},
		{"clock set back", -5*time.Second + every, every, every, false, []string{"set back by 5s"}},
		{"slewed", every + 10*time.Millisecond, every, every, false, nil},
		{"stopped while the clock was set", 13 * time.Second, 10 * time.Second, 10 * time.Second, true, []string{"stopped", "set forward by 3s"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			after := Reading{Wall: start.Wall.Add(tc.wall), Mono: start.Mono + tc.mono, Boot: start.Boot + tc.boot}
			gaps := Judge(start, after, tc.continued)
			if len(gaps) != len(tc.want) {
				t.Fatalf("gaps are %+v", gaps)
			}
			for i, w := range tc.want {
				if !strings.Contains(gaps[i].Reason, w) {
					t.Errorf("reason is %q, want %q", gaps[i].Reason, w)
				}
			}
		})
	}
}
