package waxseal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floors is the house, bottom up: a package imports only from floors below its
// own, and siblings on one floor are strangers.
//
// It is a statement of policy. Do not change this table to mend a build: move
// the code to the floor it belongs on. Adding a package means adding it here.
//
// "allow" names the third-party modules a floor may use.
var floors = []struct {
	name     string
	packages []string
	allow    []string
}{
	{"0 words", []string{"waxseal"}, nil},
	{"0a ground of the readers", []string{
		"waxseal/internal/mailbox/possible",
		"waxseal/internal/mapdb/mapfile",
	}, nil},
	{"1a readers", []string{
		"waxseal/internal/attack/stix",
		"waxseal/internal/auditrec",
		"waxseal/internal/calls",
		"waxseal/internal/engine",
		"waxseal/internal/gitdir",
		"waxseal/internal/loader",
		"waxseal/internal/logline",
		"waxseal/internal/mailbox/aliases",
		"waxseal/internal/mailbox/eximfilter",
		"waxseal/internal/mailbox/sieve",
		"waxseal/internal/mailbox/maildrop",
		"waxseal/internal/mailbox/procmail",
		"waxseal/internal/mapdb",
		"waxseal/internal/mask",
		"waxseal/internal/mountinfo",
		"waxseal/internal/pkgdb/dpkg",
		"waxseal/internal/pkgdb/translog",
		"waxseal/internal/utmp",
		"waxseal/internal/snapshot",
		"waxseal/internal/unified",
	}, nil},
	{"1b configuration", []string{
		"waxseal/internal/host/errand",
		"waxseal/internal/host/sudoers",
		"waxseal/internal/mta",
		"waxseal/internal/mta/exim/debian",
		"waxseal/internal/mta/exim/eximconf",
		"waxseal/internal/mta/exim/expand",
		"waxseal/internal/mta/opensmtpd/smtpdconf",
		"waxseal/internal/mta/postfix/postconf",
		"waxseal/internal/mta/sendmail/cf",
		"waxseal/internal/mta/sendmail/mc",
		"waxseal/internal/filter/dovecot/doveconf",
		"waxseal/internal/filter/spamassassin/saconf",
		"waxseal/internal/filter/milters/milterconf",
		"waxseal/internal/filter/rspamd/ucl",
	}, nil},
	{"1c readers", []string{
		"waxseal/internal/host",
		"waxseal/internal/filter/amavis",
		"waxseal/internal/filter/delivery",
		"waxseal/internal/filter/dovecot",
		"waxseal/internal/filter/lists",
		"waxseal/internal/filter/mailman",
		"waxseal/internal/filter/milters",
		"waxseal/internal/filter/mimedefang",
		"waxseal/internal/filter/fetch",
		"waxseal/internal/filter/nullclient",
		"waxseal/internal/filter/others",
		"waxseal/internal/filter/spamassassin",
		"waxseal/internal/filter/policy",
		"waxseal/internal/filter/rspamd",
		"waxseal/internal/mta/exim",
		"waxseal/internal/mta/opensmtpd",
		"waxseal/internal/mta/postfix",
		"waxseal/internal/mta/sendmail",
		"waxseal/internal/surroundings",
	}, nil},
	{"1d mail path", []string{
		"waxseal/internal/mailpath",
	}, nil},
	{"2 judges", []string{
		"waxseal/internal/attack", // what releases say, and how they differ
		"waxseal/internal/correlate",
		"waxseal/internal/detect",
		"waxseal/internal/drift",
		"waxseal/internal/parcel",
		"waxseal/internal/permit",
		"waxseal/internal/triage",
	}, []string{"github.com/rogpeppe/go-internal/diff"}},
	{"3 keepers", []string{
		"waxseal/internal/ledger",
		"waxseal/internal/store",
	}, []string{"golang.org/x/mod/sumdb", "github.com/transparency-dev/formats", "modernc.org/sqlite", "github.com/klauspost/compress", "golang.org/x/sys/unix"}},
	// It lies in the state directory that store keeps, and asks it whether that is safe.
	{"3a keeper of ATT&CK releases", []string{
		"waxseal/internal/attack/shelf",
	}, []string{"modernc.org/sqlite", "github.com/klauspost/compress"}},
	{"3b the beat that loops share", []string{
		"waxseal/internal/beat",
		"waxseal/internal/lull",
	}, nil},
	{"4 edges", []string{
		"waxseal/internal/archive",
		"waxseal/internal/pkgdb/deb",
		"waxseal/internal/pkgdb/rpm",
		"waxseal/internal/rootfs",
		"waxseal/internal/sandbox",
		"waxseal/internal/sensor/bpf",
		"waxseal/internal/sensor/control",
		"waxseal/internal/sensor/fanotify",
		"waxseal/internal/sensor/inotify",
		"waxseal/internal/sensor/journal",
		"waxseal/internal/sensor/kaudit",
		"waxseal/internal/sensor/network",
		"waxseal/internal/sensor/proc",
		"waxseal/internal/sensor/pulse",
		"waxseal/internal/sensor/tail",
		"waxseal/internal/treecache",
	}, []string{"golang.org/x/sys/unix", "github.com/klauspost/compress", "github.com/ulikunitz/xz", "modernc.org/sqlite", "github.com/cilium/ebpf", "github.com/ProtonMail/go-crypto/openpgp", "github.com/minio/md5-simd"}},
	{"4a papers", []string{
		"waxseal/internal/papers",
	}, nil},
	// It has the edges that reading takes, and shuts them into a process of their own.
	{"4b reading room", []string{
		"waxseal/internal/readroom",
	}, []string{"golang.org/x/sys/unix"}},
	{"5 houses", []string{
		"waxseal/internal/agent",
		"waxseal/internal/replay",
	}, nil},
	{"6 doors", []string{
		"waxseal/internal/cli",
	}, []string{"github.com/go-json-experiment/json", "github.com/go-json-experiment/json/jsontext", "github.com/go-json-experiment/json/v1", "github.com/spf13/cobra", "github.com/spf13/pflag", "go.yaml.in/yaml/v3", "golang.org/x/sys/unix"}},
	{"6 main", []string{
		"waxseal/cmd/waxseal",
	}, nil},
	// The lab is no part of the product: it builds throw-away mail servers for
	// the demonstration and the end-to-end tests.
	{"lab", []string{
		"waxseal/internal/testtime",
		"waxseal/internal/loader/loadertest",
		"waxseal/internal/lab",
		"waxseal/internal/lab/demo",
		"waxseal/internal/lab/hookdoc",
		"waxseal/internal/lab/man",
		"waxseal/internal/lab/ring",
	}, []string{"golang.org/x/sys/unix", "github.com/d--j/go-milter", "github.com/emersion/go-message", "github.com/spf13/cobra/doc", "github.com/rogpeppe/go-internal/txtar"}},
}

