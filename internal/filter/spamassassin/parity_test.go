package spamassassin

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

	"waxseal"
	"waxseal/internal/filter/spamassassin/saconf"
	"waxseal/internal/lab"
	"waxseal/internal/rootfs"
)

//go:embed testdata/values.pl
var values string

// TestParity asks a real SpamAssassin and this package which values a configuration
// ends up with: the last valid one, lists without what is taken back, scores that add.
func TestParity(t *testing.T) {
	cases, seed := lab.Cases(t, 200), lab.Seed(t)
	t.Logf("WAXSEAL_PARITY_SEED=%d repeats this run; WAXSEAL_PARITY_CASES sets how many cases it has", seed)
	root := lab.Root(t, lab.Filters)
	g := rand.New(rand.NewPCG(seed, 6))
	put := func(name, text string) {
		p := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("values.pl", values)
	for i := range cases {
		put(fmt.Sprintf("cases/%d/local.cf", i), someLines(g))
	}
	out, err := lab.Output(t.Context(), root, "LC_ALL=C perl /values.pl /cases")
	if err != nil {
		t.Fatal(err)
	}
	theirs := strings.Split(out, "case ")[1:]
	if len(theirs) != cases {
		t.Fatalf("%d answers to %d cases", len(theirs), cases)
	}
	tree, err := rootfs.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	for i, want := range theirs {
		at := fmt.Sprintf("/cases/%d", i)
		if got := fmt.Sprintf("%d\n%s", i, ended(tree, at)); got != want {
			text, _ := os.ReadFile(filepath.Join(root, at, "local.cf"))
			t.Errorf("%s\nSpamAssassin says\n%s\nthis package says\n%s", text, want, got)
		}
	}
}

// ended prints the values that this package ends up with.
func ended(tree waxseal.Tree, site string) string {
	lines := saconf.Read(tree, saconf.Options{Site: site, System: "/none"}).Lines
	e := effectiveOf(lines)
	var b strings.Builder
	for _, d := range [][2]string{{"required_score", "5"}, {"use_bayes", "1"}, {"skip_rbl_checks", "0"}, {"dns_available", "yes"}} {
		value := d[1]
		if l, ok := e[d[0]]; ok {
			value = plain(d[0], l.Value)
		}
		fmt.Fprintf(&b, "%s %s\n", d[0], value)
	}
	lists := map[string][]string{}
	configured := 0
	for _, l := range left(lines) {
		f := words(strings.ToLower(l.Value))
		switch {
		case l.Key == "trusted_networks" && len(f) > 0:
			configured = 1
		case strings.HasSuffix(l.Key, "_rcvd") && len(f) > 0:
			f = f[:1]
			fallthrough
		default:
			lists[l.Key] = append(lists[l.Key], f...)
		}
	}
	for _, name := range []string{"welcomelist_from", "welcomelist_from_rcvd", "welcomelist_auth", "def_welcomelist_auth", "all_spam_to"} {
		slices.Sort(lists[name])
		fmt.Fprintf(&b, "%s %s\n", name, strings.Join(slices.Compact(lists[name]), " "))
	}
	fmt.Fprintf(&b, "trusted_networks %d\n", configured)
	rules, _ := rulesOf(lines)
	for _, name := range []string{"R1", "R2", "R3"} {
		points := "none"
		if rules[name].scored {
			points = strconv.FormatFloat(rules[name].points, 'g', -1, 64)
		}
		fmt.Fprintf(&b, "%s %s\n", name, points)
	}
	return b.String()
}

// plain writes a value as Perl does.
func plain(key, value string) string {
	if n, ok := numberOf(value); ok && key != "dns_available" {
		return strconv.FormatFloat(n, 'g', -1, 64)
	}
	switch strings.ToLower(value) {
	case "no":
		return map[bool]string{true: "no", false: "0"}[key == "dns_available"]
	case "yes":
		return map[bool]string{true: "yes", false: "1"}[key == "dns_available"]
	case "0", "1":
		return map[string]string{"0": "no", "1": "yes"}[value]
	}
	return value
}

func someLines(g *rand.Rand) string {
	one := func(list ...string) string { return list[g.IntN(len(list))] }
	var b strings.Builder
	b.WriteString("score R1 1\nscore R2 1\nscore R3 1\n") // as the rules of a package do: relative scores add to these
	for range 2 + g.IntN(14) {
		n := strconv.Itoa(g.IntN(4))
		switch g.IntN(9) {
		case 0:
			b.WriteString(one("required_score ", "required_hits ") + one("5", "4.5", "999", "-1", "many", "", "+7.", "1e3", ".5"))
		case 1:
			b.WriteString(one("use_bayes ", "skip_rbl_checks ") + one("0", "1", "yes", "no", "YES", "off", "2", ""))
		case 2:
			b.WriteString("dns_available " + one("yes", "no", "0", "1", "maybe", ""))
		case 3, 4:
			b.WriteString(one("whitelist_from ", "whitelist_from ", "unwhitelist_from ", "unwelcomelist_from ") + one("*", "a"+n+"@x", "A"+n+"@X b"+n+"@x", ""))
		case 5:
			b.WriteString(one("whitelist_auth ", "def_whitelist_auth ", "unwhitelist_auth ", "all_spam_to ") + one("*", "a"+n+"@x", "a"+n+"@x b@x"))
		case 6:
			b.WriteString(one("welcomelist_from_rcvd ", "unwelcomelist_from_rcvd ") + one("a"+n+"@x host", "*@* host", "a"+n+"@x", "a@x b c"))
		case 7:
			b.WriteString(one("trusted_networks 10/8", "trusted_networks 192.168.1.", "clear_trusted_networks", "trusted_networks"))
		case 8:
			b.WriteString("score R" + n + " " + one("1", "-100", "(2)", "1 2 3 4", "(1) (1) (1) (1)", "x", "1 2", "0", "+1", ""))
		}
		b.WriteString("\n")
	}
	return b.String()
}
