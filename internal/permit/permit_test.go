package permit_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/permit"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

const (
	mainCF = waxseal.Path("/etc/postfix/main.cf")
	good   = waxseal.Digest("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
)

// office is a book with three persons and a pipeline, and a ledger that counts.
type office struct {
	*testing.T
	*permit.Book
	private map[string]ed25519.PrivateKey
	index   waxseal.Index
}

func newOffice(t *testing.T, rules permit.Rules) *office {
	o := &office{T: t, Book: permit.NewBook(rules), private: map[string]ed25519.PrivateKey{}}
	for name, k := range map[string]permit.Key{
		"alice": {Role: permit.RolePerson, Login: 1000}, "bob": {Role: permit.RolePerson, Login: 1001},
		"carol": {Role: permit.RolePerson, Login: waxseal.Unset}, "ci": {Role: permit.RoleCI, Login: waxseal.Unset},
	} {
		seed := sha256.Sum256([]byte(name))
		o.private[name] = ed25519.NewKeyFromSeed(seed[:])
		k.Owner, k.Public = name, o.private[name].Public().(ed25519.PublicKey)
		k.Fingerprint = permit.Fingerprint(k.Public)
		if err := o.AddKey(k); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// ready is a person's key that nobody knows yet.
func (o *office) ready(name string) permit.Key {
	seed := sha256.Sum256([]byte(name))
	o.private[name] = ed25519.NewKeyFromSeed(seed[:])
	public := o.private[name].Public().(ed25519.PublicKey)
	return permit.Key{Fingerprint: permit.Fingerprint(public), Public: public, Role: permit.RolePerson, Owner: name, Login: waxseal.Unset}
}

func (o *office) sign(name string, s permit.Step) permit.Step {
	s.Key = o.fingerprint(name)
	s.Signature = ed25519.Sign(o.private[name], s.Message())
	return s
}

func (o *office) fingerprint(name string) string {
	return permit.Fingerprint(o.private[name].Public().(ed25519.PublicKey))
}

// does takes a step at a time after noon.
func (o *office) does(name string, after time.Duration, s permit.Step) (permit.ID, error) {
	o.index++
	if p, ok := o.Permit(s.Permit); ok && s.Digest == "" {
		s.Digest = p.Digest
	}
	return o.Take(o.sign(name, s), permit.Moment{Index: o.index, Time: noon.Add(after)})
}

func (o *office) must(name string, after time.Duration, s permit.Step) permit.ID {
	o.Helper()
	id, err := o.does(name, after, s)
	if err != nil {
		o.Fatal(err)
	}
	return id
}

// ask is a request for the hour from one o'clock.
func ask(change func(*permit.Request)) *permit.Request {
	r := &permit.Request{Ticket: "T-1", Reason: "archive", NotBefore: noon.Add(time.Hour), NotAfter: noon.Add(2 * time.Hour)}
	if change != nil {
		change(r)
	}
	return r
}

// granted opens a permit by alice that bob approves.
func (o *office) granted(change func(*permit.Request)) permit.ID {
	o.Helper()
	id := o.must("alice", 0, permit.Step{Kind: permit.Open, Ask: ask(change)})
	o.must("bob", time.Minute, permit.Step{Kind: permit.Approve, Permit: id})
	return id
}

// made is a change of main.cf by carol at half past one.
func (o *office) made(change func(*permit.Case)) permit.Case {
	o.index++
	c := permit.Case{
		Host: "mail", Change: waxseal.Change{Path: mainCF, Kind: waxseal.Modified, Hooks: waxseal.HookChanges{Added: []waxseal.Hook{
			{ID: "postfix:/etc/postfix/main.cf:always_bcc", Directive: "always_bcc", Effects: []waxseal.Effect{waxseal.Copy}}}}},
		Actor:   waxseal.Actor{Login: waxseal.Login{UID: 1002, Name: "carol", Grade: waxseal.Proven}},
		Content: good, Known: true, At: permit.Moment{Index: o.index, Time: noon.Add(90 * time.Minute)},
	}
	if change != nil {
		change(&c)
	}
	return c
}

// The deviations of a change from what its permit is for.
var deviations = []struct {
	name string
	of   func(*permit.Case)
}{
	{"right", nil},
	{"wrong object", func(c *permit.Case) {
		c.Change.Path = "/etc/aliases"
		c.Change.Hooks.Added[0].ID, c.Change.Hooks.Added[0].Directive = "x", "alias"
	}},
	{"in a container", inContainer},
	{"wrong actor", func(c *permit.Case) { c.Actor.Login = waxseal.Login{UID: 1003, Name: "mallory", Grade: waxseal.Proven} }},
	{"actor inferred", func(c *permit.Case) { c.Actor.Login.Grade = waxseal.Inferred }},
	{"actor unknown", func(c *permit.Case) { c.Actor.Login = waxseal.Login{UID: waxseal.Unset, Grade: waxseal.Unknown} }},
	{"too early", func(c *permit.Case) { c.At.Time = noon.Add(30 * time.Minute) }},
	{"too late", func(c *permit.Case) { c.At.Time = noon.Add(3 * time.Hour) }},
	{"unseen since before", func(c *permit.Case) { c.Between = noon.Add(10 * time.Minute) }},
	{"wrong content", func(c *permit.Case) { c.Content = "bb" }},
	{"content unknown", func(c *permit.Case) { c.Content, c.Known = "", false }},
	{"wrong operation", func(c *permit.Case) { c.Change.Kind = waxseal.Removed }},
	{"wrong host", func(c *permit.Case) { c.Host = "other" }},
	{"author approved it", func(c *permit.Case) { c.Actor.Login = waxseal.Login{UID: 1001, Name: "bob", Grade: waxseal.Proven} }},
	{"clock set back", func(c *permit.Case) { c.ClockDoubt = true }},
}

// inContainer is the same change in a container of the host.
func inContainer(c *permit.Case) {
	c.Change.Container, c.Change.Path = "docker mail", "docker mail:"+mainCF
	c.Change.Hooks.Added[0].ID = "docker mail:postfix:/etc/postfix/main.cf:always_bcc"
}

// TestContainer: a permit may be for a file or a parameter of a container, and then it is
// not for that of the host, nor of another container.
func TestContainer(t *testing.T) {
	for _, scope := range []permit.Scope{
		{Paths: []waxseal.Path{"docker mail:/etc/postfix/main.cf"}}, {Paths: []waxseal.Path{"docker mail:/etc/postfix/"}}, {Parameters: []string{"docker mail:always_bcc"}},
	} {
		for name, tc := range map[string]struct {
			of   func(*permit.Case)
			want waxseal.Rung
		}{
			"there": {inContainer, waxseal.RungPermit}, "on the host": {nil, waxseal.RungNone},
			"in another": {func(c *permit.Case) {
				inContainer(c)
				c.Change.Container, c.Change.Path = "docker mx", "docker mx:"+mainCF
			}, waxseal.RungNone},
		} {
			o := newOffice(t, permit.DefaultRules())
			o.granted(func(r *permit.Request) { r.Scope = scope; r.Scope.Actors = []uint32{1002} })
			if v := o.Judge(o.made(tc.of)); v.Rung != tc.want {
				t.Errorf("%+v, %s: %q (%s), want %q", scope, name, v.Rung, v.Why, tc.want)
			}
		}
	}
}

// TestMatrix: each kind of permit against each deviation.
func TestMatrix(t *testing.T) {
	kinds := []struct {
		name  string
		ask   func(*permit.Request)
		right waxseal.Rung
		still string // deviations that are none for this kind, with the rung they leave
	}{
		{"announced content", func(r *permit.Request) {
			r.Expect = map[waxseal.Path]waxseal.Digest{mainCF: good}
			r.Scope = permit.Scope{Hosts: []waxseal.HostID{"mail"}, Operations: []waxseal.ChangeKind{waxseal.Modified}}
		}, waxseal.RungContentAnnounced, "wrong actor=content announced, actor inferred=content announced, actor unknown=content announced"},
		{"object and person", func(r *permit.Request) {
			r.Scope = permit.Scope{Hosts: []waxseal.HostID{"mail"}, Paths: []waxseal.Path{mainCF}, Operations: []waxseal.ChangeKind{waxseal.Modified}, Actors: []uint32{1001, 1002}}
		}, waxseal.RungPermit, "wrong content=permit with scope and actor, content unknown=permit with scope and actor, actor inferred=window only"},
		{"directory and person", func(r *permit.Request) {
			r.Scope = permit.Scope{Hosts: []waxseal.HostID{"mail"}, Paths: []waxseal.Path{"/etc/postfix/"}, Operations: []waxseal.ChangeKind{waxseal.Modified}, Actors: []uint32{1001, 1002}}
		}, waxseal.RungPermit, "wrong content=permit with scope and actor, content unknown=permit with scope and actor, actor inferred=window only"},
		{"parameter and person", func(r *permit.Request) {
			r.Scope = permit.Scope{Hosts: []waxseal.HostID{"mail"}, Parameters: []string{"always_bcc"}, Operations: []waxseal.ChangeKind{waxseal.Modified}, Actors: []uint32{1001, 1002}}
		}, waxseal.RungPermit, "wrong content=permit with scope and actor, content unknown=permit with scope and actor, actor inferred=window only"},
		{"window of a host", func(r *permit.Request) {
			r.Scope = permit.Scope{Hosts: []waxseal.HostID{"mail"}, Operations: []waxseal.ChangeKind{waxseal.Modified}}
		}, waxseal.RungWindow, "wrong object=window only, in a container=window only, wrong actor=window only, actor inferred=window only, actor unknown=window only, wrong content=window only, content unknown=window only"},
	}
	for _, kind := range kinds {
		for _, d := range deviations {
			t.Run(kind.name+"/"+d.name, func(t *testing.T) {
				want := waxseal.RungNone
				if d.of == nil {
					want = kind.right
				}
				for _, one := range strings.Split(kind.still, ", ") {
					if name, rung, _ := strings.Cut(one, "="); name == d.name {
						want = waxseal.Rung(rung)
					}
				}
				o := newOffice(t, permit.DefaultRules())
				o.granted(kind.ask)
				v := o.Judge(o.made(d.of))
				if v.Rung != want || v.Why == "" {
					t.Errorf("%q: %s, want %q", v.Rung, v.Why, want)
				}
				if expected := want != waxseal.RungNone || d.name == "wrong object" || d.name == "in a container" || d.name == "wrong host"; v.Alert == expected {
					t.Errorf("alert %t: %s", v.Alert, v.Why)
				}
			})
		}
	}
}

// TestSecondTime: each object changes as often as the permit allows, and one object's
// changes are not another's.
func TestSecondTime(t *testing.T) {
	for most, allowed := range map[int]int{0: 1, 1: 1, 3: 3} {
		o := newOffice(t, permit.DefaultRules())
		id := o.granted(func(r *permit.Request) {
			r.Scope, r.MaxChanges = permit.Scope{Paths: []waxseal.Path{mainCF, "/etc/aliases"}, Actors: []uint32{1002}}, most
		})
		for i := range allowed + 1 {
			v := o.Judge(o.made(nil))
			if fit := v.Rung == waxseal.RungPermit; fit != (i < allowed) || v.Alert == fit {
				t.Errorf("change %d of %d: %+v", i+1, allowed, v)
			}
		}
		if p, _ := o.Permit(id); p.State(noon.Add(90*time.Minute)) != permit.Approved {
			t.Errorf("one of two files is used up: %s", p.State(noon))
		}
		if v := o.Judge(o.made(func(c *permit.Case) { c.Change.Path = "/etc/aliases" })); v.Rung != waxseal.RungPermit {
			t.Errorf("the other object: %+v", v)
		}
	}
}

// TestUsed: a permit whose files have all changed is used.
func TestUsed(t *testing.T) {
	o := newOffice(t, permit.DefaultRules())
	id := o.granted(func(r *permit.Request) { r.Expect = map[waxseal.Path]waxseal.Digest{mainCF: good} })
	now := noon.Add(90 * time.Minute)
	state := func() permit.State { p, _ := o.Permit(id); return p.State(now) }
	before := state()
	o.Judge(o.made(nil))
	if before != permit.Approved || state() != permit.Used {
		t.Errorf("%s, then %s", before, state())
	}
	if now = noon.Add(4 * time.Hour); state() != permit.Expired {
		t.Errorf("after the window: %s", state())
	}
}

// TestRetroactive: what is approved after the change explains nothing, whatever the
// clock says of it.
func TestRetroactive(t *testing.T) {
	for _, clock := range []time.Duration{100 * time.Minute, time.Minute} { // the second was set back
		o := newOffice(t, permit.DefaultRules())
		id := o.must("alice", 0, permit.Step{Kind: permit.Open, Ask: ask(func(r *permit.Request) { r.Scope.Paths = []waxseal.Path{mainCF} })})
		c := o.made(nil)
		o.must("bob", clock, permit.Step{Kind: permit.Approve, Permit: id})
		if v := o.Judge(c); v.Rung != waxseal.RungNone || !v.Retroactive || !v.Alert {
			t.Errorf("approved at %v: %+v", clock, v)
		}
	}
}

// TestOverlapping: the strongest evidence counts, and of the same strength the
// narrowest permit, whichever was there first.
func TestOverlapping(t *testing.T) {
	wide := func(r *permit.Request) {
		r.Ticket, r.Scope = "wide", permit.Scope{Paths: []waxseal.Path{"/etc/"}, Actors: []uint32{1002}}
	}
	narrow := func(r *permit.Request) {
		r.Ticket, r.Scope = "narrow", permit.Scope{Paths: []waxseal.Path{mainCF}, Actors: []uint32{1002}}
	}
	exact := func(r *permit.Request) { r.Ticket, r.Expect = "exact", map[waxseal.Path]waxseal.Digest{mainCF: good} }
	for _, order := range [][]func(*permit.Request){{wide, narrow}, {narrow, wide}, {wide, exact, narrow}, {exact, narrow}} {
		o, want := newOffice(t, permit.DefaultRules()), "narrow"
		for _, one := range order {
			o.granted(one)
		}
		if len(order) == 3 || fmt.Sprintf("%p", order[0]) == fmt.Sprintf("%p", exact) {
			want = "exact"
		}
		if v := o.Judge(o.made(nil)); !strings.Contains(v.Why, "("+want+")") {
			t.Errorf("want %s: %s", want, v.Why)
		}
	}
}

// TestBreakGlass: one person may approve alone, which shows, and stands only while
// somebody else signs in time.
func TestBreakGlass(t *testing.T) {
	rules := permit.DefaultRules()
	rules.FourEyes = true
	o := newOffice(t, rules)
	open := permit.Step{Kind: permit.Open, Ask: ask(func(r *permit.Request) {
		r.Scope, r.MaxChanges, r.NotAfter = permit.Scope{Paths: []waxseal.Path{mainCF}, Actors: []uint32{1002}}, 9, noon.Add(72*time.Hour)
	})}
	id := o.must("alice", 0, open)
	if _, err := o.does("alice", 0, permit.Step{Kind: permit.Approve, Permit: id}); !errors.Is(err, permit.ErrFourEyes) {
		t.Errorf("approved by who asked: %v", err)
	}
	o.must("alice", 0, permit.Step{Kind: permit.Approve, Permit: id, BreakGlass: true})
	if v := o.Judge(o.made(nil)); v.Rung != waxseal.RungPermit || !v.BreakGlass || !strings.Contains(v.Why, "alone") {
		t.Errorf("%+v", v)
	}
	day := noon.Add(25 * time.Hour)
	if late := o.Overdue(day); len(late) != 1 || len(o.Overdue(noon.Add(23*time.Hour))) != 0 {
		t.Errorf("overdue: %v", late)
	}
	if v := o.Judge(o.made(func(c *permit.Case) { c.At.Time = day })); v.Rung != waxseal.RungNone || !v.Alert {
		t.Errorf("not countersigned in time: %+v", v)
	}
	if _, err := o.does("alice", 0, permit.Step{Kind: permit.Countersign, Permit: id}); !errors.Is(err, permit.ErrFourEyes) {
		t.Errorf("countersigned by the same: %v", err)
	}
	o.must("bob", time.Hour, permit.Step{Kind: permit.Countersign, Permit: id})
	if v := o.Judge(o.made(func(c *permit.Case) { c.At.Time = day })); v.Rung != waxseal.RungPermit || len(o.Overdue(day)) != 0 {
		t.Errorf("countersigned: %+v", v)
	}
}

// TestAlone: without the four-eyes rule one person's approval is enough for what does
// no harm, and for nothing else.
func TestAlone(t *testing.T) {
	for _, harmless := range []bool{true, false} {
		o := newOffice(t, permit.DefaultRules())
		id := o.must("alice", 0, permit.Step{Kind: permit.Open, Ask: ask(func(r *permit.Request) {
			r.Scope = permit.Scope{Paths: []waxseal.Path{mainCF}, Actors: []uint32{1002}}
		})})
		o.must("alice", 0, permit.Step{Kind: permit.Approve, Permit: id})
		v := o.Judge(o.made(func(c *permit.Case) {
			if harmless {
				c.Change.Hooks.Added[0].Effects = []waxseal.Effect{waxseal.Modify}
			}
		}))
		if (v.Rung == waxseal.RungPermit) != harmless {
			t.Errorf("harmless %t: %+v", harmless, v)
		}
	}
}

// TestRefused: steps that must not be taken change nothing.
func TestRefused(t *testing.T) {
	scope := func(r *permit.Request) { r.Scope.Paths = []waxseal.Path{mainCF} }
	tests := []struct {
		name string
		do   func(o *office, id permit.ID) error
		want string
	}{
		{"CI approves", func(o *office, id permit.ID) error {
			_, err := o.does("ci", 0, permit.Step{Kind: permit.Approve, Permit: id})
			return err
		}, "can't approve"},
		{"another's signature", func(o *office, id permit.ID) error {
			s := o.sign("alice", permit.Step{Kind: permit.Approve, Permit: id})
			s.Key = o.fingerprint("bob")
			_, err := o.Take(s, permit.Moment{Index: 9, Time: noon})
			return err
		}, "not that of the key"},
		{"changed after it was signed", func(o *office, id permit.ID) error {
			s := o.sign("bob", permit.Step{Kind: permit.Close, Permit: id})
			s.Kind = permit.Approve
			_, err := o.Take(s, permit.Moment{Index: 9, Time: noon})
			return err
		}, "not that of the key"},
		{"what approved another request", func(o *office, id permit.ID) error {
			_, err := o.does("bob", 0, permit.Step{Kind: permit.Approve, Permit: id, Digest: "SHA256:of another"})
			return err
		}, "not for this request"},
		{"revoked key", func(o *office, id permit.ID) error {
			if err := o.RevokeKey(o.fingerprint("bob"), permit.Moment{}); err != nil {
				return err
			}
			_, err := o.does("bob", 0, permit.Step{Kind: permit.Approve, Permit: id})
			return err
		}, "revoked"},
		{"unknown key", func(o *office, id permit.ID) error {
			_, err := o.Take(permit.Step{Kind: permit.Approve, Permit: id, Key: "x"}, permit.Moment{})
			return err
		}, "not known"},
		{"unknown permit", func(o *office, _ permit.ID) error {
			_, err := o.does("bob", 0, permit.Step{Kind: permit.Approve, Permit: "P99"})
			return err
		}, "not known"},
		{"after the window", func(o *office, id permit.ID) error {
			_, err := o.does("bob", 3*time.Hour, permit.Step{Kind: permit.Approve, Permit: id})
			return err
		}, "expired"},
		{"after the end", func(o *office, id permit.ID) error {
			o.must("alice", 0, permit.Step{Kind: permit.Revoke, Permit: id})
			_, err := o.does("bob", 0, permit.Step{Kind: permit.Approve, Permit: id})
			return err
		}, "revoked"},
		{"back-dated", func(o *office, _ permit.ID) error {
			_, err := o.does("alice", 90*time.Minute, permit.Step{Kind: permit.Open, Ask: ask(scope)})
			return err
		}, "begins before"},
		{"no ticket", func(o *office, _ permit.ID) error {
			_, err := o.does("alice", 0, permit.Step{Kind: permit.Open, Ask: ask(func(r *permit.Request) { r.Ticket = " " })})
			return err
		}, "ticket"},
		{"no window", func(o *office, _ permit.ID) error {
			_, err := o.does("alice", 0, permit.Step{Kind: permit.Open, Ask: ask(func(r *permit.Request) { r.NotAfter = r.NotBefore })})
			return err
		}, "ends before"},
		{"for ever", func(o *office, _ permit.ID) error {
			_, err := o.does("alice", 0, permit.Step{Kind: permit.Open, Ask: ask(func(r *permit.Request) { r.NotAfter = r.NotBefore.AddDate(1, 0, 0) })})
			return err
		}, "longer than 31 days"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := newOffice(t, permit.DefaultRules())
			id := o.must("alice", 0, permit.Step{Kind: permit.Open, Ask: ask(scope)})
			if err := tt.do(o, id); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if p, _ := o.Permit(id); p.Approved != nil || len(o.Permits()) != 1 {
				t.Errorf("it left %+v", p)
			}
		})
	}
}

// TestMoreThanPermitted: a permit for a parameter is none for what else the same edit
// does.
func TestMoreThanPermitted(t *testing.T) {
	o := newOffice(t, permit.DefaultRules())
	o.granted(func(r *permit.Request) {
		r.Scope = permit.Scope{Parameters: []string{"always_bcc"}, Actors: []uint32{1002}}
	})
	v := o.Judge(o.made(func(c *permit.Case) {
		c.Change.Hooks.Added = append(c.Change.Hooks.Added, waxseal.Hook{ID: "x", Directive: "smtpd_milters", Effects: []waxseal.Effect{waxseal.Execute}})
	}))
	if v.Rung != waxseal.RungNone {
		t.Errorf("%+v", v)
	}
}

// TestEdges: what lies just beside a permit.
func TestEdges(t *testing.T) {
	mine := func(r *permit.Request) {
		r.Scope = permit.Scope{Paths: []waxseal.Path{mainCF}, Actors: []uint32{1002}}
	}
	gone := func(r *permit.Request) { r.Expect = map[waxseal.Path]waxseal.Digest{mainCF: ""} }
	tests := []struct {
		name string
		ask  func(*permit.Request)
		then func(o *office, id permit.ID)
		made func(*permit.Case)
		want waxseal.Rung
		says string
	}{
		{"a closed permit", mine, func(o *office, id permit.ID) { o.must("alice", time.Hour, permit.Step{Kind: permit.Close, Permit: id}) }, nil, waxseal.RungNone, "closed"},
		{"a revoked permit", mine, func(o *office, id permit.ID) { o.must("bob", time.Hour, permit.Step{Kind: permit.Revoke, Permit: id}) }, nil, waxseal.RungNone, "revoked"},
		{"an event older than the approval that was read later", mine, nil, func(c *permit.Case) { c.At.Time = noon.Add(30 * time.Second) }, waxseal.RungNone, "retroactive"},
		{"a uid of a grade that says nothing", mine, nil, func(c *permit.Case) { c.Actor.Login.Grade = waxseal.Unknown }, waxseal.RungNone, "other persons"},
		{"announced to be gone", gone, nil, func(c *permit.Case) { c.Content, c.Change.Kind = "", waxseal.Removed }, waxseal.RungContentAnnounced, "announced"},
		{"announced to be gone, and nobody could look", gone, nil, func(c *permit.Case) { c.Content, c.Known = "", false }, waxseal.RungNone, "not known"},
		{"another file in the scope of an announcement", func(r *permit.Request) {
			r.Expect, r.Scope.Paths = map[waxseal.Path]waxseal.Digest{"/etc/aliases": good}, []waxseal.Path{"/etc/postfix/"}
		}, nil, nil, waxseal.RungNone, "other files"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := newOffice(t, permit.DefaultRules())
			if id := o.granted(tt.ask); tt.then != nil {
				tt.then(o, id)
			}
			if v := o.Judge(o.made(tt.made)); v.Rung != tt.want || !strings.Contains(v.Why, tt.says) {
				t.Errorf("%+v, want %s and %q", v, tt.want, tt.says)
			}
		})
	}
}

// TestFarWindow: a permit without objects has nothing to do with changes of other days;
// one for an object has.
func TestFarWindow(t *testing.T) {
	window := func(r *permit.Request) { r.Scope = permit.Scope{Hosts: []waxseal.HostID{"mail"}} }
	object := func(r *permit.Request) { r.Scope = permit.Scope{Paths: []waxseal.Path{mainCF}} }
	day := 24 * time.Hour
	for _, tc := range []struct {
		name   string
		ask    func(*permit.Request)
		after  time.Duration // from noon; the window is from one to two
		closed bool
		alert  bool
	}{
		{"window, an hour late", window, 3 * time.Hour, false, true},
		{"window, a day early", window, -2 * day, false, false},
		{"window, a month late", window, 30 * day, false, false},
		{"window, closed two days ago", window, 2*day + 90*time.Minute, true, false},
		{"object, a month late", object, 30 * day, false, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := newOffice(t, permit.DefaultRules())
			id := o.granted(tc.ask)
			if tc.closed {
				o.must("bob", 80*time.Minute, permit.Step{Kind: permit.Close, Permit: id})
			}
			v := o.Judge(o.made(func(c *permit.Case) { c.At.Time = noon.Add(tc.after) }))
			if v.Rung != waxseal.RungNone || v.Alert != tc.alert || (v.Why == permit.NoPermit) == tc.alert {
				t.Errorf("%q, alert %t: %s", v.Rung, v.Alert, v.Why)
			}
		})
	}
}
