package postconf

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseMain(t *testing.T) {
	const text = "# c\na =\n  x\n# c\n\n  , y\nb=1 # no comment\r\n  c = 2\n\nd  =  back\\slash \\\nb = 3\nno value\n= 4\ne=\n"
	c, problems := ParseMain("/m", text)
	var got []string
	for _, name := range c.Order {
		got = append(got, fmt.Sprintf("%s:%d=%q", name, c.Set[name].Line, c.Set[name].Raw))
	}
	want := `a:2="x  , y" d:10="back\\slash \\" b:11="3" e:14=""`
	if strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
	var lines []string
	for _, p := range problems {
		lines = append(lines, fmt.Sprint(p.Line, " ", p.Message))
	}
	if len(lines) != 3 || lines[0] != "11 b is set again: this line overrides line 7" {
		t.Errorf("problems %q", lines)
	}
}

func TestParseMaster(t *testing.T) {
	const text = `# c
smtp inet n - y - - smtpd
  -o a=1 -o b=2
# -o c=3

  -o {d = e f} -v -D -o a=4
up unix n n n 5? 1 ../../x
p unix - n n - - pipe flags=F user=u:g
  argv=/bin/sh -c {cat > /tmp/x; echo} $nexthop
short unix - n
smtp inet n - n - - smtpd
q unix - - - - - smtp -o nothing { x
`
	m, problems := ParseMaster("/m", text, assumed)
	services := m.Services
	var got []string
	for _, s := range services {
		got = append(got, fmt.Sprintf("%s:%d %s %v %v %q", s.Key(), s.Line, s.Command, s.Overrides, s.Flags, s.Args))
	}
	want := []string{
		`smtp/inet:11 smtpd [] [] []`,
		`up/unix:7 ../../x [] [] []`,
		`p/unix:8 pipe [] [] ["flags=F" "user=u:g" "argv=/bin/sh" "-c" "cat > /tmp/x; echo" "$nexthop"]`,
		`q/unix:12 smtp [] [] ["x"]`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(problems) != 3 {
		t.Errorf("problems %v", problems)
	}
	short, _ := ParseMaster("/m", text[:strings.Index(text, "up unix")], assumed)
	first := short.Services
	if s := fmt.Sprint(first[0].Overrides, first[0].Flags); s != "[{a 4} {b 2} {d e f}] [-v -D]" || !first[0].HasFlag("D") {
		t.Errorf("options %s", s)
	}
	x := services[2].External()
	if x.User != "u:g" || CommandLine(x.Argv) != "/bin/sh -c {cat > /tmp/x; echo} $nexthop" {
		t.Errorf("external %+v", x)
	}
}

// TestServiceTypes: before 3.4 there was no unix-dgram, and master(8) did not start.
func TestServiceTypes(t *testing.T) {
	for number, want := range map[string]int{"2.11.11": 1, "3.3.9": 1, "3.4.0": 0, "3.11.6": 0} {
		m, _ := ParseMaster("/m", "postlog unix-dgram n - n - 1 postlogd\n", Version{Number: number, From: "the test"})
		if m.Fatal != want {
			t.Errorf("%s: fatal line %d, want %d", number, m.Fatal, want)
		}
	}
}
