package agent

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/permit"
	"waxseal/internal/sensor/kaudit"
	"waxseal/internal/sensor/proc"
)

// withRooms is a host with containers.
func withRooms(list ...waxseal.Contained) waxseal.State {
	s := stateWith("aa")
	s.Containers = list
	return s
}

func room(name, id string, digest waxseal.Digest, hooks ...waxseal.Hook) waxseal.Contained {
	return waxseal.Contained{Name: name, ID: id, State: stateWith(digest, hooks...)}
}

var bcc = waxseal.Hook{ID: "h", MTA: "postfix", Kind: waxseal.KindCopy, Active: true, Effects: []waxseal.Effect{waxseal.Copy}, Scope: "all",
	Target: waxseal.Target{Type: waxseal.TargetAddress, Value: "x@evil.example.net", Remote: true}, Source: waxseal.Source{Path: "/etc/postfix/main.cf"}}

// TestAllDifferences: a container is compared with the one of its name, whatever its number.
func TestAllDifferences(t *testing.T) {
	sealed := withRooms(room("docker mail", "docker 111111111111", "aa"))
	for _, tc := range []struct {
		name string
		now  waxseal.State
		want string // path, kind, a word of a reason
	}{
		{"as it was", withRooms(room("docker mail", "docker 111111111111", "aa")), ""},
		{"made anew, and the same", withRooms(room("docker mail", "docker 222222222222", "aa")), ""},
		{"made anew, with a hook", withRooms(room("docker mail", "docker 222222222222", "bb", bcc)), "docker mail:/etc/postfix/main.cf modified made anew"},
		{"changed", withRooms(room("docker mail", "docker 111111111111", "bb", bcc)), "docker mail:/etc/postfix/main.cf modified mail goes to an address"},
		{"gone", withRooms(), "docker mail:/ removed does not run"},
		{"another one", withRooms(room("docker mail", "docker 111111111111", "aa"), room("docker mx", "", "aa", bcc)), "docker mx:/ added not sealed"},
		{"one that can't be read", withRooms(waxseal.Contained{Name: "docker mail", Unread: "no"}), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			changes := AllDifferences(sealed, tc.now)
			if tc.want == "" {
				if len(changes) > 0 {
					t.Fatalf("changes are %+v", changes)
				}
				return
			}
			want := strings.SplitN(tc.want, " ", 4)
			path, kind, word := want[0]+" "+want[1], want[2], want[3]
			if len(changes) != 1 {
				t.Fatalf("changes are %+v", changes)
			}
			ch := changes[0]
			if string(ch.Path) != path || string(ch.Kind) != kind || !strings.HasPrefix(path, ch.Container+":") || ch.Severity < waxseal.Medium {
				t.Errorf("is %s %s in %q, %s", ch.Path, ch.Kind, ch.Container, ch.Severity)
			}
			if said := strings.Join(append(ch.Reasons, ch.Explain), "; "); !strings.Contains(said, word) {
				t.Errorf("said is %q, want %q", said, word)
			}
		})
	}
}

// TestSealContainers: what is in containers is accepted by name, one change after the
// other, as on the host; what can't be read stays as it was sealed.
func TestSealContainers(t *testing.T) {
	d := newDesk(t)
	mail := room("docker mail", "docker 1", "aa")
	at := noon
	seal := func(now waxseal.State, promote ...waxseal.Path) error {
		t.Helper()
		at = at.Add(time.Minute)
		ask := SealAsk{}
		if len(promote) > 0 {
			c, err := d.Check(now, at)
			if err != nil {
				t.Fatal(err)
			}
			_, index, err := d.LatestSeal()
			if err != nil {
				t.Fatal(err)
			}
			ask.Promotion = &permit.Promotion{Seal: index, Reason: "r"}
			for _, p := range promote {
				i := slices.IndexFunc(c.Explained, func(e Explained) bool { return e.Path == p })
				j := slices.IndexFunc(c.Changes, func(ch waxseal.Change) bool { return ch.Path == p })
				if i < 0 || j < 0 {
					t.Fatalf("no change of %s among %+v", p, c.Changes)
				}
				ask.Promotion.Objects = append(ask.Promotion.Objects, permit.Promoted{Named: true, Finding: c.Explained[i].Finding, Path: p, After: c.Changes[j].AfterDigest})
			}
		}
		_, err := d.Seal(now, at, ask, waxseal.Actor{})
		return err
	}
	left := func(now waxseal.State) (paths []waxseal.Path) {
		t.Helper()
		at = at.Add(time.Minute)
		c, err := d.Check(now, at)
		if err != nil {
			t.Fatal(err)
		}
		for _, ch := range c.Changes {
			paths = append(paths, ch.Path)
		}
		return paths
	}
	fine := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	fine(seal(withRooms(mail)))
	changed := room("docker mail", "docker 1", "bb", bcc)
	if err := seal(withRooms(changed)); !errors.Is(err, ErrUnreviewed) {
		t.Fatalf("a change in a container was sealed: %v", err)
	}
	fine(seal(withRooms(changed), "docker mail:/etc/postfix/main.cf"))
	other := room("docker mx", "", "aa", bcc)
	both := withRooms(changed, other)
	if got := left(both); !slices.Equal(got, []waxseal.Path{"docker mx:/"}) {
		t.Fatalf("with another one: %v", got)
	}
	fine(seal(both, "docker mx:/"))
	if got := left(both); len(got) > 0 {
		t.Errorf("sealed, and different: %v", got)
	}
	unread := withRooms(waxseal.Contained{Name: "docker mail", Unread: "no"}, other)
	fine(seal(unread))
	if got := left(both); len(got) > 0 {
		t.Errorf("after a seal that could not read one: %v", got)
	}
	fine(seal(withRooms(changed), "docker mx:/"))
	if got := left(withRooms(changed)); len(got) > 0 {
		t.Errorf("gone, and accepted: %v", got)
	}
}

