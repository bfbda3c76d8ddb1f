package fetch

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/snapshot"
)

func read(files map[string]string) mta.Result {
	files["/etc/passwd"] = "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n"
	return Read(snapshot.Files(files), mask.New([]byte("k")), mta.Options{Package: mta.NoPackages, Domains: []string{"example.test"}})
}

func told(r mta.Result) (list []string) {
	for _, h := range r.Hooks {
		remote := ""
		if h.Target.Remote {
			remote = " remote"
		}
		list = append(list, fmt.Sprintf("%s:%d %s %s%s | %s | %s", h.Directive, h.Source.Line, h.Kind, h.Target.Value, remote, h.Scope, h.RunsAs))
	}
	slices.Sort(list)
	return list
}

const (
	rc    = "/home/alice/.fetchmailrc"
	getrc = "/home/alice/.getmail/getmailrc"
)

func TestRead(t *testing.T) {
	for _, tc := range []struct {
		name, path, text string
		want             []string
	}{
		{"as the manual has it", rc, "# mine\nset daemon 300\npoll mail.example.org proto imap:\n  user \"a.b\" there with password \"geheim\" is alice here keep ssl\n", nil},
		{"handed to procmail", rc, "poll mail.example.org proto pop3 user a pass b is alice here mda \"/usr/bin/procmail -d %T\"\n",
			[]string{"mda:1 pipe /usr/bin/procmail -d %T | all mail that alice fetches from mail.example.org | alice"}},
		{"handed to a stranger, in single quotes over lines", rc, "poll mail.example.org\n  protocol = IMAP,\n  username a,\n  mda = 'tee -a /tmp/x'\n  postconnect \"curl \\\"x\\\"\";\n",
			[]string{"mda:4 pipe tee -a /tmp/x | all mail that alice fetches from mail.example.org | alice", `postconnect:5 pipe curl "x" | all mail that alice fetches from mail.example.org | alice`}},
		{"for an address", rc, "poll m user a is bob drop@evil.example.net here and wants mda x\n", []string{"is:1 redirect drop@evil.example.net remote | all mail that alice fetches from m | alice", "mda:1 pipe x | all mail that alice fetches from m | alice"}},
		{"by way of hosts", rc, "defaults smtphost localhost\npoll m smtphost 203.0.113.9/2525 smtpname drop@evil.example.net\nset postmaster = \"alice\"\n", []string{
			"postmaster:3 redirect alice | mail of which alice can't tell whose it is | alice", "smtphost:2 relay [203.0.113.9]:2525 remote | all mail that alice fetches from m | alice", "smtpname:2 redirect drop@evil.example.net remote | all mail that alice fetches from m | alice"}},
		{"a comment, and words in quotes", rc, "poll m user \"mda\" pass 'mda' # mda \"x\"\n", nil},
		{"the host's", "/etc/fetchmailrc", "poll m bsmtp /dev/shm/x\n", []string{"bsmtp:1 redirect /dev/shm/x | all mail that fetchmail fetches from m | fetchmail"}},
		{"getmail into a mailbox", getrc, "[retriever]\ntype = SimpleIMAPSSLRetriever\nserver = imap.example.org\npassword = geheim\n[destination]\ntype = Maildir\npath = ~/Maildir/\n",
			[]string{"path:7 redirect ~/Maildir | all mail that alice fetches from imap.example.org | alice"}},
		{"getmail into a command, through a filter", "/home/alice/.getmail/work", "[retriever]\npassword_command: (\"pass\", \"mail\")\n[destination] # mine\ntype: MDA_external\npath: /usr/bin/tee\narguments: (\"-a\",\n  '/tmp/x y')\n[filter-1]\ntype = Filter_external\npath = bin/f\n",
			[]string{"pass_command:2 pipe pass mail | all mail that alice fetches | alice", "path:10 pipe /home/alice/bin/f | all mail that alice fetches | alice", "path:5 pipe /usr/bin/tee -a /tmp/x y | all mail that alice fetches | alice"}},
		{"what lies beside getmail's", "/home/alice/.getmail/notes", "[x]\npath = /tmp/x\ntype = MDA_external\n", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := read(map[string]string{tc.path: tc.text})
			if d := cmp.Diff(tc.want, told(r)); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			if text := fmt.Sprintf("%+v", r); strings.Contains(text, "geheim") {
				t.Error("a password is told")
			}
		})
	}
}

// TestNotInstalled: where programs are, and none of these, nobody fetches.
// TestMoreThanIsRead: what is hidden behind more than is read is not passed over in silence.
func TestMoreThanIsRead(t *testing.T) {
	many := map[string]string{}
	for n := range maxRules + 1 {
		many[fmt.Sprintf("/home/alice/.getmail/%03d", n)] = "# nothing\n"
	}
	for name, files := range map[string]map[string]string{
		"words":    {rc: strings.Repeat("poll m\n", maxValues) + "poll m mda x\n"},
		"sections": {getrc: "[retriever]\n" + strings.Repeat("[x]\n", maxSections) + "[destination]\ntype = MDA_external\npath = /x\n"},
		"a file":   {getrc: "[retriever]\n" + strings.Repeat("# padding\n", maxFile/10) + "[destination]\ntype = MDA_external\npath = /x\n"},
		"files":    many,
		"hooks":    {rc: "poll m " + strings.Repeat("mda x ", maxHooks) + "mda y\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if r := read(files); !slices.ContainsFunc(r.Hooks, func(h waxseal.Hook) bool { return h.Kind == waxseal.KindUnreadable }) {
				t.Errorf("nothing says so: %q", told(r))
			}
		})
	}
	if got := told(read(map[string]string{rc: "poll m " + strings.Repeat("mda x ", 4*maxHooks)})); len(got) != maxHooks+1 {
		t.Errorf("%d hooks", len(got))
	}
	names := map[string]string{rc: "poll m user a is " + strings.Repeat("bob ", 1_500) + "drop@evil.example.net here\n"}
	if got := told(read(names)); len(got) != 1 {
		t.Errorf("behind many names: %q", got)
	}
	old := map[string]string{"/home/alice/.getmail/oldmail-m-1": strings.Repeat("x\n", maxFile)}
	if r := read(old); len(r.Hooks) != 0 {
		t.Errorf("what was fetched already is told: %q", told(r))
	}
}

func TestNotInstalled(t *testing.T) {
	files := map[string]string{rc: "poll m mda x\n", "/usr/bin/env": "ELF"}
	if got := told(read(files)); got != nil {
		t.Errorf("%v", got)
	}
	files["/usr/bin/fetchmail"] = "ELF"
	if got := told(read(files)); len(got) != 1 {
		t.Errorf("%v", got)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("poll m user 'a' is x@y here mda \"z\"", "[destination]\ntype = MDA_external\npath = x\narguments = (\"a\", 'b')\n")
	f.Add("is to is\n\"", "[destination\n [x]\n=\n")
	f.Fuzz(func(t *testing.T, fetchmail, getmail string) {
		for _, h := range read(map[string]string{rc: fetchmail, getrc: getmail}).Hooks {
			if h.ID == "" || h.Explain == "" || h.Source.Path == "" {
				t.Errorf("a hook with nothing to say: %+v", h)
			}
		}
	})
}
