package saconf

import (
	_ "embed"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/lab"
	"waxseal/internal/rootfs"
)

//go:embed testdata/ask.pl
var ask string

// TestParity asks the Mail::SpamAssassin of a real Debian and this package about the
// same configurations: which files are read, which settings count, which plug-ins are
// loaded from where, in which order.
func TestParity(t *testing.T) {
	cases, seed := lab.Cases(t, 300), lab.Seed(t)
	t.Logf("WAXSEAL_PARITY_SEED=%d repeats this run; WAXSEAL_PARITY_CASES sets how many cases it has", seed)
	root := lab.Root(t, lab.Filters)
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 5))}
	for i := range cases {
		g.write(t, filepath.Join(root, "cases", strconv.Itoa(i)), "/cases/"+strconv.Itoa(i))
	}
	if err := os.WriteFile(filepath.Join(root, "ask.pl"), []byte(ask), 0o644); err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	out, err := lab.Output(t.Context(), root, "LC_ALL=C perl /ask.pl /cases")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("SpamAssassin answered in %v", time.Since(started).Round(time.Second))
	theirs := answers(out)
	tree, err := rootfs.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	wrong, lines := 0, 0
	for i := range cases {
		name := strconv.Itoa(i)
		want, got := theirs[name], ours(tree, name)
		lines += strings.Count(want, "\n")
		if want == got || wrong > 5 || strings.Count(want, "\nfile") > 100 { // a file that includes itself under ever longer names
			continue
		}
		wrong++
		dump, _ := lab.Output(t.Context(), root, "cd /cases/"+name+" && for f in $(find . -name '*.cf' -o -name '*.pre' | sort); do echo \"== $f\"; cat -n $f; done")
		t.Errorf("case %d:\n%s\nSpamAssassin says\n%s\nthis package says\n%s", i, dump, want, got)
	}
	if lines < 4*cases {
		t.Errorf("%d answers to %d cases say too little", lines, cases)
	}
}

// TestStock asks about the configuration that the packages bring: the same files in the
// same order, the same plug-ins, and every setting that reaches a command. Some lines
// plug-ins read themselves (parse_config), which only ours lists.
func TestStock(t *testing.T) {
	root := lab.Root(t, lab.Filters)
	if err := os.WriteFile(filepath.Join(root, "ask.pl"), []byte(ask), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := lab.Output(t.Context(), root, "LC_ALL=C perl /ask.pl / host")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := rootfs.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	ours := strings.Split(events(Read(tree, Options{Keep: func(string) bool { return true }})), "\n")
	theirs := 0
	for line := range strings.Lines(answers(out)[""]) {
		theirs++
		at := slices.Index(ours, strings.TrimSuffix(line, "\n"))
		if at < 0 {
			t.Fatalf("SpamAssassin's answer %d is not ours, or not in this order: %s", theirs, line)
		}
		for _, more := range ours[:at] {
			if key := strings.Split(more, "\t"); key[0] != "line" || len(key) > 1 && isSetting(key[1]) {
				t.Errorf("only this package says %s", more)
			}
		}
		ours = ours[at+1:]
	}
	if theirs < 5_000 {
		t.Errorf("only %d answers", theirs)
	}
}

// answers sorts what the program prints by case. Lines in which a setting appears that
// decides which lines count are left out, as ours does.
func answers(out string) map[string]string {
	list := map[string]string{}
	current := ""
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		switch {
		case f[0] == "case":
			current = f[1]
		case f[0] == "plugin":
			list[current] += "plugin\t" + f[1] + "\t" + filepath.Clean(f[2]) + "\n"
		case f[0] == "line" && (f[1] == "loadplugin" || f[1] == "tryplugin" || f[1] == "require_version"):
		default:
			list[current] += line
		}
	}
	return list
}