// TestOfRooms: a container's process names its file as the host names its own, and is not
// taken for who changed that.
func TestOfRooms(t *testing.T) {
	inside, own := kaudit.File{Device: 48, Inode: 7}, kaudit.File{Device: 8, Inode: 9}
	a := &Agent{last: stateWith("aa")}
	a.last.Files[0].Device, a.last.Files[0].Inode = own.Device, own.Inode
	a.dwellings.ruled = map[kaudit.File]bool{inside: true}
	path := func(f kaudit.File) waxseal.AuditPath {
		return waxseal.AuditPath{Name: "/etc/postfix/main.cf", NameType: "NORMAL", Device: f.Device, Inode: f.Inode}
	}
	for name, tc := range map[string]struct {
		paths []waxseal.AuditPath
		want  bool
	}{
		"inside": {[]waxseal.AuditPath{path(inside)}, true}, "the host's": {[]waxseal.AuditPath{path(own)}, false},
		"one that both have": {[]waxseal.AuditPath{path(inside), path(own)}, false}, "another": {[]waxseal.AuditPath{path(kaudit.File{Device: 1, Inode: 1})}, false},
	} {
		if got := a.ofRooms(&waxseal.AuditEvent{Paths: tc.paths}); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestNameWithin: a number of a user means another one in a container.
func TestNameWithin(t *testing.T) {
	l := &lodging{users: map[uint32]string{101: "postfix"}}
	for _, tc := range []struct {
		name        string
		standing    standing
		euid        uint32
		user, login string
	}{
		{"inside, login of outside", standing{true, map[int]bool{5: true}, loginOutside}, 101, "postfix", "alice"},
		{"inside, login of inside", standing{true, map[int]bool{5: true}, loginInside}, 101, "postfix", ""},
		{"outside", standing{true, map[int]bool{}, loginOutside}, 101, "systemd-network", "alice"},
		{"gone", standing{}, 101, "", ""},
		{"root, gone", standing{}, 0, "root", ""},
	} {
		actor := waxseal.Actor{Login: waxseal.Login{UID: 1001, Name: "alice"}, Process: waxseal.Process{PID: 5, EUID: tc.euid, User: "systemd-network"}}
		l.nameWithin(&actor, tc.standing)
		if actor.Process.User != tc.user || actor.Login.Name != tc.login {
			t.Errorf("%s: %q, %q; want %q, %q", tc.name, actor.Process.User, actor.Login.Name, tc.user, tc.login)
		}
	}
}

// TestStandingOf: of a process that has ended its living ancestors say where it was, and
// whose login it had.
func TestStandingOf(t *testing.T) {
	people := proc.New(proc.Options{})
	self := people.Snapshot(os.Getpid())
	home, ok := people.RootOf(os.Getpid())
	login, known := people.LoginOf(os.Getpid())
	if self == nil || !ok || !known {
		t.Fatal("this very process is not known")
	}
	gone := waxseal.Process{PID: 1 << 22, Started: self.Process.Started} // more than any has
	another := self.Process
	another.Started = another.Started.Add(-time.Hour)
	actor := func(uid uint32, list ...waxseal.Process) *waxseal.Actor {
		return &waxseal.Actor{Login: waxseal.Login{UID: uid}, Process: list[0], Ancestors: list[1:]}
	}
	for _, tc := range []struct {
		name   string
		actor  *waxseal.Actor
		at     proc.Node
		seen   bool
		inside int
		login  loginPlace
	}{
		{"outside", actor(login, self.Process), proc.Node{}, true, 0, loginOutside},
		{"gone, below one outside", actor(login, gone, self.Process), proc.Node{}, false, 0, loginOutside},
		{"gone, below one outside with another login", actor(login+7, gone, self.Process), proc.Node{}, false, 0, loginAnywhere},
		{"gone, below one inside", actor(login, gone, self.Process), home, true, 2, loginAnywhere},
		{"below one whose number is another's now", actor(login, gone, another), home, false, 0, loginAnywhere},
	} {
		s := standingOf(people, tc.actor, tc.at)
		if s.seen != tc.seen || len(s.inside) != tc.inside || s.login != tc.login {
			t.Errorf("%s: %+v", tc.name, s)
		}
	}
}

// TestAskedOfDaemon: what an engine's daemon was asked for has no login, and that says
// nothing of who asked.
func TestAskedOfDaemon(t *testing.T) {
	for comm, want := range map[string]waxseal.Grade{"containerd-shim": waxseal.Unknown, "conmon": waxseal.Proven} {
		actor := waxseal.Actor{Login: waxseal.Login{UID: waxseal.Unset, Grade: waxseal.Proven}, Process: waxseal.Process{PID: 5, Comm: "sh"}, Ancestors: []waxseal.Process{{PID: 4, Comm: comm}}}
		(&lodging{}).nameWithin(&actor, standing{seen: true, inside: map[int]bool{5: true}})
		if actor.Login.Grade != want {
			t.Errorf("below %s: %+v", comm, actor.Login)
		}
	}
}