// pureBelow is the first floor that may touch the world.
const pureBelow = "3 keepers"

// impure are the packages that floors below pureBelow must not import, with the
// reason.
var impure = map[string]string{
	"os":        "readers and judges see the world only through values and waxseal.Tree",
	"os/exec":   "what is inspected is never executed",
	"os/signal": "only main hears signals",
	"net":       "judgement must not depend on the network",
	"net/http":  "judgement must not depend on the network",
	"log":       "evidence is not a log line: return a Problem, a hook or an error",
	"log/slog":  "evidence is not a log line: return a Problem, a hook or an error",
	"syscall":   "readers and judges see the world only through values and waxseal.Tree",
	"unsafe":    "no floor needs it",
	"math/rand": "the same input must give the same judgement",
}

// impureSelectors are functions of allowed packages that floors below pureBelow
// must not use.
var impureSelectors = map[string][]string{
	"time":          {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"},
	"path/filepath": {"Walk", "WalkDir", "Glob", "EvalSymlinks", "Abs"},
}

func TestFloors(t *testing.T) {
	rank, pureFloors := map[string]int{}, 0
	for i, f := range floors {
		if f.name == pureBelow {
			pureFloors = i
		}
		for _, p := range f.packages {
			rank[p] = i
		}
	}
	seen := map[string]bool{}
	for _, file := range goFiles(t) {
		pkg := path.Join("waxseal", filepath.ToSlash(filepath.Dir(file)))
		floor, ok := rank[pkg]
		if !ok {
			t.Errorf("%s: package %s stands on no floor; add it to the table", file, pkg)
			continue
		}
		seen[pkg] = true
		checkFile(t, file, pkg, floor, rank, floor < pureFloors)
	}
	for pkg := range rank {
		if !seen[pkg] {
			t.Errorf("the table lists %s, which does not exist", pkg)
		}
	}
}

// goFiles lists the product's Go files, tests left out.
func goFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "tools" || strings.HasPrefix(d.Name(), ".") && p != "."):
			return filepath.SkipDir
		case strings.HasSuffix(p, ".go") && !strings.HasSuffix(p, "_test.go"):
			files = append(files, p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func checkFile(t *testing.T, file, pkg string, floor int, rank map[string]int, pure bool) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range fileProblems(f, pkg, floor, rank, pure) {
		t.Errorf("%s: %s", file, problem)
	}
}

