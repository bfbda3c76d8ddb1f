package postfix

import (
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta/postfix/postconf"
)

// TestDirectoriesFoundElsewhere: a directory that a unit leads Postfix to is
// read; it runs if what leads to it does, whatever multi_instance_enable says.
func TestDirectoriesFoundElsewhere(t *testing.T) {
	files := map[string]string{
		"/etc/postfix/main.cf":   own + "multi_instance_directories = /etc/postfix-two\n",
		"/etc/postfix/master.cf": masterLines,
	}
	for _, dir := range []string{"/etc/postfix-two", "/srv/.mail", "/srv/idle"} {
		files[dir+"/main.cf"] = own + "smtpd_milters = inet:192.0.2.1:1\n"
		files[dir+"/master.cf"] = masterLines
	}
	unit := waxseal.Source{Path: "/etc/systemd/system/m.service", Line: 4}
	r := ReadWith(tree(files), mask.New([]byte("test key")), Options{
		Version: postconf.Packaged("2:3.5.25-1.el9", postconf.RedHat),
		Also: []Directory{
			{Path: "/srv/.mail/", Why: "MAIL_CONFIG is set in m.service", Source: unit, Active: true},
			{Path: "/srv/idle", Why: "-c is given in old.service", Source: unit},
			{Path: "/srv/gone", Why: "-c is given in m.service", Source: unit, Active: true},
		},
	})
	active := map[waxseal.Path]bool{}
	for _, h := range r.Hooks {
		if h.Directive == "smtpd_milters" {
			active[h.Source.Path] = h.Active
			if led := h.Modifiers["instance"]; strings.HasPrefix(string(h.Source.Path), "/srv") != (led != "") {
				t.Errorf("%s: led to by %q", h.Source.Path, led)
			}
		}
	}
	want := map[waxseal.Path]bool{"/etc/postfix-two/main.cf": false, "/srv/.mail/main.cf": true, "/srv/idle/main.cf": false}
	for p, is := range want {
		if got, found := active[p]; !found || got != is {
			t.Errorf("%s: found %v, active %v", p, found, got)
		}
	}
	if len(r.Problems) != 1 || r.Problems[0].Path != unit.Path || !strings.Contains(r.Problems[0].Message, "/srv/gone") {
		t.Errorf("problems %v", r.Problems)
	}
	if v := r.Stacks[0].Version; v != "2:3.5.25-1.el9" {
		t.Errorf("version %q", v)
	}
}
