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