// ours says the same in the same words. SpamAssassin reads all files before it looks at
// the first line, and those that are included when it comes to them.
func ours(tree waxseal.Tree, name string) string {
	c := Read(tree, Options{Site: "/cases/" + name + "/site", System: "/cases/" + name + "/rules", Keep: isSetting})
	c.Lines = slices.DeleteFunc(c.Lines, func(l Line) bool { return !isSetting(l.Key) })
	return events(c)
}

func events(c *Config) string {
	var told []event
	for _, f := range c.Files {
		told = append(told, event{f.at, "file\t" + f.named})
	}
	for _, l := range c.Lines {
		told = append(told, event{l.at, "line\t" + l.Key + "\t" + l.Value})
	}
	for _, p := range c.Plugins {
		if !p.Missing && !p.Again && p.Unless == "" {
			told = append(told, event{p.at, "plugin\t" + p.Package + "\t" + string(p.File)})
		}
	}
	return inOrder(told)
}

// isSetting leaves out what is no setting of SpamAssassin: such lines reach no command.
func isSetting(key string) bool {
	return slices.Contains(strings.Fields(`required_score welcomelist_from unwelcomelist_from all_spam_to blocklist_from score describe tflags body header meta report clear_report_template
		use_bayes trusted_networks add_header rewrite_header skip_rbl_checks enable_compat`), key)
}

type generator struct{ *rand.Rand }

func pickOne[T any](g *generator, list ...T) T { return list[g.IntN(len(list))] }

