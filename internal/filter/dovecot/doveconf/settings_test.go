package doveconf

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"waxseal/internal/lab"
)

var update = flag.Bool("update", false, "ask doveconf what each setting takes, and write the table anew")

// every has a section of each kind, so that doveconf -a prints their settings.
const every = `passdb {
  driver = pam
}
userdb {
  driver = passwd
}
namespace x {
  mailbox y {
  }
}
service zz {
  executable = x
  unix_listener a {
  }
  fifo_listener b {
  }
  inet_listener c {
  }
}
`

// TestSettings holds the table against what doveconf -a prints.
func TestSettings(t *testing.T) {
	root := lab.Root(t, lab.Stock)
	if err := os.MkdirAll(filepath.Join(root, "cases"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "cases/every"), []byte(every), 0o644); err != nil {
		t.Fatal(err)
	}
	printed, err := lab.Output(t.Context(), root, "doveconf -a -P -c /cases/every 2>/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	settings := flatten(printed)
	if *update {
		writeTable(t, root, settings)
	}
	known := tableOf(Grammar23)
	for _, s := range settings {
		e, ok := known.entries[sectionKey{s.kinds, s.key}]
		_, listed := known.services[sectionKey{s.path, s.key}]
		switch {
		case !ok && !listed:
			t.Errorf("the table has no %s in %q", s.key, s.path)
		case s.path == "" && e.Default != s.value:
			t.Errorf("%s: %q in the table, doveconf says %q", s.key, e.Default, s.value)
		case strings.HasPrefix(s.path, "service ") && s.path[:10] != "service zz" && known.services[sectionKey{s.path, s.key}] != s.value:
			t.Errorf("%s, %s: doveconf says %q", s.path, s.key, s.value)
		}
	}
	if len(settings) < 900 {
		t.Errorf("doveconf prints only %d settings", len(settings))
	}
}

// printed is a setting as doveconf prints it.
type printed struct {
	path, kinds, key, value string
}

// flatten reads what doveconf prints, which is simpler than what it reads.
func flatten(text string) []printed {
	var out []printed
	var path, kinds []string
	count := map[string]int{}
	for l := range strings.Lines(text) {
		l = strings.TrimSpace(l)
		switch {
		case l == "" || strings.HasPrefix(l, "# "):
		case l == "}":
			path, kinds = path[:len(path)-1], kinds[:len(kinds)-1]
		case strings.HasSuffix(l, " {"):
			name := strings.TrimSuffix(l, " {")
			kind, rest, _ := strings.Cut(name, " ")
			if rest == "" && kind != "plugin" && kind != "dict" {
				above := strings.Join(path, "/") + "/" + kind
				name = fmt.Sprintf("%s #%d", kind, count[above])
				count[above]++
			}
			path, kinds = append(slices.Clone(path), name), append(slices.Clone(kinds), kind)
		default:
			key, value, ok := strings.Cut(l, "=")
			if !ok {
				continue // the second line of a value
			}
			value = strings.TrimSpace(value)
			if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
				value = unescape(value[1 : len(value)-1])
			}
			out = append(out, printed{strings.Join(path, "/"), strings.Join(kinds, "/"), strings.TrimSpace(key), value})
		}
	}
	return out
}

// choices are what settings take that take one of a few words.
var choices = strings.Fields("yes no required optimized never always children ssl starttls smtps submissions pop3s imaps found notfound authenticated unauthenticated default continue return return-ok return-fail " +
	"continue-ok continue-fail private shared public create subscribe allow rename flag expunge login startup anvil worker config log unix last-opened optional plain detail full imap pop3 lmtp lda " +
	"full-humanreadable by-id cram fcntl flock dotlock posix syslog none internal auto deny block any all SSLv3 ANY TLSv1 TLSv1.1 TLSv1.2 LATEST managesieve submission binary smtp server client keep disconnect-immediately disconnect-after no-after final original apop3d")

// probes tell what a setting takes by which of them are taken, and how doveconf
// prints them.
var probes = append([]string{"3600 secs", "10 msecs", "y", "2048", "07", "70000", "zzz"}, choices...)

