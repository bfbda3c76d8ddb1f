package mailpath_test

import (
	"crypto/md5"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/snapshot"
)

// TestGlance: a reading that is only shown makes no second digest of modules and
// libraries that a package vouches for, makes every one of what it does not, and finds
// the same hooks.
func TestGlance(t *testing.T) {
	tree := rspamd()
	listed := func(p, content string) string { return fmt.Sprintf("%x  %s\n", md5.Sum([]byte(content)), p[1:]) }
	tree["/var/lib/dpkg/info/rspamd.md5sums"] = object(0, 0, 0o644, listed("/usr/share/rspamd/plugins/a.lua", "a")+listed("/lib/rspamd/x.so", "another"))
	read := func(glance bool) (waxseal.State, map[waxseal.Path]waxseal.FileState) {
		r := mailpath.NewReader(mask.New([]byte("k")))
		if glance {
			r.Glance()
		}
		s, files := r.Read(snapshot.New(tree)), map[waxseal.Path]waxseal.FileState{}
		for _, f := range s.Files {
			files[f.Path] = f
		}
		return s, files
	}
	whole, of := read(false)
	seen, at := read(true)
	if diff := cmp.Diff(whole.Hooks, seen.Hooks); diff != "" {
		t.Error(diff)
	}
	vouched, other := waxseal.Path("/usr/share/rspamd/plugins/a.lua"), waxseal.Path("/lib/rspamd/x.so")
	if at[vouched].Digest != "" || at[vouched].PackageState != waxseal.PackageUnmodified || of[vouched].Digest == "" {
		t.Errorf("vouched for: %+v", at[vouched])
	}
	if at[other].Digest == "" || at[other].PackageState != waxseal.PackageModified {
		t.Errorf("modified: %+v", at[other])
	}
	if none := waxseal.Path("/usr/share/perl5/Net/DNS.pm"); at[none].Digest == "" {
		t.Errorf("of a package without digests: %+v", at[none])
	}
}
