package drift_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/drift"
	"waxseal/internal/testtime"
)

const (
	mainCF   waxseal.Path = "/etc/postfix/main.cf"
	masterCF waxseal.Path = "/etc/postfix/master.cf"
	script   waxseal.Path = "/usr/local/bin/filter.sh"
)

// config is a readable file; its digest is its text, which is as good as any.
func config(p waxseal.Path, text string) waxseal.FileState {
	return waxseal.FileState{
		File: waxseal.File{Path: p, Type: waxseal.Regular, Mode: 0o644, Size: int64(len(text))},
		Role: waxseal.RoleConfig, Digest: waxseal.Digest(text), Text: text,
	}
}

func with(f waxseal.FileState, change func(*waxseal.FileState)) waxseal.FileState {
	change(&f)
	return f
}

func missing(p waxseal.Path) waxseal.FileState {
	return waxseal.FileState{File: waxseal.File{Path: p}, Role: waxseal.RoleConfig, Missing: true}
}

func TestFiles(t *testing.T) {
	base := config(mainCF, "a = 1\n")
	secret := with(base, func(f *waxseal.FileState) { f.Digest, f.Keyed, f.Text = "k", true, "" })
	tests := []struct {
		name       string
		was, now   *waxseal.FileState
		kind       waxseal.ChangeKind // "" is no change
		attributes []string
	}{
		{"nothing", &base, &base, "", nil},
		{"content", &base, ptr(config(mainCF, "a = 2\n")), waxseal.Modified, nil},
		{"new", nil, &base, waxseal.Added, nil},
		{"appears", ptr(missing(mainCF)), &base, waxseal.Added, nil},
		{"gone", &base, nil, waxseal.Removed, nil},
		{"is missing", &base, ptr(missing(mainCF)), waxseal.Removed, nil},
		{"still missing", ptr(missing(mainCF)), ptr(missing(mainCF)), "", nil},
		{"mode", &base, ptr(with(base, func(f *waxseal.FileState) { f.Mode = 0o4666 })), waxseal.Metadata, []string{"mode 0644 to 4666"}},
		{"owner and group", &base, ptr(with(base, func(f *waxseal.FileState) { f.UID, f.GID = 33, 8 })), waxseal.Metadata, []string{"owner 0 to 33", "group 0 to 8"}},
		{"flags", &base, ptr(with(base, func(f *waxseal.FileState) { f.Flags = []string{"immutable"} })), waxseal.Metadata, []string{"flags  to immutable"}},
		{"an attribute", &base, ptr(with(base, func(f *waxseal.FileState) {
			f.XAttrs = map[string]waxseal.Digest{"system.posix_acl_access": "1"}
		})), waxseal.Metadata, []string{`extended attribute "system.posix_acl_access"`}},
		{"one more name", ptr(with(base, func(f *waxseal.FileState) { f.Links = 1 })), ptr(with(base, func(f *waxseal.FileState) { f.Links = 2 })), waxseal.Metadata, []string{"hard links 1 to 2"}},
		{"becomes a link", &base, ptr(with(base, func(f *waxseal.FileState) { f.Link, f.Resolved = "/tmp/x", "/tmp/x" })), waxseal.Modified,
			[]string{"link target (none) to /tmp/x", "leads to (none) to /tmp/x"}},
		{"leads elsewhere", ptr(with(base, func(f *waxseal.FileState) { f.Link, f.Resolved = "d/x", "/d/x" })),
			ptr(with(base, func(f *waxseal.FileState) { f.Link, f.Resolved = "d/x", "/e/x" })), waxseal.Modified, []string{"leads to /d/x to /e/x"}},
		{"becomes a directory", &base, ptr(with(base, func(f *waxseal.FileState) { f.Type = waxseal.Directory })), waxseal.Modified, []string{"type file to directory"}},
		{"touched only", &base, ptr(with(base, func(f *waxseal.FileState) { f.ModTime, f.ChangeTime, f.Inode = time.Unix(1, 0), time.Unix(2, 0), 7 })), "", nil},
		{"a secret, digested with the key now", &base, ptr(with(base, func(f *waxseal.FileState) { f.Digest, f.Keyed = "k", true })), "", nil},
		{"a secret comes in where no text is kept", ptr(with(base, func(f *waxseal.FileState) { f.Text = "" })), &secret, waxseal.Modified, nil},
		{"a secret changes", &secret, ptr(with(secret, func(f *waxseal.FileState) { f.Digest = "k2" })), waxseal.Modified, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			changes := drift.Compare(state(tt.was), state(tt.now))
			if tt.kind == "" {
				if len(changes) > 0 {
					t.Errorf("a change: %+v", changes[0])
				}
				return
			}
			if len(changes) != 1 || changes[0].Kind != tt.kind || changes[0].Path != mainCF {
				t.Fatalf("got %+v, want one %s", changes, tt.kind)
			}
			if !slices.Equal(changes[0].Attributes, tt.attributes) {
				t.Errorf("attributes %q, want %q", changes[0].Attributes, tt.attributes)
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

func state(f *waxseal.FileState) waxseal.State {
	if f == nil {
		return waxseal.State{}
	}
	return waxseal.State{Files: []waxseal.FileState{*f}}
}

func milter(target string) waxseal.Hook {
	return waxseal.Hook{
		ID: "postfix:/etc/postfix/main.cf:smtpd_milters:1", MTA: "postfix", Kind: waxseal.KindMilter, Directive: "smtpd_milters", Active: true,
		Target: waxseal.Target{Type: waxseal.TargetSocket, Value: target}, Source: waxseal.Source{Path: mainCF, Line: 3},
		Modifiers: map[string]string{"milter_default_action": "tempfail"},
	}
}

func pipe(active activity) waxseal.Hook {
	return waxseal.Hook{
		ID: "postfix:/etc/postfix/master.cf:filter", MTA: "postfix", Kind: waxseal.KindPipe, Directive: "pipe", Active: active == used,
		Source: waxseal.Source{Path: masterCF, Line: 9}, Closure: []waxseal.Part{{Path: script, Role: waxseal.RoleScript, Digest: "1"}},
	}
}

type activity bool

const (
	used   activity = true
	unused activity = false
)

// told lists changes as "path: what happened to hooks and settings".
func told(changes []waxseal.Change) []string {
	list := []string{}
	for _, c := range changes {
		line := string(c.Path) + ":"
		for _, h := range c.Hooks.Added {
			line += " +" + h.Directive
		}
		for _, h := range c.Hooks.Removed {
			line += " -" + h.Directive
		}
		for _, h := range c.Hooks.Changed {
			line += " ~" + h.After.Directive
		}
		for _, s := range c.Settings {
			line += fmt.Sprintf(" %s=%s>%s", s.Name, s.Before, s.After)
		}
		list = append(list, line)
	}
	return list
}

func TestHooksAndSettings(t *testing.T) {
	files := func(main, master string) []waxseal.FileState {
		return []waxseal.FileState{config(mainCF, main), config(masterCF, master)}
	}
	changedScript := func(digest waxseal.Digest) []waxseal.FileState {
		f := config(script, string(digest))
		f.Role = waxseal.RoleScript
		return append(files("1", "1"), f)
	}
	set := func(name, value string) []waxseal.Setting {
		return []waxseal.Setting{{MTA: "postfix", Name: name, Value: value, Source: waxseal.Source{Path: mainCF}}}
	}
	newScript := pipe(used)
	newScript.Closure = []waxseal.Part{{Path: script, Role: waxseal.RoleScript, Digest: "2"}}
	moved := milter("inet:127.0.0.1:1")
	moved.Source.Line, moved.Explain = 40, "in other words"
	accepting := milter("inet:127.0.0.1:1")
	accepting.Modifiers = map[string]string{"milter_default_action": "accept"}
	tests := []struct {
		name          string
		before, after waxseal.State
		want          []string
	}{
		{"added", waxseal.State{Files: files("1", "1")}, waxseal.State{Files: files("2", "1"), Hooks: []waxseal.Hook{milter("inet:127.0.0.1:1")}}, []string{"/etc/postfix/main.cf: +smtpd_milters"}},
		{"removed", waxseal.State{Files: files("1", "1"), Hooks: []waxseal.Hook{milter("inet:127.0.0.1:1")}}, waxseal.State{Files: files("2", "1")}, []string{"/etc/postfix/main.cf: -smtpd_milters"}},
		{"another target", waxseal.State{Files: files("1", "1"), Hooks: []waxseal.Hook{milter("inet:127.0.0.1:1")}},
			waxseal.State{Files: files("2", "1"), Hooks: []waxseal.Hook{milter("inet:203.0.113.9:1")}}, []string{"/etc/postfix/main.cf: ~smtpd_milters"}},
		{"another modifier", waxseal.State{Files: files("1", "1"), Hooks: []waxseal.Hook{milter("inet:127.0.0.1:1")}},
			waxseal.State{Files: files("2", "1"), Hooks: []waxseal.Hook{accepting}}, []string{"/etc/postfix/main.cf: ~smtpd_milters"}},
		{"another line", waxseal.State{Files: files("1", "1"), Hooks: []waxseal.Hook{milter("inet:127.0.0.1:1")}},
			waxseal.State{Files: files("2", "1"), Hooks: []waxseal.Hook{moved}}, []string{"/etc/postfix/main.cf:"}},
		// main.cf names a service of master.cf, which is the same: the change is main.cf's.
		{"made alive elsewhere", waxseal.State{Files: files("1", "1"), Hooks: []waxseal.Hook{pipe(unused)}},
			waxseal.State{Files: files("2", "1"), Hooks: []waxseal.Hook{pipe(used)}}, []string{"/etc/postfix/main.cf: ~pipe"}},
		{"no file is different", waxseal.State{Files: files("1", "1"), Hooks: []waxseal.Hook{pipe(unused)}},
			waxseal.State{Files: files("1", "1"), Hooks: []waxseal.Hook{pipe(used)}}, []string{"/etc/postfix/master.cf: ~pipe"}},
		{"a script of the closure", waxseal.State{Files: changedScript("1"), Hooks: []waxseal.Hook{pipe(used)}},
			waxseal.State{Files: changedScript("2"), Hooks: []waxseal.Hook{newScript}}, []string{"/usr/local/bin/filter.sh: ~pipe"}},
		{"a setting", waxseal.State{Files: files("1", "1"), Settings: set("message_size_limit", "1")}, waxseal.State{Files: files("2", "1"), Settings: set("message_size_limit", "2")},
			[]string{"/etc/postfix/main.cf: message_size_limit=1>2"}},
		{"a setting is gone", waxseal.State{Files: files("1", "1"), Settings: set("message_size_limit", "1")}, waxseal.State{Files: files("2", "1")},
			[]string{"/etc/postfix/main.cf: message_size_limit=1>"}},
		{"a setting that is the hook", waxseal.State{Files: files("1", "1")},
			waxseal.State{Files: files("2", "1"), Hooks: []waxseal.Hook{milter("inet:127.0.0.1:1")}, Settings: set("smtp/inet:smtpd_milters", "inet:127.0.0.1:1")},
			[]string{"/etc/postfix/main.cf: +smtpd_milters"}},
		{"a setting that modifies the hook", waxseal.State{Files: files("1", "1"), Hooks: []waxseal.Hook{milter("inet:127.0.0.1:1")}, Settings: set("milter_default_action", "tempfail")},
			waxseal.State{Files: files("2", "1"), Hooks: []waxseal.Hook{accepting}, Settings: set("milter_default_action", "accept")},
			[]string{"/etc/postfix/main.cf: ~smtpd_milters"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := told(drift.Compare(tt.before, tt.after)); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestSameMeaningLooksAtEverything: whoever adds a field to a hook decides here
// whether it counts.
func TestSameMeaningLooksAtEverything(t *testing.T) {
	silent := []string{"ID", "MTA", "Source", "Closure", "Explain", "LoadedBy", "Listener", "Service"}
	h := reflect.TypeFor[waxseal.Hook]()
	for i := range h.NumField() {
		name := h.Field(i).Name
		var other waxseal.Hook
		field := reflect.ValueOf(&other).Elem().Field(i)
		switch field.Kind() {
		case reflect.String:
			field.SetString("x")
		case reflect.Bool:
			field.SetBool(true)
		case reflect.Map:
			field.Set(reflect.ValueOf(map[string]string{"a": "b"}))
		case reflect.Slice:
			field.Set(reflect.MakeSlice(field.Type(), 1, 1))
		case reflect.Struct:
			field.Field(0).SetString("x")
		}
		if same := drift.SameMeaning(waxseal.Hook{}, other); same != slices.Contains(silent, name) {
			t.Errorf("hooks that differ in %s: same meaning %v", name, same)
		}
	}
}

// TestSameMeaningOfService: that nobody known answers any more, or somebody else, is a
// difference; that somebody is known now is none.
func TestSameMeaningOfService(t *testing.T) {
	at := func(stack waxseal.StackName) waxseal.Hook {
		return waxseal.Hook{Service: &waxseal.Service{Stack: stack}}
	}
	for _, tc := range []struct {
		name          string
		before, after waxseal.Hook
		want          bool
	}{
		{"the same", at("opendkim"), at("opendkim"), true}, {"moved away", at("opendkim"), waxseal.Hook{}, false}, {"another", at("opendkim"), at("opendmarc"), false}, {"known now", waxseal.Hook{}, at("opendkim"), true},
	} {
		if got := drift.SameMeaning(tc.before, tc.after); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}

func TestText(t *testing.T) {
	diff := func(was, now waxseal.FileState) string {
		changes := drift.Compare(state(&was), state(&now))
		if len(changes) != 1 {
			t.Fatalf("%d changes", len(changes))
		}
		return changes[0].Diff
	}
	if d := diff(config(mainCF, "a = 1\nb = 1\n"), config(mainCF, "a = 1\nb = 2\n")); !strings.Contains(d, "\n a = 1\n-b = 1\n+b = 2\n") {
		t.Errorf("unified text: %q", d)
	}
	if d := diff(missing(mainCF), config(mainCF, "a = 1\n")); !strings.Contains(d, "\n+a = 1\n") {
		t.Errorf("a new file: %q", d)
	}
	// A file of which only the digest is kept must not look as if it had been emptied.
	digestOnly := config(mainCF, "x")
	digestOnly.Text = ""
	if d := diff(config(mainCF, "a = 1\n"), digestOnly); d != "" {
		t.Errorf("text against no text: %q", d)
	}
	long := diff(config(mainCF, ""), config(mainCF, strings.Repeat("x = 1\n", 50_000)))
	if len(long) > 65<<10 || !strings.Contains(long, "more bytes of difference\n") {
		t.Errorf("a long difference has %d bytes and ends in %q", len(long), long[len(long)-60:])
	}
}

// TestHostileSizes: nothing that a tree can hold may take long.
func TestHostileSizes(t *testing.T) {
	const n = 20_000
	var before, after waxseal.State
	for i := range n {
		p := waxseal.Path(fmt.Sprintf("/etc/postfix/f%05d", i))
		before.Files, after.Files = append(before.Files, config(p, "1")), append(after.Files, config(p, "2"))
		// Neither the hooks' nor the settings' own file is among the changed ones.
		h := milter("inet:127.0.0.1:1")
		h.ID, h.Source.Path = waxseal.HookID(p), "/elsewhere"+p
		before.Hooks = append(before.Hooks, h)
		h.Target.Value = "inet:203.0.113.9:1"
		after.Hooks = append(after.Hooks, h)
	}
	wide := func(seed int) string {
		var b strings.Builder
		for i := range 60_000 {
			fmt.Fprintf(&b, "name%d = %d\n", (i*7919+seed)%60_000, i*seed)
		}
		return b.String()
	}
	before.Files, after.Files = append(before.Files, config(mainCF, wide(1))), append(after.Files, config(mainCF, wide(2)))
	var changes []waxseal.Change
	testtime.Within(t, 20*time.Second, func() { changes = drift.Compare(before, after) })
	if len(changes) != n+1 {
		t.Errorf("%d changes", len(changes))
	}
}

// TestOrder: the same states give the same changes in the same order.
func TestOrder(t *testing.T) {
	var before, after waxseal.State
	for i := range 50 {
		after.Files = append(after.Files, config(waxseal.Path(fmt.Sprintf("/f%02d", i)), "x"))
		after.Hooks = append(after.Hooks, waxseal.Hook{ID: waxseal.HookID(fmt.Sprint(i)), Source: waxseal.Source{Path: "/f10"}})
	}
	first := drift.Compare(before, after)
	for range 10 {
		if !reflect.DeepEqual(first, drift.Compare(before, after)) {
			t.Fatal("two comparisons differ")
		}
	}
	if !slices.IsSortedFunc(first, func(a, b waxseal.Change) int { return strings.Compare(string(a.Path), string(b.Path)) }) {
		t.Error("not sorted by path")
	}
}

// TestPackagesInOrder: what is told of packages that came together has one order.
func TestPackagesInOrder(t *testing.T) {
	state := func() (s waxseal.State) {
		for i := range 12 {
			name := fmt.Sprintf("package%02d", i)
			s.Packages = append(s.Packages, waxseal.Package{Name: name, Manager: "dpkg", Version: "1"})
			s.Files = append(s.Files, waxseal.FileState{File: waxseal.File{Path: waxseal.Path("/usr/lib/" + name), Type: waxseal.Regular, Mode: 0o644}, Digest: "aa",
				Role: waxseal.RoleLibrary, Package: name, PackageState: waxseal.PackageUnmodified})
		}
		return s
	}
	changes := drift.Compare(waxseal.State{}, state())
	if len(changes) != 1 || len(changes[0].Packages) != 12 {
		t.Fatalf("%+v", changes)
	}
	for i, p := range changes[0].Packages {
		if want := fmt.Sprintf("package%02d", i); p.After.Name != want || p.Files != 1 {
			t.Errorf("%d: %+v", i, p)
		}
	}
}