// write makes one configuration.
func (g *generator) write(t *testing.T, dir, name string) {
	put := func(file, text string) {
		p := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []string{"A", "B", "sub/C"} {
		base := filepath.Base(p)
		put("site/"+p+".pm", "package Own::"+base+";\nuse Mail::SpamAssassin::Plugin;\nour @ISA = qw(Mail::SpamAssassin::Plugin);\nsub new { my ($c, $m) = @_; my $s = $c->SUPER::new($m); bless $s, $c; $s }\nsub has_it { 1 }\n1;\n")
	}
	for _, f := range []string{"site/init.pre", "site/v1.pre", "site/local.cf", "site/Z.CF", "site/sub/more.cf", "site/other.inc", "rules/10.cf", "rules/updates_spamassassin_org.cf", "rules/x.pre", "site/.hidden.cf", "site/a.cf.bak"} {
		if f == "site/local.cf" || g.IntN(3) > 0 {
			put(f, g.text(name))
		}
	}
}

func (g *generator) text(name string) string {
	var b strings.Builder
	for range g.IntN(14) {
		line := g.line(name)
		if g.IntN(12) == 0 {
			line = pickOne(g, "  ", "\t", "lang en ", "lang de ", "lang en_US ", "lang e. ", "lang  C  ") + line
		}
		b.WriteString(line + pickOne(g, "\n", "\n", "\n", "\n", "\n", "\n", "\n", "\n", " \n", "\r\n", " # a comment\n", "#x\n", `\#x`+"\n"))
	}
	text := b.String()
	if g.IntN(8) == 0 {
		text = strings.TrimSuffix(text, "\n")
	}
	return text
}

func (g *generator) line(name string) string {
	n := strconv.Itoa(g.IntN(9))
	switch g.IntN(20) {
	case 0:
		return pickOne(g, "required_score ", "required_hits ", "Required-Score ", "REQUIRED_SCORE\t") + n
	case 1:
		return pickOne(g, "whitelist_from", "welcomelist_from", "unwhitelist_from", "all_spam_to", "blacklist_from") + " a" + n + "@example.test " + pickOne(g, "", "*@b", "*")
	case 2:
		return pickOne(g, "score R", "describe R", "tflags R", "body R", "header R", "meta R") + n + " " + pickOne(g, "1", "/x/", "From =~ /y/", "net", "0", "A word")
	case 3:
		return pickOne(g, "report text", "clear_report_template", "report", "lang", "0", "use_bayes 1", "use_bayes 0", "nonsense value", "trusted_networks 10/8", "add_header all X y", "rewrite_header Subject [S]")
	case 4, 5:
		return pickOne(g, "loadplugin ", "loadplugin ", "tryplugin ", "LoadPlugin ") + pickOne(g,
			"Mail::SpamAssassin::Plugin::HTTPSMismatch", "Mail::SpamAssassin::Plugin::WLBLEval", "Mail::SpamAssassin::Plugin::WhiteListSubject", "Mail::SpamAssassin::Plugin::Missing", "Mail::SpamAssassin::Plugin::HashCash",
			"Own::A A.pm", "Own::A "+name+"/site/A.pm", "Own::B ./B.pm", "Own::C sub/C.pm", "Own::C C.pm", "Own::A gone.pm", "Own::A A.pl", "Own-A A.pm", "Own::A  A.PM", "", "Own::B ../site/B.pm", "Own::A A.pm extra")
	case 6, 7, 8:
		form := pickOne(g, "ifplugin %s", "ifplugin %s", "if plugin(%s)", "if !plugin (%s)", "if plugin(%s")
		return fmt.Sprintf(form, pickOne(g, "Mail::SpamAssassin::Plugin::HTTPSMismatch", "Mail::SpamAssassin::Plugin::WLBLEval", "Own::A", "Own::B", "Own::C", "Mail::SpamAssassin::Plugin::RaciallyCharged", "Mail::SpamAssassin::Plugin::WhiteListSubject"))
	case 9, 10:
		return "if " + g.condition(3)
	case 11, 12, 13:
		return pickOne(g, "endif", "endif", "endif", "endif # x", "endif x", "ENDIF")
	case 14, 15:
		return pickOne(g, "else", "else", "else x")
	case 16:
		return "include " + pickOne(g, "other.inc", "sub", "sub/more.cf", name+"/site/other.inc", "gone.cf", "local.cf", "./other.inc", "../site/sub/", "__local_state_dir__/x.cf")
	case 17:
		return pickOne(g, "require_version 4.000001", "require_version 3.004000", "require_version @@VERSION@@", "require_version", "enable_compat own", "enable_compat welcomelist_blocklist")
	case 18:
		return pickOne(g, "file start "+name+"/site/sub/x.cf", "file start x", "file end x", "file", "file end", "file start", "Include other.inc")
	}
	return pickOne(g, "# a comment", "", " ", "report x \\# y # z", "score R"+n+" 1 2 3 4", "loadplugin", "if", "ifplugin", "include", "skip-rbl-checks 1")
}

// condition makes an expression, most of the time one that Perl takes.
func (g *generator) condition(depth int) string {
	if depth == 0 || g.IntN(3) == 0 {
		return pickOne(g, "version", "3.004", "4.000001", "5", "0", "1", "-1", "perl_version", "local_tests_only", "can(Mail::SpamAssassin::Conf::feature_geodb)", "can(Mail::SpamAssassin::Conf::feature_none)",
			"has(Mail::SpamAssassin::Conf::feature_originating_ip_headers)", "can(Mail::SpamAssassin::Conf::compat_own)", "can(Own::A::has_it)", "can(Own::B::has_it)", "plugin(Own::A)", "plugin ( Own::B )", "can(x)",
			"can(Mail::SpamAssassin::Conf::perl_min_version_5010000)", "word", "Own::A", "x", "4.0.1", "$a", "")
	}
	a, b := g.condition(depth-1), g.condition(depth-1)
	switch g.IntN(6) {
	case 0:
		return "(" + a + ")"
	case 1:
		return pickOne(g, "!", "! ", "-", "!!") + a
	case 2:
		return a + " ? " + b + " : " + g.condition(depth-1)
	}
	return a + pickOne(g, " >= ", " < ", "==", " != ", " && ", " || ", " + ", "*", " <= ", ">", "-", " / ", "^", " = ", " & ") + b
}

// event is one thing that was met, and when.
type event struct {
	at   int
	says string
}

func inOrder(told []event) string {
	slices.SortStableFunc(told, func(a, b event) int { return a.at - b.at })
	var b strings.Builder
	for _, e := range told {
		fmt.Fprintln(&b, e.says)
	}
	return b.String()
}