// writeTable tries every setting with every probe.
func writeTable(t *testing.T, root string, settings []printed) {
	type question struct{ section, key string }
	var asked []question
	defaults := map[question]string{}
	var services strings.Builder
	for _, s := range settings {
		q := question{s.kinds, s.key}
		if strings.HasPrefix(s.path, "service ") && !strings.HasPrefix(s.path, "service zz") {
			fmt.Fprintf(&services, "%s\t%s\tof\t%s\n", s.path, s.key, s.value)
			continue
		}
		if _, ok := defaults[q]; !ok && s.kinds != "plugin" && s.kinds != "dict" {
			asked = append(asked, q)
			defaults[q] = s.value
		}
	}
	for i, q := range asked {
		for j, probe := range probes {
			if err := os.WriteFile(filepath.Join(root, "cases", fmt.Sprintf("%d.%d", i, j)), []byte(probing(q.section, q.key, probe)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	script := `i=0; while [ $i -lt $1 ]; do j=0; while [ $j -lt $2 ]; do doveconf -n -P -c /cases/$i.$j 2>&1 | grep -E "^ *$(cat /cases/$i.key) = |Fatal: Error in conf.*(line|Invalid [a-z]*:? )" | head -3 >/cases/$i.$j.out; j=$((j+1)); done; i=$((i+1)); done`
	for i, q := range asked {
		if err := os.WriteFile(filepath.Join(root, "cases", fmt.Sprintf("%d.key", i)), []byte(q.key), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := lab.Output(t.Context(), root, script, fmt.Sprint(len(asked)), fmt.Sprint(len(probes))); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	out.WriteString("# settings of Dovecot 2.3.19 as its doveconf(1) tells them: section, setting, what it takes, default\n")
	for i, q := range asked {
		var answers []string
		for j := range probes {
			text, _ := os.ReadFile(filepath.Join(root, "cases", fmt.Sprintf("%d.%d.out", i, j)))
			answers = append(answers, string(text))
		}
		fmt.Fprintf(&out, "%s\t%s\t%s\t%s\n", orDash(q.section), q.key, sortOf(answers, q.key, defaults[q]), defaults[q])
	}
	if err := os.WriteFile("settings-2.3.19.txt", []byte(out.String()+services.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	settings23 = out.String() + services.String()
}

func orDash(section string) string {
	if section == "" {
		return "-"
	}
	return section
}

func probing(section, key, value string) string {
	var open, shut string
	for part := range strings.SplitSeq(section, "/") {
		if part != "" {
			open += part + " zz {\n"
			shut += "}\n"
		}
	}
	if (section == "passdb" || section == "userdb") && key != "driver" {
		open += "driver = x\n"
	}
	return open + key + " = " + value + "\n" + shut
}

// sortOf tells from the answers what a setting takes.
func sortOf(answers []string, key, otherwise string) string {
	value := func(i int) (string, bool) {
		if strings.Contains(answers[i], "Fatal") {
			return "", false
		}
		_, after, ok := strings.Cut(strings.TrimSpace(answers[i]), " = ")
		if !ok {
			return otherwise, true // as the default, which doveconf -n leaves out
		}
		return after, true
	}
	is := func(i int, want string) bool { v, ok := value(i); return ok && v == want }
	_, free := value(6)
	switch {
	case free:
		return "str"
	case is(0, "1 hours") && is(1, "10 ms"):
		return "msecs"
	case is(0, "1 hours"):
		return "time"
	case is(2, "yes"):
		return "bool"
	case is(3, "2 k"):
		return "size"
	case is(4, "07"):
		return "octal"
	case is(4, "7") && is(5, "70000"):
		return "uint"
	case is(4, "7"):
		return "port"
	}
	var taken []string
	for i, w := range choices {
		if _, ok := value(len(probes) - len(choices) + i); ok {
			taken = append(taken, w)
		}
	}
	return "enum:" + strings.Join(taken, ",")
}
