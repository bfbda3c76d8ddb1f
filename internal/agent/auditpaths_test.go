package agent

import (
	"fmt"
	"strings"
	"testing"

	"waxseal"
)

// TestAuditPathsStayFew: thousands of modules make a rule for each directory at the
// top, and what is single keeps its own.
func TestAuditPathsStayFew(t *testing.T) {
	s := waxseal.State{Files: []waxseal.FileState{
		{File: waxseal.File{Path: "/usr/sbin/opendkim"}, Role: waxseal.RoleBinary},
		{File: waxseal.File{Path: "/usr/bin/sa-learn"}, Role: waxseal.RoleModule},
	}}
	add := func(dir string, n int) {
		for i := range n {
			s.Files = append(s.Files, waxseal.FileState{File: waxseal.File{Path: waxseal.Path(fmt.Sprintf("%s/%d.pm", dir, i))}, Role: waxseal.RoleModule})
		}
	}
	add("/usr/share/rspamd/lualib", 5)
	add("/usr/share/rspamd/lualib/deep", 50)
	for i := range 300 {
		add(fmt.Sprintf("/usr/share/perl5/P%d", i), 10)
	}
	got := AuditPaths("/root", s)
	joined := "\n" + strings.Join(got, "\n") + "\n"
	if len(got) != maxModuleRules+1 {
		t.Errorf("%d rules:%s", len(got), joined)
	}
	for _, want := range []string{"/root/usr/sbin/opendkim", "/root/usr/share/perl5/P0"} {
		if !strings.Contains(joined, "\n"+want+"\n") {
			t.Errorf("no rule on %s", want)
		}
	}
	if strings.Contains(joined, "sa-learn") || strings.Contains(joined, "deep") {
		t.Errorf("a rule too many:%s", joined)
	}
}

// TestAuditPathsOnDirectories: a rule on a directory with all that is below it costs each
// system call of the host, so there is one only where it stands for many. Where some files
// lie, who makes another one there is told by the rule on the entries.
func TestAuditPathsOnDirectories(t *testing.T) {
	var s waxseal.State
	add := func(dir string, n int, each func(*waxseal.FileState)) {
		for i := range n {
			f := waxseal.FileState{File: waxseal.File{Path: waxseal.Path(fmt.Sprintf("%s/%d", dir, i))}, Role: waxseal.RoleBinary}
			if each != nil {
				each(&f)
			}
			s.Files = append(s.Files, f)
		}
	}
	add("/two", someInOne-1, nil)
	add("/few", manyInOne-1, nil)
	add("/many", manyInOne, nil)
	add("/usr/lib/linked", manyInOne, nil)
	add("/lib/linked", manyInOne, func(f *waxseal.FileState) { f.Resolved = "/usr" + f.Path })
	add("/lib/linked/x", 1, func(f *waxseal.FileState) { f.Resolved, f.Link = "/usr/lib/linked/0", "../0" })
	s.Files = append(s.Files, waxseal.FileState{File: waxseal.File{Path: "/few/module.pm"}, Role: waxseal.RoleModule}, waxseal.FileState{File: waxseal.File{Path: "/two/module.pm"}, Role: waxseal.RoleModule})
	got := map[string]bool{}
	for _, p := range AuditPaths("/", s) {
		got[p] = true
	}
	for p, want := range map[string]bool{
		"/two/0": true, "/two/.": false, "/two/module.pm": false, "/few": false, "/few/.": true, "/few/0": true, "/few/module.pm": true,
		"/many": true, "/many/.": false, "/many/0": false, "/usr/lib/linked": true, "/lib/linked": false, "/lib/linked/0": false,
	} {
		if got[p] != want {
			t.Errorf("a rule on %s: %v", p, got[p])
		}
	}
}
