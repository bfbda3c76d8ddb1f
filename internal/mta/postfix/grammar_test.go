package postfix

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseMain(t *testing.T) {
	const text = "# c\na =\n  x\n# c\n\n  , y\nb=1 # no comment\r\n  c = 2\n\nd  =  back\\slash \\\nb = 3\nno value\n= 4\ne=\n"
	c, problems := parseMain("/m", text)
	var got []string
	for _, name := range c.order {
		got = append(got, fmt.Sprintf("%s:%d=%q", name, c.set[name].line, c.set[name].raw))
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
	services, problems := parseMaster("/m", text)
	var got []string
	for _, s := range services {
		got = append(got, fmt.Sprintf("%s:%d %s %v %v %q", s.key(), s.line, s.command, s.overrides, s.flags, s.args))
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
	first, _ := parseMaster("/m", text[:strings.Index(text, "up unix")])
	if s := fmt.Sprint(first[0].overrides, first[0].flags); s != "[{a 4} {b 2} {d e f}] [-v -D]" || !first[0].hasFlag("D") {
		t.Errorf("options %s", s)
	}
	x := services[2].external()
	if x.user != "u:g" || commandLine(x.argv) != "/bin/sh -c {cat > /tmp/x; echo} $nexthop" {
		t.Errorf("external %+v", x)
	}
}

func TestOwnAddress(t *testing.T) {
	d := domainSet{exact: map[string]bool{"example.test": true, "com": true, "localdomain": true}, parents: map[string]bool{"example.test": true}}
	for address, own := range map[string]bool{
		"root": true, "a@example.test": true, "A@Example.TEST": true, "a@archive.example.test": true, "a@localhost": true,
		"a@evil.example.net": false, "a@notexample.test": false, "a@evil.com": false, "a%evil.net": false, "evil.net!a": false,
		"a%evil.net@example.test": false, "$1@example.test": true, "$1@evil.net": false, "$1@$2": true, "x@${1}.evil.net": false, "<a@example.test>": true,
	} {
		if got := d.ownAddress(address); got != own {
			t.Errorf("ownAddress(%q) = %v", address, got)
		}
	}
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{"127.0.0.1": true, "127.9.9.9": true, "::1": true, "[::1]": true, "localhost": true, "LOCALHOST": true,
		"::ffff:127.0.0.1": true, "10.0.0.1": false, "203.0.113.9": false, "mail.example.test": false, "": true} {
		if got := isLoopback(host); got != want {
			t.Errorf("isLoopback(%q) = %v", host, got)
		}
	}
}
