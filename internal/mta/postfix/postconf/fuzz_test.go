package postconf

import (
	"strings"
	"testing"
	"unicode/utf8"
)

const mainLines = "compatibility_level = 3.6\nmyhostname = mail.example.test\nmydestination = example.test\nalias_maps =\n"

const masterLines = `smtp inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
smtp unix - - n - - smtp
relay unix - - n - - smtp
discard unix - - n - - discard
scan unix - n n - 10 pipe flags=Rq user=nobody
  argv=/usr/local/lib/.scan.sh -f ${sender}
pol unix - n n - 0 spawn user=pol argv=/usr/local/lib/greyd.py
`

func lineCount(s string) int { return strings.Count(s, "\n") + 1 }

func FuzzMain(f *testing.F) {
	f.Add(mainLines)
	f.Fuzz(func(t *testing.T, text string) {
		c, problems := ParseMain("/m", text)
		for _, p := range problems {
			if p.Line < 1 || p.Line > lineCount(text) {
				t.Errorf("problem on line %d of %d", p.Line, lineCount(text))
			}
		}
		for name, p := range c.Set {
			if name == "" || p.Line < 1 || p.Line > lineCount(text) {
				t.Errorf("parameter %q on line %d of %d", name, p.Line, lineCount(text))
			}
		}
		if len(c.Order) != len(c.Set) {
			t.Errorf("%d names in order, %d set", len(c.Order), len(c.Set))
		}
	})
}

func FuzzMaster(f *testing.F) {
	f.Add(masterLines)
	f.Fuzz(func(t *testing.T, text string) {
		m, problems := ParseMaster("/m", text, assumed)
		for _, p := range problems {
			if p.Line < 1 || p.Line > lineCount(text) {
				t.Errorf("problem on line %d of %d", p.Line, lineCount(text))
			}
		}
		seen := map[string]bool{}
		for _, s := range m.Services {
			if seen[s.Key()] || s.Command == "" || s.Line < 1 || s.Line > lineCount(text) {
				t.Errorf("service %+v", s)
			}
			seen[s.Key()] = true
			_ = CommandLine(s.External().Argv)
		}
	})
}

func FuzzExpand(f *testing.F) {
	f.Add("a = $b\nb = ${a?{x}:{y}}\n", "${a}$(b)${{$a} == {1} ? {t} : {f}}")
	f.Fuzz(func(t *testing.T, main, text string) {
		got, problem := testView(main, nil).Expand(text)
		if len(got) > 2*maxExpanded+len(text) {
			t.Errorf("%d bytes from %d", len(got), len(text))
		}
		if !utf8.ValidString(problem) {
			t.Errorf("problem %q", problem)
		}
	})
}

func FuzzPrint(f *testing.F) {
	for _, tc := range append(printedCases(), refusedCases()...) {
		f.Add(tc.main, tc.master, "3.7.11")
	}
	f.Add(mainLines, masterLines, "2.11.3")
	f.Fuzz(func(t *testing.T, main, master, number string) {
		v := Version{Number: number}
		m, _ := ParseMain("/main.cf", main)
		s, _ := ParseMaster("/master.cf", master, v)
		c := New(m, s, Facts{Directory: MainDirectory, Version: v})
		for _, mode := range modes {
			text, err := mode.print(c)
			if err != nil && text != "" {
				t.Errorf("%s: %v, and printed %q", mode.name, err, text)
			}
		}
		for name := range c.Used() {
			if _, ok := m.Set[name]; !ok {
				t.Errorf("%q is used and not set", name)
			}
		}
	})
}
