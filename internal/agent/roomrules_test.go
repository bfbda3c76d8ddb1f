package agent

import (
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/sensor/kaudit"
	"waxseal/internal/snapshot"
)

// TestRulesFor: what is configured has a rule before what is run, and a directory before
// what is in it.
func TestRulesFor(t *testing.T) {
	number := uint64(0)
	objects := map[waxseal.Path]snapshot.Object{}
	of := map[uint64]waxseal.Path{}
	put := func(p waxseal.Path, kind waxseal.FileType) waxseal.File {
		number++
		f := waxseal.File{Path: p, Type: kind, Device: 1, Inode: number}
		objects[p], of[number] = snapshot.Object{File: f}, p
		return f
	}
	var s waxseal.State
	for _, x := range []struct {
		path waxseal.Path
		role waxseal.Role
	}{
		{"/etc/sudoers", waxseal.RoleConfig}, {"/etc/postfix/main.cf", waxseal.RoleConfig}, {"/etc/aliases", waxseal.RoleAliases},
		{"/opt/filter/run.sh", waxseal.RoleScript}, {"/etc/init.d/x", waxseal.RoleScript}, {"/usr/sbin/postfix", waxseal.RoleBinary}, {"/var/mail/alice", waxseal.RoleMailbox},
	} {
		s.Files = append(s.Files, waxseal.FileState{File: put(x.path, waxseal.Regular), Role: x.role})
	}
	for _, d := range []waxseal.Path{"/etc/postfix", "/etc", "/opt/filter", "/etc/init.d", "/usr/sbin"} {
		put(d, waxseal.Directory)
	}
	s.Stacks = []waxseal.Stack{{MTA: "postfix", Config: []waxseal.Path{"/etc/postfix/main.cf"}}}
	s.Hooks = []waxseal.Hook{{MTA: "postfix", Source: waxseal.Source{Path: "/etc/postfix/main.cf"}, Closure: []waxseal.Part{{Path: "/opt/filter/run.sh", Role: waxseal.RoleScript}}}}
	var got []string
	for k, list := range rulesFor(snapshot.New(objects), s, "") {
		for _, f := range list {
			got = append(got, strings.Fields(ruleNames[k])[0]+" "+string(of[f.Inode]))
		}
	}
	want := "directories /etc, directories /etc/postfix, directories /opt/filter, files /etc/postfix/main.cf, files /etc/aliases, scripts /opt/filter/run.sh, files /etc/init.d, files /etc/sudoers, files /etc/init.d/x, programs /usr/sbin/postfix"
	if said := strings.Join(got, ", "); said != want {
		t.Errorf("the rules are\n%s, want\n%s", said, want)
	}
}

// TestShareRules: the rules of several containers are for what is configured in each of
// them, and it is said what has none.
func TestShareRules(t *testing.T) {
	room := func(device uint64, counts [ruleKinds]int) (r roomRules) {
		for k, n := range counts {
			for range n {
				r[k] = append(r[k], kaudit.File{Device: device, Inode: uint64(k*1000 + len(r[k]) + 1)})
			}
		}
		return r
	}
	rooms := []roomRules{room(1, [ruleKinds]int{10, 20, 5, 40, 75, 200}), room(2, [ruleKinds]int{10, 20, 5, 10, 45, 0}), room(1, [ruleKinds]int{10})}
	rooms[1][ruleConfig][3].Inode = 1 << 33
	list, without := shareRules(rooms)
	if len(list) != kaudit.MaxInodes {
		t.Errorf("%d have a rule", len(list))
	}
	for i, want := range []string{"23 files of the surroundings, 75 files behind the overlay, 200 programs and libraries", "1 files of configuration, 45 files behind the overlay", ""} {
		if got := unruled(without[i], ruleKinds); got != want {
			t.Errorf("%d: without are %q, want %q", i, got, want)
		}
	}
	if got := unruled(without[1], ruleBehind); got != "1 files of configuration" {
		t.Errorf("told is %q", got)
	}
}
