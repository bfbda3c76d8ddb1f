package mailman

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"waxseal"
	"waxseal/internal/lab"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/snapshot"
)

// record is the root of a Debian 12 with mailman3, to be asked anew.
var record = flag.String("record", "", "directory of a root with mailman3: ask it, and write testdata/mailman-3.3.8.txtar")

const (
	recorded = "testdata/mailman-3.3.8.txtar"
	ini3     = 150
)

// TestRecorded holds what Mailman 3 said of generated configurations against this
// package; testdata/README.md says how it was asked.
func TestRecorded(t *testing.T) {
	if *record != "" {
		ask(t, *record)
	}
	archive, err := txtar.ParseFile(recorded)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range archive.Files {
		files["/cases/"+f.Name] = string(f.Data)
	}
	refused := 0
	for i := range ini3 {
		name := fmt.Sprintf("/cases/case%d.cfg", i)
		var said struct {
			Refused       string
			Changed, Same map[string]string
		}
		if err := json.Unmarshal([]byte(files[fmt.Sprintf("/cases/case%d.json", i)]), &said); err != nil {
			t.Fatal(err)
		}
		if said.Refused != "" {
			refused++
			continue
		}
		ours := map[string]string{}
		x := &reader{Book: mta.NewBook(MTA, snapshot.Files(files), mask.New([]byte("k"))), noted: map[waxseal.Path]bool{}}
		for k, o := range x.extended(waxseal.Path(name), 0) {
			if k.section != "meta" {
				ours[k.section+":"+k.name] = strings.Join(strings.Fields(o.value), " ")
			}
		}
		for k, v := range said.Changed {
			if got, ok := ours[k]; !ok && v != "" || ok && got != strings.Join(strings.Fields(v), " ") {
				t.Errorf("case %d: %s: ours %q, theirs %q\n%s", i, k, got, v, files[name])
			}
			delete(ours, k)
		}
		for k, v := range ours {
			if same, ok := said.Same[k]; ok && v == same {
				continue // the default, spelled out
			}
			t.Errorf("case %d: %s: only ours %q\n%s", i, k, v, files[name])
		}
	}
	if refused*3 > ini3 {
		t.Errorf("%d of %d are refused: the cases say too little", refused, ini3)
	}
}

// ask writes the answers of a real Mailman down.
func ask(t *testing.T, root string) {
	t.Helper()
	script, err := os.ReadFile("testdata/ask.py")
	if err != nil {
		t.Fatal(err)
	}
	g := &iniFiles{rand.New(rand.NewPCG(3, 38))}
	archive := &txtar.Archive{Comment: []byte("Configurations of Mailman 3, and what Debian's 3.3.8-2~deb12u2 reads in them.\n")}
	dir := filepath.Join(root, "cases")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range ini3 {
		archive.Files = append(archive.Files, txtar.File{Name: fmt.Sprintf("case%d.cfg", i), Data: []byte(g.file(i))})
	}
	for _, f := range append(archive.Files, txtar.File{Name: "../ask.py", Data: script}) {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, err := lab.Output(t.Context(), root, fmt.Sprintf("python3 /ask.py /cases %d", ini3))
	if err != nil {
		t.Fatal(err)
	}
	var answers []json.RawMessage
	if err := json.Unmarshal([]byte(out), &answers); err != nil {
		t.Fatal(err)
	}
	for i, a := range answers {
		archive.Files = append(archive.Files, txtar.File{Name: fmt.Sprintf("case%d.json", i), Data: append(a, '\n')})
	}
	if err := os.WriteFile(recorded, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// iniFiles makes configurations.
type iniFiles struct{ *rand.Rand }

func (g *iniFiles) of(list ...string) string { return list[g.IntN(len(list))] }

func (g *iniFiles) file(n int) string {
	var b strings.Builder
	if n > 0 && g.IntN(5) == 0 {
		fmt.Fprintf(&b, "[meta]\nextends: %scase%d.cfg\n", g.of("", "/cases/"), g.IntN(n))
	}
	for range 1 + g.IntN(4) {
		b.WriteString(g.of("", "\n", "# a comment\n", "; another\n"))
		section := g.of("mta", "mailman", "plugin.own", "devmode", "archiver.own", "logging.smtp", "nntp")
		b.WriteString("[" + section + "]" + g.of("\n", " \n", " # so\n"))
		for range g.IntN(4) {
			b.WriteString(g.setting(section))
		}
	}
	return b.String()
}

var iniNames = map[string][]string{
	"mta": {"incoming", "outgoing", "smtp_host", "smtp_user"}, "mailman": {"site_owner", "pre_hook", "noreply_address"}, "plugin.own": {"class", "enabled", "configuration"},
	"devmode": {"recipient", "enabled"}, "archiver.own": {"class", "enable", "base_url"}, "logging.smtp": {"path", "level"}, "nntp": {"host", "user"},
}

func (g *iniFiles) setting(section string) string {
	name := g.of(iniNames[section]...)
	name = g.of(name, name, name, strings.ToUpper(name[:1])+name[1:])
	text := name + g.of(": ", "=", ":", " = ", ":\t") + g.value()
	return text + g.of("\n", "\n", "  \n", "\n  "+g.value()+"\n", "\n\t# no\n\t"+g.value()+"\n", "\n# between\n", "\n\n")
}

func (g *iniFiles) value() string {
	return g.of("a.b.C", "yes", "no", "x@example.test", "mail.example.test ; y", "a # b", "a=b:c", "%(x)s", "$path", "/var/log/x y", `"quoted"`, "[a]", "")
}

// TestExtends: what a file extends counts where it does not say otherwise itself, and a
// file that extends itself is read once.
func TestExtends(t *testing.T) {
	got := told(read(map[string]string{cfg: "[meta]\nextends: more.cfg\n[devmode] # not here\nrecipient: a@example.test\n",
		"/etc/mailman3/more.cfg": "[meta]\nextends: mailman.cfg\n[devmode]\nenabled: yes\nrecipient: drop@evil.example.net\n[mta]\noutgoing: site.deliver\n"}))
	for _, want := range []string{"script extends:2 /etc/mailman3/more.cfg", "redirect recipient:4 a@example.test", "plugin outgoing:7 site.deliver"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if strings.Contains(got, "evil") {
		t.Errorf("what the file overrides counts:\n%s", got)
	}
}
