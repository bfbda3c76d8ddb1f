package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/lab"
)

// question is a lab with the configurations that real programs and this package
// are asked about.
type question struct {
	*rand.Rand
	root, dir string
	cases     int
}

// TestParity asks the real programs of the policy services, in one lab, what their
// configurations mean.
func TestParity(t *testing.T) {
	seed := lab.Seed(t)
	t.Logf("WAXSEAL_PARITY_SEED=%d repeats this run; WAXSEAL_PARITY_CASES sets how many cases each part has", seed)
	root := lab.Root(t, lab.Filters)
	for i, part := range []struct {
		name string
		run  func(question, *testing.T)
	}{{"postfwd", question.parityPostfwd}, {"reach", question.reachPostfwd}, {"policyd-spf", question.paritySPF}, {"greylistd", question.parityGreylistd}, {"options", question.parityOptions}, {"yaml", question.parityYAML}, {"perl", question.parityPerl}} {
		t.Run(part.name, func(t *testing.T) {
			q := question{Rand: rand.New(rand.NewPCG(seed, uint64(20+i))), root: root, dir: filepath.Join(root, "cases")}
			if err := errors.Join(os.RemoveAll(q.dir), os.MkdirAll(q.dir, 0o755)); err != nil {
				t.Fatal(err)
			}
			part.run(q, t)
		})
	}
}

