package surroundings

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/snapshot"
	"waxseal/internal/testtime"
)

// TestParseUnit: systemd.syntax(7); the expected values are what systemd 252 says
// of the same files ("systemd-analyze verify" with SYSTEMD_LOG_LEVEL=debug).
func TestParseUnit(t *testing.T) {
	const text = "\ufeff; c\n[Unit]\nA=1\n[Service]\r\n  B = two  words \nC=a \\\n# in between\n; and\n  b \\\n\nD=x\\\\\nnonsense\n[open\nE=last\\"
	u := parseUnit("/u", text)
	var got []string
	for _, a := range u.assignments {
		got = append(got, fmt.Sprintf("%d %s.%s=%s", a.source.Line, a.section, a.key, a.value))
	}
	want := []string{"3 Unit.A=1", "5 Service.B=two  words", "6 Service.C=a  b", `11 Service.D=x\\`, "14 Service.E=last"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(u.problems) != 2 || u.problems[0].Line != 12 || u.problems[1].Line != 13 {
		t.Errorf("problems: %+v", u.problems)
	}
}

func TestMerge(t *testing.T) {
	u := parseUnit("/u", "[Service]\nExecStart=/a\nExecStart=\nExecStart=/b\nExecStart=/c\nUser=x\nUser=\nGroup=g\nGroup=h\nEnvironment=A=1\nEnvironment=B=2\n[Unit]\nWants=a\nWants=\nWants=b\n[Service]\nExecStartPre=/p\n")
	var got []string
	for _, a := range merge(u.assignments) {
		got = append(got, a.key+"="+a.value)
	}
	want := "ExecStart=/b ExecStart=/c Group=h Environment=A=1 Environment=B=2 Wants=a Wants=b ExecStartPre=/p"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}

func TestWords(t *testing.T) {
	for in, want := range map[string]string{
		``:                             ``,
		`a  b	c`:                       `a|b|c`,
		`"a b" 'c "d"' e"f g"`:         `a b|c "d"|e"f|g"`,
		`a\x20b \t \101 \q`:            "a b|\t|A|\\q",
		`"open to the end`:             `open to the end`,
		`LD_PRELOAD=/a.so "X=1 2" 'Y'`: `LD_PRELOAD=/a.so|X=1 2|Y`,
	} {
		if got := strings.Join(words(in), "|"); got != want {
			t.Errorf("words(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSpecifiers(t *testing.T) {
	const name = `postfix@a-b\x2dc.service`
	for in, want := range map[string]string{"%i": `a-b\x2dc`, "%I": "a/b-c", "%n": name, "%N": `postfix@a-b\x2dc`, "%p": "postfix", "100%%": "100%", "%t/x": "/run/x", "%z %": "%z %", "%f": "/a/b-c"} {
		if got := expandSpecifiers(in, name); got != want {
			t.Errorf("%s = %q, want %q", in, got, want)
		}
	}
}

func TestDropInNames(t *testing.T) {
	for name, want := range map[string]string{
		"postfix@-.service":   "postfix@-.service.d postfix@.service.d",
		"a-b-c.timer":         "a-b-c.timer.d a-b-.timer.d a-.timer.d",
		"foo-bar@x.service":   "foo-bar@x.service.d foo-bar@.service.d foo-.service.d foo-@x.service.d foo-@.service.d",
		"-.mount":             "-.mount.d",
		"a--b.service":        "a--b.service.d a--.service.d a-.service.d",
		"dovecot.service":     "dovecot.service.d",
		"postfix@a-b.service": "postfix@a-b.service.d postfix@.service.d",
	} {
		if got := strings.Join(dropInNames(name), " "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestParseCrontab(t *testing.T) {
	const text = "# c\nPATH = /x:/y\nMAILTO=\"root\"\n*/5 1-2 * * 1,2 root  cmd A=1 %in\n@reboot alice /bin/x\n1 2 3\nrandom text without a time\n"
	var got []string
	for _, c := range parseCrontab("/etc/cron.d/x", text, "") {
		got = append(got, fmt.Sprintf("%d %s: %s (%d)", c.line, c.user, c.command, len(c.variables)))
	}
	if want := "4 root: cmd A=1 %in (2)|5 alice: /bin/x (2)"; strings.Join(got, "|") != want {
		t.Errorf("got %s", strings.Join(got, "|"))
	}
	own := parseCrontab("/var/spool/cron/crontabs/bob", "0 0 * * * /bin/x -y\n", "bob")
	if len(own) != 1 || own[0].user != "bob" || own[0].command != "/bin/x -y" {
		t.Errorf("%+v", own)
	}
	ana := parseCrontab("/etc/anacrontab", "1 5 cron.daily run-parts /etc/cron.daily\n", "")
	if len(ana) != 1 || ana[0].command != "run-parts /etc/cron.daily" {
		t.Errorf("%+v", ana)
	}
}

func TestParseSyslog(t *testing.T) {
	const text = "$ModLoad x\n# c\nmail.*;local0.none -/var/log/mail.log\n& stop\n:msg, contains, \"a \\\" b\" ~\nif $a == 'x' and\n $b == 'y' then /f\nif ($a) then {\n /g\n if $c then stop\n} else {\n action(type=\"omfile\"\n  file=\"/h\")\n}\nruleset(name=\"r\") {\n *.* /i\n}\nmail.err { /j\n stop }\n*.* /k\nif $x == 'then' then\n  stop\nif ($y)\nthen\n{\n /l\n}\n*.* /m\n"
	var got []string
	for _, x := range parseSyslog(text) {
		got = append(got, fmt.Sprintf("%d [%s] %s", x.line, x.filter, strings.Join(strings.Fields(x.action), " ")))
	}
	want := []string{
		"1 [] $ModLoad x", "3 [mail.*;local0.none] -/var/log/mail.log", "4 [mail.*;local0.none] stop", `5 [:msg, contains, "a \" b"] ~`,
		"6 [$a == 'x' and\n $b == 'y'] /f", "9 [($a)] /g", "10 [($a) and $c] stop", `12 [] action(type="omfile" file="/h")`,
		"16 [*.*] /i", "18 [mail.err] /j", "19 [mail.err] stop", "20 [*.*] /k",
		"22 [$x == 'then'] stop", "26 [($y)] /l", "28 [*.*] /m",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestMailFacility(t *testing.T) {
	for filter, want := range map[string]concern{
		"mail.*": allMail, "*.*": allMail, "*.*;mail.none": notMail, "mail.none;*.*": allMail, "*.info;mail.none;authpriv.none": notMail, "mail.err": someMail,
		"auth,mail.*": allMail, "auth.*": notMail, "*.=debug": someMail, "mail.info": allMail,
	} {
		if got := mailFacility(filter); got != want {
			t.Errorf("%s: %d, want %d", filter, got, want)
		}
	}
}

// hostile are contents that every parser gets.
func hostile(f *testing.F) {
	for _, s := range []string{
		"", "\x00", "[Service]\nExecStart=/x\\\n", "[Service]\nEnvironment=\"A=b \\x4", "\\\n\\\n", "[\n]\n=\n==\n", "* * * * * root x\n@daily y z\nA=b\n",
		"mail.* stop\n& ~\nif $x then { { } }\n:msg, contains, \"x\" stop\n}\n", "/*", "if", "if (", "'", "\"", "{", "}{", "else", ":", "& ", "127.0.0.1 a b\n::1 c\nx y\n",
		"/a.so:/b.so # c\n", "include *\ninclude /etc/ld.so.conf\n/a=b,c\n", "hosts: a [X=y z] b\n", "service smtp\n{\nserver = /x\n}\n", "DPkg::Post-Invoke {\"x /etc/postfix/main.cf\";};",
		"export A='b\nC=\"$(x)\"\n", "A DEFAULT=\"b\" OVERRIDE=c\n", "/a\n/b\n:\n/usr/sbin/sendmail\n/c\n:\n", "\xff\xfe=\xfd",
	} {
		f.Add(s)
	}
}

// FuzzPlaces: whatever a file says, it is read, and what is said of it has a
// place and a text.
func FuzzPlaces(f *testing.F) {
	hostile(f)
	f.Fuzz(func(t *testing.T, text string) {
		files := map[string]string{}
		for _, p := range []string{
			"/etc/systemd/system/postfix@-.service.d/x.conf", "/etc/systemd/system/postfix@.service", "/etc/systemd/system/x.service", "/etc/default/postfix", "/etc/environment", "/etc/security/pam_env.conf",
			"/etc/ld.so.preload", "/etc/ld.so.conf", "/etc/crontab", "/etc/cron.d/x", "/var/spool/cron/crontabs/root", "/etc/rsyslog.conf", "/etc/systemd/journald.conf", "/etc/systemd/system.conf", "/etc/nsswitch.conf",
			"/etc/hosts", "/var/spool/postfix/etc/hosts", "/var/spool/postfix/etc/resolv.conf", "/etc/inetd.conf", "/etc/xinetd.d/x", "/etc/apt/apt.conf.d/x", "/etc/logrotate.d/postfix", "/etc/rc.local", "/var/lib/dpkg/diversions",
		} {
			files[p] = text
		}
		tree := snapshot.Files(files)
		result := Read(tree, mask.New([]byte("key")), func(p waxseal.Part) waxseal.Part { p.PackageState = waxseal.PackageUnowned; return p })
		hooks := append(result.Hooks, Hosts(tree, []Name{{Host: "a", Consulted: true}})...)
		ids := map[waxseal.HookID]bool{}
		for _, h := range hooks {
			if h.Explain == "" || h.Source.Path == "" || h.MTA != waxseal.HostStack || h.Closure == nil || ids[h.ID] {
				t.Errorf("%+v", h)
			}
			ids[h.ID] = true
		}
	})
}

// FuzzUnit: every assignment stands where its line says.
func FuzzUnit(f *testing.F) {
	hostile(f)
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n")
		for _, a := range parseUnit("/u", text).assignments {
			if a.source.Line < 1 || a.source.Line > len(lines) || !strings.Contains(lines[a.source.Line-1], a.key) && !strings.Contains(text, "\\") {
				t.Errorf("%+v", a)
			}
			words(a.value)
			expandSpecifiers(a.value, "a@b.service")
		}
	})
}

// FuzzSyslog: every rule stands on a line of the file, and the parser gets to
// its end.
func FuzzSyslog(f *testing.F) {
	hostile(f)
	f.Fuzz(func(t *testing.T, text string) {
		for _, x := range parseSyslog(text) {
			if x.line < 1 || x.line > 1+strings.Count(text, "\n") {
				t.Errorf("%+v", x)
			}
		}
	})
}

// TestLinear: anything is read in the time that its size asks for, or refused.
func TestLinear(t *testing.T) {
	for name, piece := range map[string]string{
		"continued": "a\\\n", "quotes": "X=\"a\n", "braces": "if $a then {\n", "selectors": "mail.* /f\n", "filters": ":msg, contains, \"", "names": "10.0.0.1 a\n", "blanks": " \t", "stars": "/*", "elses": "else ", "ifs": "if ", "thens": "if a then\n", "units": "[Service]\nExecStart=/a\n",
		"preload": "/a:", "assignments": "LD_A=b\n", "cron": "* * * * * root postconf -e a=b\n", "backslashes": "\\",
	} {
		t.Run(name, func(t *testing.T) {
			testtime.Linear(t, 250_000, func(size int) {
				files := map[string]string{}
				for _, p := range []string{"/etc/systemd/system/postfix.service", "/etc/default/postfix", "/etc/rsyslog.conf", "/etc/crontab", "/etc/ld.so.preload", "/etc/hosts", "/etc/environment", "/etc/apt/apt.conf", "/etc/nsswitch.conf", "/etc/security/pam_env.conf"} {
					files[p] = strings.Repeat(piece, size/len(piece))
				}
				tree := snapshot.Files(files)
				Read(tree, mask.New([]byte("key")), nil)
				Hosts(tree, []Name{{Host: "a"}})
			})
		})
	}
}
