package opensmtpd

import (
	"slices"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/lab"
)

// TestStarted asks a real smtpd which programs it starts although nothing uses
// them: those run, so that their hooks are active.
func TestStarted(t *testing.T) {
	s := newRunning(t)
	began := func(name string) string { return "#!/bin/sh\necho " + name + " $(id -un) >>/out/log\n" }
	const ready = "while read line; do [ \"$line\" = 'config|ready' ] && echo 'register|ready'; done\n"
	s.write(t, "/usr/local/bin/began", began("filter")+ready, 0o755)
	s.write(t, "/usr/libexec/opensmtpd/filter-began", began("filter-in-libexec")+ready, 0o755)
	s.write(t, "/usr/libexec/opensmtpd/table-odd", began("table")+"exec /usr/libexec/opensmtpd/table-passwd \"$@\"\n", 0o755)
	s.write(t, "/etc/odd", "alice:x:1000:1000::/home/alice:\n", 0o644)
	s.add(t, `table t odd:/etc/odd
proc "p" "/usr/local/bin/began" user nobody
filter "f" proc-exec "filter-began -x"
mda wrapper "w" "/usr/local/bin/began"
listen on 127.0.0.1
action a maildir
match for local action a
`, []string{"127.0.0.1 a@s1.example alice@localhost"})
	s.run(t)
	log := s.result(t, 0, ".log")
	for name, account := range map[string]string{"filter": "nobody", "filter-in-libexec": "opensmtpd", "table": "opensmtpd"} {
		if !strings.Contains(log, name+" "+account+"\n") {
			t.Errorf("%s was not started as %s:\n%s\n%s", name, account, log, s.result(t, 0, ".smtpd"))
		}
	}
	want := map[string]string{"/usr/local/bin/began": "nobody", "/usr/libexec/opensmtpd/filter-began -x": "opensmtpd", "/usr/libexec/opensmtpd/table-odd /etc/odd": "opensmtpd"}
	for _, h := range s.read(t, 0).Hooks {
		if h.Target.Type != waxseal.TargetCommand || h.Directive == "mda wrapper" {
			continue
		}
		if account, ok := want[h.Target.Value]; !ok || h.RunsAs != account || !h.Active {
			t.Errorf("%s runs as %q, active %v", h.Target.Value, h.RunsAs, h.Active)
		}
		delete(want, h.Target.Value)
	}
	if len(want) > 0 {
		t.Errorf("no hooks for %v", want)
	}
}

// TestCompiledTable reads what the makemap(8) of a real OpenSMTPD writes, and
// tells where the source says something else.
func TestCompiledTable(t *testing.T) {
	s := newRunning(t)
	s.write(t, "/etc/m", "root:\talice\nlist: bob, |/usr/local/bin/took x\nOdd : carol\nlate: bob\n", 0o644)
	if out, err := lab.Output(t.Context(), s.root, `makemap -t aliases -o /etc/m.db /etc/m && makemap -U /etc/m.db`); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	s.write(t, "/etc/m", "root: alice\nlist: bob\nodd: carol\nnew: bob\n", 0o644)
	s.add(t, "table t db:/etc/m.db\naction a maildir alias <t>\nmatch for local action a\n", nil)
	var got []string
	result := s.read(t, 0)
	for _, h := range result.Hooks {
		if h.Directive == "alias" {
			got = append(got, strings.TrimPrefix(string(h.ID), "opensmtpd:/etc/m.db:alias:")+" > "+h.Target.Value+" | "+h.Modifiers["drift"]+h.Modifiers["inactive"])
		}
	}
	want := []string{
		"late > bob | only the compiled table has late",
		"list > bob | the compiled table says bob, |/usr/local/bin/took x, its source bob",
		"list:2 > /usr/local/bin/took x | the compiled table says bob, |/usr/local/bin/took x, its source bob",
		"new > bob | it is not in the compiled table, which is what smtpd reads", "odd > carol | ", "root > alice | ",
	}
	slices.Sort(got)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s\n%+v", strings.Join(got, "\n"), strings.Join(want, "\n"), result.Problems)
	}
}