func (q question) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(q.dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (q question) read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(q.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func (q question) ask(t *testing.T, script string) string {
	t.Helper()
	out, err := lab.Output(t.Context(), q.root, script)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (q question) of(list ...string) string { return list[q.IntN(len(list))] }

// some joins a few of what is made, with blanks or none before each.
func (q question) some(most int, make func() string) string {
	var b strings.Builder
	for range 1 + q.IntN(most) {
		b.WriteString(make())
	}
	return b.String()
}

// ruleText is a line of a file of rules, well formed or not.
func (q question) ruleText() string {
	item := func() string {
		name := q.of("id", "sender", "client_address", "rbl", "size", "score", "action", "recipient", "days", "foo", "rblcount", "sender_ns_addrs", "a-b")
		v := q.of("a", "b c", "10.0.0.0/8, 1.2.3.4", "/^x$/", "!!(/a/)", "!!x", "file:/cases/list", "table:/cases/table", "a=b", "REDIRECT x@y", "rate($$client_address/5/60/450 x)", "jump(R-1)", "5", "$$sender", "~a", `"q"`, "", "lfile:/cases/list", "x # c")
		return q.of("", " ", "\t") + name + q.of("", " ") + q.of("=", "=", "=", "==", "=~", "!=", "!~", "<=", ">=", "=<", "=>", "~=", "<", ">") + q.of("", " ") + v
	}
	switch q.IntN(12) {
	case 0:
		return "&&M" + strconv.Itoa(q.IntN(3)) + " { " + item() + "; " + item() + q.of(" };", "}", " ; } ;")
	case 1:
		return q.of("&&M0", "&&M1 ; ", "&&M2; ", "&&NONE;") + " action=dunno"
	case 2:
		return "&&N" + strconv.Itoa(q.IntN(2)) + " {\n  " + item() + ";\n" + item() + "\n};"
	case 3:
		return q.of("# c", "", "  ", "}", "id", "\\", "x \\\n", "0", "{")
	case 4:
		return "  " + item() + q.of(";", "", " \\")
	}
	var parts []string
	for range 1 + q.IntN(4) {
		parts = append(parts, item())
	}
	if q.IntN(4) > 0 {
		parts = append(parts, "action="+q.of("dunno", "REJECT x", "rate(client_address/5/60/450 x)"))
	}
	return strings.Join(parts, q.of(";", "; ", ";;", " ; ")) + q.of("", ";", " ;", " \\\n ;x=y")
}

// parityPostfwd asks postfwd what rules it reads (postfwd --showconfig).
func (q question) parityPostfwd(t *testing.T) {
	q.cases = lab.Cases(t, 60)
	q.write(t, "list", "a\n# c\n b  # d\n\n10.0.0.1\n/x/\n")
	q.write(t, "table", "a ok\nb\n c   d e\n")
	var texts []string
	for i := range q.cases {
		text := q.some(6, func() string { return q.ruleText() + "\n" })
		q.write(t, strconv.Itoa(i)+".cf", text)
		texts = append(texts, text)
	}
	q.ask(t, `cd /cases && for f in *.cf; do /usr/sbin/postfwd2 -C -f /cases/$f >$f.out 2>/dev/null; done; true`)
	wrong := 0
	for i, text := range texts {
		said, err := os.ReadFile(filepath.Join(q.dir, strconv.Itoa(i)+".cf.out"))
		if err != nil {
			t.Fatal(err)
		}
		var theirs []string
		for line := range strings.Lines(string(said)) {
			if strings.HasPrefix(line, "Rule ") {
				theirs = append(theirs, unnamed.ReplaceAllString(strings.TrimRight(line, "\n"), ""))
			}
		}
		ours := q.ourRules(text)
		if !slices.Equal(theirs, ours) {
			if wrong++; wrong > 5 {
				t.Fatalf("more differences (case %d)", i)
			}
			t.Errorf("case %d\n%s--- postfwd\n%s\n--- ours\n%s", i, text, strings.Join(theirs, "\n"), strings.Join(ours, "\n"))
		}
	}
}

// unnamed is what postfwd shows of two semicolons with nothing between them.
var unnamed = regexp.MustCompile(`;\s+\}?->"[^"]*"`)

// ourRules writes rules as postfwd shows them; of lists read at run time it shows
// the name.
func (q question) ourRules(text string) []string {
	list := func(reference string, _ int) []string {
		content, _ := os.ReadFile(filepath.Join(q.root, reference[strings.IndexByte(reference, ':')+1:]))
		return listEntries(reference, string(content))
	}
	r := ruleReader{macros: map[string]string{}, list: list, problem: func(int, string) {}, asShown: true}
	var out []string
	for i, one := range r.file("/x", text, 0) {
		line := fmt.Sprintf(`Rule %3d: id->"%s"; action->"%s"`, i, one.id, one.action)
		items := slices.Clone(one.items)
		slices.SortFunc(items, func(a, b item) int { return strings.Compare(b.name, a.name) })
		for _, it := range items {
			if it.name == "id" || it.name == "action" || strings.Trim(it.name, "}") == "" {
				continue
			}
			var values []string
			for _, v := range it.values {
				if single.MatchString(it.name) {
					values = append(values, v.text)
				} else {
					values = append(values, v.compare+";"+v.text)
				}
			}
			line += "; " + it.name + `->"` + strings.Join(values, ", ") + `"`
		}
		out = append(out, line)
	}
	return out
}

// reachPostfwd asks postfwd what it answers: no answer comes from a rule that
// nothing is said to reach.
func (q question) reachPostfwd(t *testing.T) {
	q.cases = lab.Cases(t, 25)
	condition := func() string {
		return q.of("", "", "client_address=0.0.0.0/0; ", "sender=~.*; ", "sender=a@b.example; ", "recipient=~/example/; ", "client_address=10.0.0.0/8; ", "size=>0; ", "client_address=10.0.0.0/8; client_address=0.0.0.0/0; ", "sender=!~x; ", "client_name=~.; ")
	}
	var requests strings.Builder
	for range 12 {
		fmt.Fprintf(&requests, "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=SMTP\nclient_address=%s\nclient_name=%s\nsender=%s\nrecipient=%s\nsize=%s\nhelo_name=h\n\n", q.of("10.1.2.3", "192.0.2.9"), q.of("unknown", "mx.example"), q.of("a@b.example", "", "x@y.test"), q.of("r@example.test", "r@other.test"), q.of("0", "500"))
	}
	q.write(t, "requests", requests.String())
	var all [][]rule
	for i := range q.cases {
		var text strings.Builder
		for n := range 2 + q.IntN(5) {
			fmt.Fprintf(&text, "id=R%d; %saction=%s\n", n, condition(), q.of("REJECT "+strconv.Itoa(n), "REJECT "+strconv.Itoa(n), "jump(R"+strconv.Itoa(n+1+q.IntN(2))+")", "set(x=1)", "note(x)", "score(1)"))
		}
		q.write(t, strconv.Itoa(i)+".rules", text.String())
		r := ruleReader{macros: map[string]string{}, problem: func(int, string) {}}
		all = append(all, r.file("/x", text.String(), 0))
	}
	q.ask(t, `cd /cases && for f in *.rules; do /usr/sbin/postfwd1 --nodns -c 0 -f /cases/$f </cases/requests >$f.out 2>/dev/null; done; true`)
	answers := 0
	for i, rules := range all {
		said, _ := os.ReadFile(filepath.Join(q.dir, strconv.Itoa(i)+".rules.out"))
		answers += strings.Count(string(said), "action=")
		unreached := (&postfwdReader{rules: rules}).reach()
		for n, one := range rules {
			if strings.HasPrefix(one.action, "REJECT") && unreached.by[n] != "" && strings.Contains(string(said), "action="+one.action+"\n") {
				t.Errorf("case %d: postfwd answers %s, and nothing should reach it:\n%+v", i, one.action, rules)
			}
		}
	}
	if answers < q.cases*6 {
		t.Errorf("%d answers to %d questions", answers, q.cases*12)
	}
}

// paritySPF asks policyd-spf's own reader of its configuration.
func (q question) paritySPF(t *testing.T) {
	q.cases = lab.Cases(t, 400)
	names := slices.Sorted(maps.Keys(spfDefaults))
	var texts []string
	for i := range q.cases {
		text := q.some(5, func() string {
			name := names[q.IntN(len(names))]
			v := q.of("1", "0", "3 # c", "2#c", " 7")
			if n, _ := strconv.Atoi(spfDefaults[name]); n == 0 && spfDefaults[name] != "0" && !strings.HasSuffix(name, "Only") && !strings.Contains(name, "evel") {
				v = q.of("False", "No_Check", "10.0.0.0/8,::1", "a b", "", "x=y", "1")
			}
			return q.of("", " ", "# ") + q.of(name, name, name, "NoSuch", strings.ToLower(name)) + q.of("=", " = ", " ", "\t=") + v + "\n"
		})
		q.write(t, fmt.Sprintf("%05d.conf", i), text)
		texts = append(texts, text)
	}
	const script = `cat >/cases/ask.py <<'EOF'
import glob, json
import spf_engine.policydspfsupp as s
s.syslog.syslog = lambda *a: None
out = []
for f in sorted(glob.glob('/cases/*.conf')):
    try:
        d = dict(s.defaultConfigData)
        s._readConfigFile(f, d)
        out.append({k: str(v) for k, v in d.items() if not isinstance(v, list)})
    except Exception as e:
        out.append({'error': str(e)})
print(json.dumps(out))
EOF
python3 /cases/ask.py`
	var answers []map[string]string
	if err := json.Unmarshal([]byte(q.ask(t, script)), &answers); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for i, theirs := range answers {
		if theirs["error"] != "" {
			refused++
			continue
		}
		ours := parseSPF(texts[i], func(int, string) {})
		for _, name := range names {
			v, ok := ours[name]
			if !ok {
				v.value = spfDefaults[name]
			}
			said, known := theirs[name]
			if !known && v.value == "" || name == "Authserv_Id" || name == "InternalHosts" || name == "MacroList" || name == "Mock" || name == "IntHosts" {
				continue // a name, lists and a truth that the program works out
			}
			if n, err := strconv.Atoi(said); err == nil && strconv.Itoa(n) == strings.TrimLeft(v.value, "+") {
				continue
			}
			if said != v.value {
				t.Errorf("case %d: %s is %q, and ours %q\n%s", i, name, said, v.value, texts[i])
			}
		}
	}
	if refused*2 > len(answers) {
		t.Errorf("policyd-spf refuses %d of %d", refused, len(answers))
	}
}

// parityGreylistd asks greylistd's own reader of its configuration.
func (q question) parityGreylistd(t *testing.T) {
	q.cases = lab.Cases(t, 400)
	names := slices.Sorted(maps.Keys(greylistdDefaults))
	var texts []string
	for i := range q.cases {
		text := q.some(8, func() string {
			section, name, _ := strings.Cut(names[q.IntN(len(names))], ":")
			return q.of("["+section+"]", "[ "+strings.ToUpper(section)+" ] x", "[nosuch]", "# c", "", "x", name+" = "+q.of("5", "-1", "yes", "Off", "a b", "010", "1_0", "", "0"), name+"="+q.of("60", "0660", "/x", "true", "x=y"), " "+name+" = 7", "nosuch = 1") + "\n"
		})
		q.write(t, fmt.Sprintf("%05d.conf", i), text)
		texts = append(texts, text)
	}
	const script = `cat >/cases/ask.py <<'EOF'
import copy, glob, importlib.machinery, importlib.util, json
loader = importlib.machinery.SourceFileLoader('g', '/usr/sbin/greylistd')
g = importlib.util.module_from_spec(importlib.util.spec_from_loader('g', loader))
text = open('/usr/sbin/greylistd').read().split('\n# Main')[0]
cut = text.find('\nif len(sys.argv)')
exec(compile(text if cut < 0 else text[:cut], 'g', 'exec'), g.__dict__)
g.log = lambda *a: None
out = []
for f in sorted(glob.glob('/cases/*.conf')):
    d = copy.deepcopy(g.config)
    g.loadFromFile(f, d)
    out.append({s + ':' + k: str(v) for s, e in d.items() for k, v in e.items()})
print(json.dumps(out))
EOF
python3 /cases/ask.py`
	var answers []map[string]string
	if err := json.Unmarshal([]byte(q.ask(t, script)), &answers); err != nil {
		t.Fatal(err)
	}
	for i, theirs := range answers {
		ours := parseGreylistd(texts[i], func(int, string) {})
		for _, name := range names {
			v, ok := ours[name]
			if !ok {
				v.value = greylistdDefaults[name]
			}
			if theirs[name] != v.value {
				t.Errorf("case %d: %s is %q, and ours %q\n%s", i, name, theirs[name], v.value, texts[i])
			}
		}
	}
}

// parityOptions asks Getopt::Long with the options of the real postgrey and
// postfwd.
func (q question) parityOptions(t *testing.T) {
	q.cases = lab.Cases(t, 500)
	for _, tc := range []struct {
		program, config string
		grammar         grammar
		words           []string
	}{
		{"postgrey", "posix_default no_ignore_case", postgreyOptions, []string{"--inet=10023", "--inet", "-i", "10023", "-u/x", "--unix=/run/x", "-unix", "--delay=60", "--whitelist-clients=/x", "--whitelist-clients", "--auto-whitelist-clients", "--auto-whitelist-clients=3", "x", "--", "--ver", "--privacy", "-v", "--nosuch", "--greylist-action=OK x", "--lookup-by-host", "-d", "--facility=mail", "--x-greylist-header=A: b"}},
		{"postfwd2", "no_ignore_case bundling", postfwdOptions, []string{"-f", "/x", "--file=/y", "-f/z", "-vd", "-vf", "--plug", "/p", "--plugins=/q", "-i127.0.0.1", "-p", "10040", "--inter=::1", "--proto=unix", "-nI", "-r", "id=a; action=b", "--user", "postfw", "x", "--", "-S600", "--cache=600", "--nosuch", "-Z", "--cache-rdomain-only", "--daemon", "-R/", "--socket=tcp:h:1"}},
	} {
		var argvs [][]string
		for range q.cases {
			var argv []string
			for range 1 + q.IntN(6) {
				argv = append(argv, q.of(tc.words...))
			}
			argvs = append(argvs, argv)
		}
		asked, err := json.Marshal(argvs)
		if err != nil {
			t.Fatal(err)
		}
		q.write(t, "argv.json", string(asked))
		script := `cat >/cases/ask.pl <<'EOF'
use strict; use JSON::PP; use Getopt::Long qw(:config ` + tc.config + `);
open my $f, '<', '/usr/sbin/` + tc.program + `'; local $/; my $text = <$f>;
my ($call) = $text =~ /GetOptions\s*\((.*?)\n\s*\)\s*or/s;
$call =~ s/#.*$//mg;
my @specs;
while ($call =~ /(?<=[\n,(])\s*(['"])([^'"\n]*)\1\s*(?=[,=]|$)/g) { push @specs, $2 }
@specs = grep { /^[\w?|-]+([=:!+][\w%@]*)?$/ && !/^\$/ } @specs;
s/[%@]$//, s/[!+]$// for @specs;
$SIG{__WARN__} = sub {};
open my $q, '<', '/cases/argv.json'; my @out;
for my $argv (@{decode_json(<$q>)}) {
    my @given; local @ARGV = @$argv;
    GetOptions(map { $_ => sub { push @given, ["$_[0]", defined $_[1] ? "$_[1]" : ''] } } @specs);
    push @out, \@given;
}
print encode_json(\@out);
EOF
perl /cases/ask.pl`
		var answers [][][2]string
		if err := json.Unmarshal([]byte(q.ask(t, script)), &answers); err != nil {
			t.Fatal(err)
		}
		wrong := 0
		for i, theirs := range answers {
			var said, ours []string
			for _, g := range theirs {
				if _, kind, _ := tc.grammar.find(g[0]); kind == nothing {
					g[1] = ""
				}
				said = append(said, g[0]+"="+g[1])
			}
			for _, g := range tc.grammar.parse(argvs[i]) {
				ours = append(ours, g.name+"="+g.value)
			}
			if !slices.Equal(said, ours) {
				if wrong++; wrong < 6 {
					t.Errorf("%s %q: %q, and ours %q", tc.program, argvs[i], said, ours)
				}
			}
		}
	}
}

// parityYAML asks policyd-rate-limit for its settings.
func (q question) parityYAML(t *testing.T) {
	q.cases = lab.Cases(t, 300)
	names := slices.Sorted(maps.Keys(rateDefaults))
	var texts []string
	for i := range q.cases {
		used := map[string]bool{}
		text := q.some(8, func() string {
			name := names[q.IntN(len(names))]
			if used[name] {
				return "# again\n"
			}
			used[name] = true
			return name + ":" + q.of(" a b", " \"a # b\"", " 'x'", " [a, \"b\", 5]", "\n  - a\n  - \"b\" # c", "\n- a\n- b c", " 5 # c", " []", " \"\"", "\n    k: v\n    \"l\": 'w'", " a#b") + "\n" + q.of("", "\n", "# c\n", "---\n"[:0])
		})
		q.write(t, fmt.Sprintf("%05d.yaml", i), text)
		texts = append(texts, text)
	}
	const script = `cat >/cases/ask.py <<'EOF'
import glob, json, yaml
def flat(prefix, v, out):
    if isinstance(v, dict):
        for k, w in v.items(): flat(prefix + ':' + str(k) if prefix else str(k), w, out)
    elif isinstance(v, list): out[prefix] = ', '.join(str(w) for w in v)
    else: out[prefix] = '' if v is None else str(v)
out = []
for f in sorted(glob.glob('/cases/*.yaml')):
    try:
        d = {}; flat('', yaml.load(open(f), Loader=yaml.SafeLoader) or {}, d); out.append(d)
    except Exception as e: out.append({'error': str(e)})
print(json.dumps(out))
EOF
python3 /cases/ask.py`
	var answers []map[string]string
	if err := json.Unmarshal([]byte(q.ask(t, script)), &answers); err != nil {
		t.Fatal(err)
	}
	for i, theirs := range answers {
		if theirs["error"] != "" {
			t.Errorf("case %d is no YAML: %s\n%s", i, theirs["error"], texts[i])
			continue
		}
		ours := parseYAML(waxseal.Path("/x"), texts[i], func(int, string) {})
		for name, said := range theirs {
			if ours[name].value != said {
				t.Errorf("case %d: %s is %q, and ours %q\n%s", i, name, said, ours[name].value, texts[i])
			}
		}
	}
}
