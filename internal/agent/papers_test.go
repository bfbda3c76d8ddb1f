package agent_test

import (
	"os"
	"strings"
	"testing"

	"waxseal"
)

// TestPapersThatHurt: a log without an end, an archive that is cut off and a history of /etc
// that is damaged explain nothing, and the finding says that they could not be read.
func TestPapersThatHurt(t *testing.T) {
	needRoot(t)
	const sums = "/var/lib/dpkg/info/mailtool.list"
	h := postfixTree(t, map[string]string{
		"/etc/postfix/main.cf":      "myhostname = mail.example.test\nmailbox_command = /usr/lib/mailtool/deliver\n",
		"/usr/lib/mailtool/deliver": deliver1, "/var/log/dpkg.log": "",
		"/var/lib/dpkg/status":        "Package: mailtool\nStatus: install ok installed\nVersion: 1.0\nArchitecture: all\n",
		sums:                          "/.\n/usr\n/usr/lib\n/usr/lib/mailtool\n/usr/lib/mailtool/deliver\n",
		"/etc/.git/HEAD":              "ref: refs/heads/master\n",
		"/etc/.git/refs/heads/master": strings.Repeat("ab", 20) + "\n",
		"/etc/.git/objects/ab/" + strings.Repeat("ab", 19): "no object",
		"/var/cache/apt/archives/mailtool_1.0_all.deb":     "!<arch>\n",
	})
	h.must("seal")
	if err := os.Truncate(h.path("/var/log/dpkg.log"), 8<<40); err != nil {
		t.Fatal(err)
	}
	h.write("/usr/lib/mailtool/deliver", evil)
	h.append("/etc/postfix/main.cf", "always_bcc = box@example.net\n")
	w := h.watch()
	var tool told
	var said string
	w.find("both changes", func(f told) bool {
		if isTool(f) {
			tool = f
		}
		said += strings.Join(f.Reasons, "\n")
		return tool.ID != "" && strings.Contains(said, "the history of /etc can't be read")
	})
	if tool.Severity < waxseal.High || tool.Rung != waxseal.RungNone || !strings.Contains(tool.Expected, "/var/log/dpkg.log: file is too large to read") {
		t.Errorf("%s, %s: %s", tool.Severity, tool.Rung, tool.Expected)
	}
	w.stop()
	if strings.Contains(w.errs.String(), "was lost") {
		t.Errorf("a process came to its end: %s", w.errs)
	}
}
