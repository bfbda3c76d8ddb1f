package sudoers_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"waxseal/internal/host/sudoers"
	"waxseal/internal/lab"
	"waxseal/internal/snapshot"
)

// TestParity holds the rules that this package reads from generated files against
// those of cvtsudoers(1), which is sudo's own parser.
func TestParity(t *testing.T) {
	root := lab.Root(t, lab.Filters)
	seed, cases := lab.Seed(t), lab.Cases(t, 600)
	rng := rand.New(rand.NewPCG(seed, 0))
	dir := filepath.Join(root, "tmp/sudoers")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	texts := make([]string, cases)
	for i := range texts {
		texts[i] = generate(rng)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), []byte(texts[i]), 0o440); err != nil {
			t.Fatal(err)
		}
	}
	out, err := lab.Output(t.Context(), root, `cd /tmp/sudoers; i=0; while [ -e $i ]; do cvtsudoers -e -f json $i 2>/dev/null || echo '{"bad":true}'; printf '\0'; i=$((i+1)); done`)
	if err != nil {
		t.Fatal(err)
	}
	answers := strings.Split(out, "\x00")
	accepted, differ := 0, 0
	for i, text := range texts {
		want, ok := theirs(answers[i])
		if !ok {
			continue // sudo refuses the file, or its answer can't be read
		}
		accepted++
		if got := ours(text); !slices.Equal(got, want) && differ < 5 {
			differ++
			t.Errorf("%s\nwe say   %q\nsudo says %q", text, got, want)
		}
	}
	if lab.Many(cases) && accepted < cases/4 {
		t.Errorf("sudo took %d of %d generated files", accepted, cases)
	}
}

// ours are the rules in one line each.
func ours(text string) (list []string) {
	join := func(members []sudoers.Member) string {
		var words []string
		for _, m := range members {
			words = append(words, map[bool]string{true: "!"}[m.Not]+m.Name)
		}
		slices.Sort(words)
		return strings.Join(slices.Compact(words), ",")
	}
	for _, r := range sudoers.Read(snapshot.Files(map[string]string{"/s": text}), "/s").Rules {
		list = append(list, fmt.Sprintf("%s on %s as %s:%s %s%s %v %v", join(r.Users), join(r.Hosts), join(r.RunAs), join(r.RunAsGroups), map[bool]string{true: "!"}[r.Not], r.Command, r.NoPassword, r.NoExec))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// member is one of a list in JSON: {"username": "x", "negated": true}.
type member map[string]any

func joined(list []member) string {
	marks := map[string]string{"usergroup": "%", "userid": "#", "groupid": "%#", "usergid": "%#"}
	var words []string
	for _, m := range list {
		not := ""
		if m["negated"] == true {
			not = "!"
		}
		for k, v := range m {
			if k != "negated" {
				words = append(words, not+marks[k]+fmt.Sprint(v))
			}
		}
	}
	slices.Sort(words)
	return strings.Join(slices.Compact(words), ",")
}

func theirs(answer string) (list []string, ok bool) {
	var policy struct {
		Bad   bool `json:"bad"`
		Specs []struct {
			Users    []member `json:"User_List"`
			Hosts    []member `json:"Host_List"`
			Commands []struct {
				RunAs    []member         `json:"runasusers"`
				Groups   []member         `json:"runasgroups"`
				Options  []map[string]any `json:"Options"`
				Commands []member         `json:"Commands"`
			} `json:"Cmnd_Specs"`
		} `json:"User_Specs"`
	}
	if err := json.Unmarshal([]byte(answer), &policy); err != nil {
		return nil, false // cvtsudoers 1.9.13 leaves out a comma where run-as follows other options
	}
	for _, s := range policy.Specs {
		for _, c := range s.Commands {
			option := map[string]any{}
			for _, o := range c.Options {
				for k, v := range o {
					option[k] = v
				}
			}
			for _, m := range c.Commands {
				not := ""
				if m["negated"] == true {
					not = "!"
				}
				list = append(list, fmt.Sprintf("%s on %s as %s:%s %s%v %v %v", joined(s.Users), joined(s.Hosts), joined(c.RunAs), strings.ReplaceAll(joined(c.Groups), "%", ""), not, m["command"], option["authenticate"] == false, option["noexec"] == true))
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list), !policy.Bad
}

// generate writes a sudoers file: aliases, rules with everything that a rule may have,
// comments and joined lines.
func generate(rng *rand.Rand) string {
	pick := func(words ...string) string { return words[rng.IntN(len(words))] }
	not := func() string { return pick("", "", "", "", "!", "! ", "!!") }
	list := func(one func() string) string {
		var words []string
		for range 1 + rng.IntN(3) {
			words = append(words, not()+one())
		}
		return strings.Join(words, pick(",", ", ", " , "))
	}
	user := func() string {
		return pick("www-data", "alice", "%web", "#1000", "ALL", "U1", "U2", `"alice"`, "vmail")
	}
	host := func() string { return pick("ALL", "mail", "10.0.0.1", "10.0.0.0/8", "H1") }
	command := func() string {
		return pick("ALL", "/bin/sh", "/usr/sbin/postmap *", `/usr/sbin/postconf -e a\=b\, c`, "C1", "C2", "/usr/bin/", "sudoedit /etc/aliases", `/bin/x ""`, "sha224:"+strings.Repeat("0f", 28)+" /bin/y")
	}
	var b strings.Builder
	b.WriteString("User_Alias U1 = alice, !bob : U2 = " + list(func() string { return pick("carol", "%web", "U1") }) + "\nHost_Alias H1 = mail, web\n")
	b.WriteString("Runas_Alias R1 = postfix, alice\n")
	b.WriteString("Cmnd_Alias C1 = /bin/a, !/bin/b\nCmnd_Alias C2 = " + list(func() string { return pick("/bin/c", "/bin/d -x", "C1") }) + "\n")
	for range 1 + rng.IntN(5) {
		b.WriteString(pick("", "", "# comment\n", "\n", "Defaults env_reset\n"))
		b.WriteString(list(user) + " " + list(host) + pick("=", " = ", " =\\\n  "))
		for i := range 1 + rng.IntN(4) {
			if i > 0 {
				b.WriteString(pick(",", ", ", " , \\\n "))
			}
			b.WriteString(pick("", "", "", "(ALL) ", "(postfix, alice)", "(root:mail) ", "(:adm) ", "( R1 ) "))
			b.WriteString(pick("", "", "NOPASSWD: ", "NOPASSWD:", "PASSWD : ", "NOEXEC: NOPASSWD: ", "EXEC:", "SETENV: ", "TIMEOUT=5m "))
			b.WriteString(not() + command())
		}
		b.WriteString(pick("\n", "\n", " # why\n", "\n\n"))
	}
	return b.String()
}