// fileProblems lists what one parsed file does that its floor may not.
func fileProblems(f *ast.File, pkg string, floor int, rank map[string]int, pure bool) []string {
	var problems []string
	names := map[string]string{} // name in this file -> import path
	for _, spec := range f.Imports {
		p, _ := strconv.Unquote(spec.Path.Value)
		names[localName(spec, p)] = p
		if problem := importProblem(p, pkg, floor, rank, pure); problem != "" {
			problems = append(problems, problem)
		}
		if pure && spec.Name != nil && spec.Name.Name == "." {
			problems = append(problems, "dot import of "+p+" hides what is used")
		}
	}
	if pure {
		problems = append(problems, impureUses(f, names)...)
	}
	return problems
}

func localName(spec *ast.ImportSpec, p string) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	return path.Base(p)
}

func importProblem(p, pkg string, floor int, rank map[string]int, pure bool) string {
	if p == "waxseal" || strings.HasPrefix(p, "waxseal/") {
		other, ok := rank[p]
		switch {
		case !ok:
			return "imports " + p + ", which stands on no floor"
		case other > floor:
			return "climbs: " + pkg + " (" + floors[floor].name + ") imports " + p + " (" + floors[other].name + ")"
		case other == floor && p != pkg && floors[floor].name != "lab":
			return "siblings are strangers: " + pkg + " imports " + p
		}
		return ""
	}
	if !strings.Contains(strings.SplitN(p, "/", 2)[0], ".") { // standard library
		if reason, bad := impure[p]; bad && pure {
			return "imports " + p + ": " + reason
		}
		return ""
	}
	for _, allowed := range floors[floor].allow {
		if p == allowed || strings.HasPrefix(p, allowed+"/") {
			return ""
		}
	}
	return "imports " + p + ", which is not on the allow-list of floor " + floors[floor].name
}

// impureUses lists goroutines and clock reads, whatever name the package was
// imported under.
func impureUses(f *ast.File, names map[string]string) []string {
	var problems []string
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			problems = append(problems, "starts a goroutine")
		case *ast.SelectorExpr:
			if id, ok := n.X.(*ast.Ident); ok && slices.Contains(impureSelectors[names[id.Name]], n.Sel.Name) {
				problems = append(problems, "uses "+names[id.Name]+"."+n.Sel.Name+": time and files come from the event and the tree")
			}
		}
		return true
	})
	return problems
}

// TestFloorsCatchOffenders proves that the test above can fail.
func TestFloorsCatchOffenders(t *testing.T) {
	rank := map[string]int{"waxseal": 0, "waxseal/internal/mapdb": 1, "waxseal/internal/auditrec": 1, "waxseal/internal/drift": 4}
	for _, tc := range []struct{ name, src, want string }{
		{"climbing", `import "waxseal/internal/drift"`, "climbs"},
		{"sibling", `import "waxseal/internal/auditrec"`, "siblings are strangers"},
		{"renamed os", `import harmless "os"; var _ = harmless.Args`, "imports os"},
		{"renamed clock", `import t "time"; var _ = t.Now()`, "time.Now"},
		{"goroutine", `func f() { go f() }`, "goroutine"},
		{"third party", `import "example.com/x"`, "allow-list"},
		{"dot import", `import . "time"`, "dot import"},
		{"unlisted", `import "waxseal/internal/nowhere"`, "no floor"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, err := parser.ParseFile(token.NewFileSet(), "x.go", "package mapdb\n"+tc.src, 0)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(fileProblems(f, "waxseal/internal/mapdb", 1, rank, true), "\n")
			if !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want a problem with %q", got, tc.want)
			}
		})
	}
}

// TestPackageComments: every package opens with a sentence about what it is.
func TestPackageComments(t *testing.T) {
	documented := map[string]bool{}
	for _, file := range goFiles(t) {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Dir(file)
		documented[dir] = documented[dir] || f.Doc != nil && len(f.Doc.Text()) > 40
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s has no package comment", dir)
		}
	}
}
