package eximconf

import (
	"errors"
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/testtime"
)

var errMissing = errors.New("no such file")

// readText reads a configuration whose included files are itself.
func readText(text string) *Config {
	return Read(Source{
		Path:    "/etc/exim/exim.conf",
		Missing: func(err error) bool { return errors.Is(err, errMissing) },
		Open: func(p waxseal.Path) (string, error) {
			if strings.HasSuffix(string(p), "missing") {
				return "", errMissing
			}
			return text, nil
		},
	})
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"", "A = b\nx = A\n", "A == b", ".ifdef A\n.else\n.endif\n.endif", ".include /x\n", ".include_if_exists x\n.include missing", "begin acl\na:\n  accept hosts = :\n  !deny\n  set acl_m_x = 1\n",
		"begin routers\nr:\n  driver = redirect\n  data = \"a\\n\\x41\\101\n  no_more\n", "begin rewrite\n\"a b\" c Ffrs\nbegin retry\nbegin x\nbegin retrys\n", "a = b \\\n# c\n  d \\\n", "hide domainlist a = \"x\nhostlist\n",
		"A = AA\nAA = A\nB = AABAA\n", "timeout_frozen_after = 1w2d\nmessage_size_limit = 1M\nheaders_add = <; a;b", "\x00a\n\\", "begin transports\nt:\n headers_add=a\n headers_add=b\n condition = a\n condition = b\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := readText(text)
		for _, o := range c.Main {
			Show(o)
		}
		for _, l := range c.Lists {
			Split(l.Value)
		}
		for _, r := range c.Rewrites {
			ParseRewrite(r.Pattern)
		}
		ParseTable(text)
		ParseACL("x", text, Place{"/x", 1})
	})
}

// TestHostile reads what is made to take long.
func TestHostile(t *testing.T) {
	const n = 300_000
	many := func(s string) string { return strings.Repeat(s, n/len(s)) }
	var bomb strings.Builder
	bomb.WriteString("A0 = xxxxxxxxxx\n")
	for i := range 9 {
		bomb.WriteString(strings.ReplaceAll("B1 = B0B0B0B0B0B0B0B0B0B0\n", "B1", string(rune('B'+i))+"X"))
	}
	doubled := "M0 = xxxxxxxxxxxxxxxxxxxx\n"
	for i := range 60 {
		name, before := "M"+strings.Repeat("a", 1+i)+"Z", "M"+strings.Repeat("a", i)+"Z"
		if i == 0 {
			before = "M0"
		}
		doubled += name + " = " + strings.Repeat(before, 10) + "\n"
	}
	for name, text := range map[string]string{
		"loop": ".include /etc/exim/exim.conf\n", "loops": many(".include /etc/exim/exim.conf\n"), "bomb": doubled + many("x = M"+strings.Repeat("a", 60)+"Z\n"), "conditions": many(".ifdef A\n"),
		"continued": many("a\\\n"), "one line": "a = " + many("x"), "backslashes": many("\\"), "options": "begin routers\nr:\n" + many("x = y\n"), "conditions that add up": "begin routers\nr:\n" + many("condition = y\n"),
		"lists": many("domainlist a = b\n"), "definitions": many("A = b\n"), "uppercase": many("ABCDEFGH"), "quotes": "a = \"" + many("\\"), "separators": "domainlist a = " + many(":"),
	} {
		t.Run(name, func(t *testing.T) {
			var c *Config
			testtime.Within(t, 5*time.Second, func() { c = readText(text) })
			if name != "one line" && name != "uppercase" && name != "separators" && name != "continued" && len(c.Problems) == 0 && !strings.HasPrefix(name, "conditions that") {
				t.Error("nothing is said of it")
			}
		})
	}
}

// TestLinear: four times the text takes about four times as long, not sixteen
// times.
func TestLinear(t *testing.T) {
	for name, piece := range map[string]string{
		"options": "x_y = z\n", "macros": "NAME%d_X = v\n", "acl": "  accept hosts = a : b\n", "continued": "a \\\n", "names": "A", "lines": "\n", "lists": "k v\n",
	} {
		t.Run(name, func(t *testing.T) {
			testtime.Linear(t, 2<<20, func(size int) {
				text := strings.Repeat(piece, size/len(piece))
				readText(text)
				ParseTable(text)
			})
		})
	}
}
