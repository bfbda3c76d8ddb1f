package debian

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/lab"
)

// TestAsUpdateExim4Conf asks the real program: for the package's own files, and for
// generated answers and sources.
func TestAsUpdateExim4Conf(t *testing.T) {
	cases, seed := lab.Cases(t, 100), lab.Seed(t)
	cases = min(cases, 300)
	t.Logf("WAXSEAL_PARITY_SEED=%d repeats this run; WAXSEAL_PARITY_CASES sets how many cases it has", seed)
	root := lab.Root(t, lab.Exim)
	fqdn, err := lab.Output(t.Context(), root, "hostname --fqdn || true")
	if err != nil {
		t.Fatal(err)
	}
	version, err := lab.Output(t.Context(), root, "dpkg-query -W -f '${Version}' exim4-config")
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile(filepath.Join(root, string(settingsPath)))
	if err != nil {
		t.Fatal(err)
	}
	wrong := 0
	for i := range cases {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		settings := string(own)
		if i > 1 {
			settings = answers(r)
			sources(t, root, r)
		}
		if i == 1 {
			settings = strings.Replace(settings, "dc_use_split_config='false'", "dc_use_split_config='true'", 1)
		}
		write(t, root, string(settingsPath), settings)
		theirs, err := lab.Output(t.Context(), root, "rm -f /out; /usr/sbin/update-exim4.conf -o /out >&2 && cat /out")
		ours := Generate(read(t, root, settings, version, strings.TrimSpace(fqdn)))
		if (err != nil) != (ours.Problem != "") || err == nil && ours.Text != theirs {
			t.Errorf("case %d: the program: %v, here: %s\n%s\n--- answers\n%s", i, err, ours.Problem, firstDifference(ours.Text, theirs), settings)
			if wrong++; wrong > 3 {
				t.Fatal("more differences")
			}
		}
		if lines := strings.Count(ours.Text, "\n"); lines != len(ours.Origins) {
			t.Errorf("case %d: %d lines and %d origins", i, lines, len(ours.Origins))
		}
	}
}

func firstDifference(ours, theirs string) string {
	a, b := strings.Split(ours, "\n"), strings.Split(theirs, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d\nours   %q\ntheirs %q", i+1, a[i], b[i])
		}
	}
	return fmt.Sprintf("%d and %d lines", len(a), len(b))
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// answers makes an update-exim4.conf.conf.
func answers(r *rand.Rand) string {
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	var b strings.Builder
	for _, name := range []string{"dc_eximconfig_configtype", "dc_other_hostnames", "dc_local_interfaces", "dc_readhost", "dc_relay_domains", "dc_minimaldns", "dc_relay_nets", "dc_smarthost", "dc_use_split_config", "dc_hide_mailname", "dc_localdelivery", "CFILEMODE"} {
		value := pick("", "example.test", "a.example;b.example", "A.Example : b.example ;", "10.0.0.0/8", "<; 1 ; 2", "relay.example::587", "x & y", "  two  words ", "a|b"[:1], "UPPER", "*.example")
		switch name {
		case "dc_eximconfig_configtype":
			value = pick("local", "internet", "smarthost", "satellite", "none", "Smarthost")
		case "dc_use_split_config":
			value = pick("true", "false", "False", "", "TRUE", "maybe")
		case "dc_minimaldns", "dc_hide_mailname":
			value = pick("true", "false", "")
		case "CFILEMODE":
			value = "644"
		}
		switch r.IntN(4) {
		case 0:
			fmt.Fprintf(&b, "%s=\"%s\"\n", name, value)
		case 1:
			fmt.Fprintf(&b, "  %s='%s' # comment\n", name, value)
		default:
			fmt.Fprintf(&b, "%s='%s'\n", name, value)
		}
	}
	b.WriteString(pick("", "MY_MACRO=someText\n", "# nothing\n\n", "ue4c_keepcomments='yes'\n", "dc_smarthost=\"x.$dc_localdelivery\"\n", "OTHER='quoted value'\n"))
	return b.String()
}

// sources changes the sources beside the answers.
func sources(t *testing.T, root string, r *rand.Rand) {
	t.Helper()
	macros := filepath.Join(root, Directory, "exim4.conf.localmacros")
	os.Remove(macros) // it need not be there
	if r.IntN(3) == 0 {
		write(t, root, Directory+"/exim4.conf.localmacros", []string{"X = 1\n", "# c\n\n\nX = 1\n\n\n", "no end of line"}[r.IntN(3)])
	}
	names := []string{"050_a", "999_b.dpkg-dist", "x~", ".hidden", "a b", "200_exim4-config_primary.rul", "Z", "_", "c.rul"}
	for _, n := range names {
		os.Remove(filepath.Join(root, Directory, "conf.d/router", n))
		if r.IntN(3) == 0 {
			write(t, root, Directory+"/conf.d/router/"+n, []string{"one:\n  driver = accept\n", "# only\n\n\n\ntext", "", "\n\n"}[r.IntN(4)])
		}
	}
	write(t, root, "/etc/mailname", []string{"example.test\n", "Mail.Example.TEST x\n", "", "a b c\nsecond\n", "no-end"}[r.IntN(5)])
}

// read takes the sources from the root as a reader of trees does.
func read(t *testing.T, root, settings, version, fqdn string) Sources {
	t.Helper()
	file := func(p string) *File {
		text, err := os.ReadFile(filepath.Join(root, p))
		if err != nil {
			return nil
		}
		return &File{waxseal.Path(p), string(text)}
	}
	s := Sources{Settings: ParseSettings(settings), Template: file(Directory + "/exim4.conf.template"), Macros: file(Directory + "/exim4.conf.localmacros"), Version: version, FQDN: fqdn, Sections: map[string][]File{}}
	if m := file("/etc/mailname"); m != nil {
		s.MailName = m.Text
	}
	for _, section := range SectionNames() {
		dir := Directory + "/conf.d/" + section
		entries, err := os.ReadDir(filepath.Join(root, dir))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		slices.Sort(names)
		isFile := func(n string) bool {
			st, err := os.Stat(filepath.Join(root, dir, n))
			return err == nil && st.Mode().IsRegular()
		}
		for _, n := range Selected(names, isFile) {
			s.Sections[section] = append(s.Sections[section], *file(dir + "/" + n))
		}
	}
	return s
}
