package detect_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"waxseal"
	"waxseal/internal/detect"
	"waxseal/internal/drift"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/snapshot"
)

// TestStories reads one archive a story: the files before (before/…), those that
// differ after (after/…), those that are gone (section "removed") and what must
// come out (section "want": the verdict, then words that the reasons must have,
// one a line, or must not have, behind "!"). Section "scan" is the same for what
// scan says of the end alone.
// Section "modes" has lines "before|after PATH OCTAL [UID [GID [HARDLINKS]]]",
// "links" has "before|after PATH TARGET", and "times" has "before|after PATH
// MTIME CTIME" in RFC 3339. What is said of before holds after, until after says
// otherwise. Section "listeners" has "SOCKET EXE [PACKAGE]", for what the kernel of a
// live host says, "unowned" for no package; "running" has "PID EXE USER FILE STATE" of
// what a process has in its memory at the end, STATE being there, gone, replaced or
// memory, or "open", a comma, and what is true of a file that it holds open
// (open,writes,appends,lasting); "copies" has "before|after PATH
// FIXTURE" for files that are no text.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/stories/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no stories", err)
	}
	told := map[string]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tell(t, a, told)
		})
	}
	t.Run("one of two thousand", func(t *testing.T) { tell(t, crowd(), told) })
	everySignIsTold(t, told)
}

// crowd is a story too long to be written down: a table of two thousand own
// users, of which one got another name.
func crowd() *txtar.Archive {
	var table strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&table, "u%d@example.test user%d\n", i, i)
	}
	main := "mydestination = example.test\nvirtual_alias_maps = texthash:/etc/postfix/virtual\n"
	return &txtar.Archive{Files: []txtar.File{
		{Name: "want", Data: []byte("low\nordinary entries of a large table\n")},
		{Name: "before/etc/postfix/main.cf", Data: []byte(main)},
		{Name: "before/etc/postfix/virtual", Data: []byte(table.String())},
		{Name: "after/etc/postfix/virtual", Data: []byte(strings.Replace(table.String(), "u1999@example.test user1999", "u1999@example.test other", 1))},
	}}
}

// everySignIsTold wants a story for each row of the table of signs: a rule
// without one is an opinion.
func everySignIsTold(t *testing.T, told map[string]bool) {
	t.Helper()
	for _, p := range detect.ReasonPatterns() {
		found := false
		for reason := range told {
			found = found || p.MatchString(reason)
		}
		if !found {
			t.Errorf("no story shows the sign %s", p)
		}
	}
}

func tell(t *testing.T, a *txtar.Archive, told map[string]bool) {
	before, after, want := trees(t, a)
	m := mask.New([]byte("story"))
	was, now := mailpath.NewReader(m).Read(snapshot.New(before)), mailpath.NewReader(m).ReadLive(snapshot.New(after), mailpath.Live{Mounts: mounts(a), Running: running(a)})
	listen(a, was, now)
	context := detect.NewContext(was, now)
	changes := drift.Compare(was, now)
	verdict, said := waxseal.None, ""
	for i := range changes {
		context.Judge(&changes[i])
		verdict = max(verdict, changes[i].Severity)
		for _, r := range changes[i].Reasons {
			told[r] = true
		}
		said += changes[i].Severity.String() + " " + string(changes[i].Path) + ": " + strings.Join(changes[i].Reasons, "\n\t") + "\n"
	}
	if verdict.String() != want[0] {
		t.Errorf("verdict %s, want %s\n%s", verdict, want[0], said)
	}
	for _, words := range want[1:] {
		if no, ok := strings.CutPrefix(words, "!"); ok == strings.Contains(said, strings.TrimSpace(no)) {
			t.Errorf("reasons %q: must they have %q?\n%s", words, no, said)
		}
	}
	scanned(t, a, now, told)
	for _, p := range append(was.Problems, now.Problems...) {
		t.Logf("problem: %+v", p)
	}
}

func trees(t *testing.T, a *txtar.Archive) (before, after map[waxseal.Path]snapshot.Object, want []string) {
	t.Helper()
	before, after = map[waxseal.Path]snapshot.Object{}, map[waxseal.Path]snapshot.Object{}
	file := func(content []byte) snapshot.Object {
		return snapshot.Object{File: waxseal.File{Mode: 0o644}, Content: content}
	}
	for _, f := range a.Files {
		if p, ok := strings.CutPrefix(f.Name, "before"); ok {
			before[waxseal.Path(p)], after[waxseal.Path(p)] = file(f.Data), file(f.Data)
		}
	}
	for _, f := range a.Files {
		lines := strings.Split(strings.TrimSpace(string(f.Data)), "\n")
		switch {
		case strings.HasPrefix(f.Name, "after/"):
			after[waxseal.Path(strings.TrimPrefix(f.Name, "after"))] = file(f.Data)
		case f.Name == "want":
			want = lines
		case f.Name == "removed":
			for _, l := range lines {
				delete(after, waxseal.Path(l))
			}
		}
	}
	for _, f := range a.Files {
		if slices.Contains([]string{"modes", "links", "times", "copies"}, f.Name) {
			attribute(t, f.Name, strings.Split(strings.TrimSpace(string(f.Data)), "\n"), before, after)
		}
	}
	if len(want) == 0 {
		t.Fatal("the story wants nothing")
	}
	return before, after, want
}

