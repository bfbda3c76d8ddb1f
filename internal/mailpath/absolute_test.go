package mailpath

import (
	"regexp"
	"slices"
	"testing"
)

// pathPattern says what absolute finds.
var pathPattern = regexp.MustCompile(`(?:^|[\s"'=(<>|;&:@{])(/[A-Za-z0-9_.+@%,/-]{2,255})`)

func FuzzAbsolute(f *testing.F) {
	for _, seed := range []string{"/bin/sh /a /ab", "x=/usr/bin/x;/bin/y|/bin/z", "//x /@/y @/z", "a/b /c/:/d/e", "'/etc/x'\"/etc/y\"", "{/é/a /bin/é"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var want []string
		for _, g := range pathPattern.FindAllSubmatch(text, -1) {
			want = append(want, string(g[1]))
		}
		if got := slices.Collect(absolute(text)); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	})
}
