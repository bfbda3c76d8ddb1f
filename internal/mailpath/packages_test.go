package mailpath_test

import (
	"testing"

	"waxseal"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/snapshot"
)

// rpmLike is a package database that is none of dpkg's.
type rpmLike struct {
	changed bool
	read    int
}

func (*rpmLike) Owner(p waxseal.Path) string {
	if p == "/usr/local/bin/filter.sh" {
		return "filter"
	}
	return ""
}

func (*rpmLike) State(p waxseal.Path, sums waxseal.Sums) waxseal.PackageState {
	if len(sums.SHA256) != 64 || len(sums.MD5) != 32 {
		return waxseal.PackageUnknown
	}
	return waxseal.PackageModified
}

func (*rpmLike) NeedsMD5(waxseal.Path) bool           { return true }
func (*rpmLike) Package(name string) waxseal.Package  { return waxseal.Package{Name: name} }
func (*rpmLike) Describe(name string) waxseal.Package { return waxseal.Package{Name: name} }
func (*rpmLike) Brought(string) []waxseal.Path        { return nil }
func (*rpmLike) Needs(string) []string                { return nil }
func (r *rpmLike) Current(waxseal.Tree) bool          { return !r.changed }

// stateOf finds what a reading says of a file's package.
func stateOf(t *testing.T, s waxseal.State, p waxseal.Path) (string, waxseal.PackageState) {
	t.Helper()
	for _, h := range s.Hooks {
		for _, part := range h.Closure {
			if part.Path == p {
				return part.Package, part.PackageState
			}
		}
	}
	t.Fatalf("no hook depends on %s", p)
	return "", ""
}

func TestPackagesOfAnotherKind(t *testing.T) {
	const filter waxseal.Path = "/usr/local/bin/filter.sh"
	objects := server()
	objects["/usr/sbin/postfix"] = snapshot.Object{File: waxseal.File{Mode: 0o755}, Content: []byte("\x7fELF")}
	tree := snapshot.New(objects)
	db := &rpmLike{}
	r := mailpath.NewReader(mask.New([]byte("0123456789abcdef0123456789abcdef")))
	// Without any database nothing is known, and nothing is worse for it.
	if pkg, state := stateOf(t, r.Read(tree), filter); pkg != "" || state != waxseal.PackageUnknown {
		t.Errorf("without: %q, %s", pkg, state)
	}
	r.Otherwise(func(waxseal.Tree) (mailpath.Packages, []waxseal.Problem) {
		db.read++
		return db, []waxseal.Problem{{Path: "/var/lib/rpm", Message: "odd"}}
	})
	s := r.Read(tree)
	if pkg, state := stateOf(t, s, filter); pkg != "filter" || state != waxseal.PackageModified {
		t.Errorf("with: %q, %s", pkg, state)
	}
	if len(s.Problems) == 0 || s.Problems[len(s.Problems)-1].Message != "odd" {
		t.Errorf("problems %v", s.Problems)
	}
	// It is read again when it has changed, and then only.
	r.Read(tree)
	before := db.read
	db.changed = true
	r.Read(tree)
	if before != 1 || db.read != 2 {
		t.Errorf("read %d times, then %d", before, db.read)
	}
	objects = server()
	objects["/var/lib/dpkg/info/filter.list"] = snapshot.Object{Content: []byte(string(filter) + "\n")}
	r = mailpath.NewReader(mask.New([]byte("0123456789abcdef0123456789abcdef")))
	r.Otherwise(func(waxseal.Tree) (mailpath.Packages, []waxseal.Problem) {
		t.Error("asked where dpkg has the answer")
		return nil, nil
	})
	if pkg, state := stateOf(t, r.Read(snapshot.New(objects)), filter); pkg != "filter" || state != waxseal.PackageUnknown {
		t.Errorf("of dpkg: %q, %s", pkg, state)
	}
}