func attribute(t *testing.T, section string, lines []string, before, after map[waxseal.Path]snapshot.Object) {
	t.Helper()
	for _, l := range lines {
		w := strings.Fields(l)
		trees := []map[waxseal.Path]snapshot.Object{after}
		if w[0] == "before" {
			trees = append(trees, before)
		}
		for _, tree := range trees {
			p := waxseal.Path(w[1])
			if section == "copies" {
				content, err := os.ReadFile(filepath.Join("testdata/fixtures", w[2]))
				if err != nil {
					t.Fatal(err)
				}
				tree[p] = snapshot.Object{File: waxseal.File{Mode: 0o644}, Content: content}
				continue
			}
			if section == "links" {
				tree[p] = snapshot.Object{File: waxseal.File{Type: waxseal.Symlink, Link: w[2], Mode: 0o777}}
				continue
			}
			o, ok := tree[p]
			if !ok {
				o.Type = waxseal.Directory
			}
			if section == "times" {
				o.ModTime, o.ChangeTime = moment(t, w[2]), moment(t, w[3])
			} else {
				o.Mode = uint32(number(t, w[2], 8))
				setOwner(t, &o.File, w[3:])
			}
			tree[p] = o
		}
	}
}

// scanned compares what scan says of the end alone with section "scan", which is
// like "want".
func scanned(t *testing.T, a *txtar.Archive, now waxseal.State, told map[string]bool) {
	t.Helper()
	for _, f := range a.Files {
		if f.Name != "scan" {
			continue
		}
		said, worst := "", waxseal.None
		for _, f := range detect.Rank(now) {
			worst = max(worst, f.Severity)
			said += f.Severity.String() + " " + f.Title + ": " + strings.Join(f.Reasons, "\n\t") + "\n"
			for _, r := range f.Reasons {
				told[r] = true
			}
		}
		want := strings.Split(strings.TrimSpace(string(f.Data)), "\n")
		if worst.String() != want[0] {
			t.Errorf("scan: %s, want %s\n%s", worst, want[0], said)
		}
		for _, words := range want[1:] {
			if no, ok := strings.CutPrefix(words, "!"); ok == strings.Contains(said, no) {
				t.Errorf("scan %q: must it say %q?\n%s", words, no, said)
			}
		}
	}
}

// mounts are those of section "mounts", "PATH FSTYPE SOURCE", there at the end.
func mounts(a *txtar.Archive) (list []waxseal.Mount) {
	for _, f := range a.Files {
		for line := range strings.Lines(string(f.Data)) {
			if w := strings.Fields(line); f.Name == "mounts" {
				list = append(list, waxseal.Mount{Path: waxseal.Path(w[0]), FSType: w[1], Source: w[2], Root: "/"})
			}
		}
	}
	return list
}

// running are the processes of section "running".
func running(a *txtar.Archive) (list []waxseal.Running) {
	for _, f := range a.Files {
		for line := range strings.Lines(string(f.Data)) {
			w := strings.Fields(line)
			if f.Name != "running" || len(w) != 5 {
				continue
			}
			pid, _ := strconv.Atoi(w[0])
			is := func(state string) bool { return slices.Contains(strings.Split(w[4], ","), state) }
			p := waxseal.Running{PID: pid, Exe: waxseal.Path(w[1]), User: w[2]}
			if is("open") {
				p.Open = []waxseal.Opened{{Path: waxseal.Path(w[3]), Gone: is("gone"), Replaced: is("replaced"), Memory: is("memory"), Later: is("later"),
					Writes: is("writes") || is("appends"), Appends: is("appends"), Empty: is("empty"), Lasting: is("lasting")}}
			} else {
				p.Code = []waxseal.Mapped{{Path: waxseal.Path(w[3]), Gone: is("gone"), Replaced: is("replaced"), Memory: is("memory")}}
			}
			list = append(list, p)
		}
	}
	return list
}

// listen puts the listeners of a story into the hooks on their sockets.
func listen(a *txtar.Archive, states ...waxseal.State) {
	for _, f := range a.Files {
		if f.Name != "listeners" {
			continue
		}
		for line := range strings.Lines(string(f.Data)) {
			w := strings.Fields(line)
			l := waxseal.Listener{Exe: waxseal.Path(w[1]), PackageState: waxseal.PackageUnmodified}
			if l.Package = w[2]; l.Package == "unowned" {
				l.Package, l.PackageState = "", waxseal.PackageUnowned
			}
			for _, s := range states {
				for i := range s.Hooks {
					if s.Hooks[i].Target.Value == w[0] {
						s.Hooks[i].Listener = &l
					}
				}
			}
		}
	}
}

func setOwner(t *testing.T, f *waxseal.File, words []string) {
	t.Helper()
	for i, w := range words {
		switch n := number(t, w, 10); i {
		case 0:
			f.UID = uint32(n)
		case 1:
			f.GID = uint32(n)
		default:
			f.Links = n
		}
	}
}

func number(t *testing.T, s string, base int) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(s, base, 32)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func moment(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestJudgingIsStable: the same states give the same words in the same order.
func TestJudgingIsStable(t *testing.T) {
	a, err := txtar.ParseFile("testdata/stories/milter-put-first.txtar")
	if err != nil {
		t.Fatal(err)
	}
	before, after, _ := trees(t, a)
	var first []string
	for range 20 {
		m := mask.New([]byte("story"))
		was, now := mailpath.NewReader(m).Read(snapshot.New(before)), mailpath.NewReader(m).Read(snapshot.New(after))
		changes := drift.Compare(was, now)
		var said []string
		for i := range changes {
			detect.NewContext(was, now).Judge(&changes[i])
			said = append(said, changes[i].Reasons...)
		}
		if first == nil {
			first = said
		}
		if !slices.Equal(first, said) {
			t.Fatalf("%q, then %q", first, said)
		}
	}
}
