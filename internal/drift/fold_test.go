package drift_test

import (
	"testing"

	"waxseal"
	"waxseal/internal/drift"
)

// TestFold: an upgrade is told as one, and what a script did to one of its files beside.
func TestFold(t *testing.T) {
	const lib = waxseal.Path("/usr/lib/mailtool/libx.so")
	state := func(version string, digest waxseal.Digest, change func(*waxseal.FileState)) waxseal.State {
		f := waxseal.FileState{File: waxseal.File{Path: lib, Type: waxseal.Regular, Mode: 0o755}, Role: waxseal.RoleLibrary, Digest: digest, Package: "mailtool", PackageState: waxseal.PackageUnmodified}
		if change != nil {
			change(&f)
		}
		return waxseal.State{Files: []waxseal.FileState{f}, Packages: []waxseal.Package{{Name: "mailtool", Manager: "dpkg", Version: version, Fingerprint: waxseal.Digest(version)}}}
	}
	for name, tc := range map[string]struct {
		change func(*waxseal.FileState)
		folded bool
	}{
		"as it was brought": {nil, true},
		"a capability":      {func(f *waxseal.FileState) { f.XAttrs = map[string]waxseal.Digest{"security.capability": "x"} }, false},
		"immutable":         {func(f *waxseal.FileState) { f.Flags = []string{"immutable"} }, false},
		"setuid":            {func(f *waxseal.FileState) { f.Mode = 0o4755 }, false},
		"not its content":   {func(f *waxseal.FileState) { f.PackageState = waxseal.PackageModified }, false},
	} {
		own := false
		for _, ch := range drift.Compare(state("1", "aa", nil), state("2", "bb", tc.change)) {
			own = own || ch.Path == lib
		}
		if own == tc.folded {
			t.Errorf("%s: told by itself %t", name, own)
		}
	}
}
