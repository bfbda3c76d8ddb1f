package store

import "testing"

func TestLeftFree(t *testing.T) {
	for _, tc := range []struct {
		name        string
		total, want uint64
	}{
		{"a tmpfs of tests", 20 * mebi, mebi},
		{"a small disk", 600 * mebi, 64 * mebi},
		{"a disk", 20_480 * mebi, 1024 * mebi},
		{"a large disk", 1 << 50, 4096 * mebi},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := leftFree(tc.total); got != tc.want {
				t.Errorf("%d are left free, want %d", got, tc.want)
			}
		})
	}
}
