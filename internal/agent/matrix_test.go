package agent_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"waxseal"
)

var update = flag.Bool("update", false, "write the pages of docs that tests print anew")

// columns are what may be wrong about a change.
var columns = []string{"right", "other object", "other hand", "other time", "other content", "once more"}

// matrix is a lab in which every kind of evidence meets every kind of change that does not
// fit it.
type matrix struct {
	*repository
	w     *watch
	main  string // main.cf as it was sealed
	n     int
	cells map[string]string // by row and column
	open  []string          // permits
}

const mainCF = "/etc/postfix/main.cf"

func newMatrix(t *testing.T) *matrix {
	m := &matrix{cells: map[string]string{}}
	m.repository, m.w = shipping(t, func(r *repository) {
		withTool(r)
		r.run("install -d -m 0700 -o bob -g bob /home/bob/.ssh && install -m 0600 -o bob -g bob /home/alice/.ssh/authorized_keys /home/bob/.ssh/ && echo 'bob ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/bob && chmod 0440 /etc/sudoers.d/bob")
	})
	text, err := m.lab.ReadFile(mainCF)
	if err != nil {
		t.Fatal(err)
	}
	m.main = string(text)
	m.w.must("keys", "create", "pipeline", "--role", "ci", "--out", m.secret("ci"))
	m.w.must("keys", "create", "carol", "--login", "1003", "--out", m.secret("carol"))
	return m
}

func (m *matrix) secret(name string) string { return filepath.Join(m.lab.Dir, name+".pem") }

// permit opens and approves a permit that begins now, unless words say otherwise.
func (m *matrix) permit(words ...string) {
	m.t.Helper()
	if !slices.Contains(words, "--from") {
		words = append(words, "--from", "+0s", "--until", "+1h")
	}
	out := m.w.must(append([]string{"permit", "open", "--key", m.secret("ci"), "--ticket", "CHG-" + fmt.Sprint(m.n), "--reason", "archive"}, words...)...)
	id, _, _ := strings.Cut(out, " ")
	m.open = append(m.open, id)
	m.w.must("permit", "approve", id, "--key", m.secret("carol"))
}

// close ends the permits that are open, so that the next change meets none of them.
func (m *matrix) close() {
	m.t.Helper()
	for _, id := range m.open {
		m.w.must("permit", "close", id, "--key", m.secret("carol"))
	}
	m.open = nil
}

// mark is a copy of all mail to an address that no other change of the test has: critical
// where nothing explains it.
func (m *matrix) mark() string {
	m.n++
	return fmt.Sprintf("drop%d@archive.example.net", m.n)
}

func (m *matrix) content(mark string) string { return m.main + "always_bcc = " + mark + "\n" }

// announce lays out what is to come and returns the directory.
func (m *matrix) announce(mark string) string {
	m.t.Helper()
	dir := filepath.Join(m.lab.Dir, fmt.Sprint("staged", m.n))
	if err := os.MkdirAll(filepath.Join(dir, "etc/postfix"), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, mainCF), []byte(m.content(mark)), 0o644); err != nil {
		m.t.Fatal(err)
	}
	return dir
}

// as writes main.cf as Ansible does, to a temporary file that takes its place, by the hand
// of a person who came in by ssh.
func (m *matrix) as(who, mark string) told {
	m.t.Helper()
	m.write("/tmp/new.cf", m.content(mark), 0o644)
	m.ssh(who, "sudo sh -c 'cp /tmp/new.cf "+mainCF+".ansible_tmp && chmod 0644 "+mainCF+".ansible_tmp && mv "+mainCF+".ansible_tmp "+mainCF+"'")
	return m.told(mark)
}

func (m *matrix) ssh(who, command string) {
	m.t.Helper()
	if out, err := m.lab.SSH(m.t.Context(), who, "", command); err != nil {
		m.t.Fatalf("%v: %s", err, out)
	}
}

// beside changes another file than the one that was permitted, to the same effect.
func (m *matrix) beside(who, mark string) told {
	m.t.Helper()
	m.ssh(who, `sudo sed -i -e '/always_bcc/d' -e '/^cleanup/a\  -o always_bcc='`+mark+` /etc/postfix/master.cf`)
	return m.told(mark)
}

// told is the finding that a mark stands in, as it stands when nothing more comes.
func (m *matrix) told(mark string) told {
	m.t.Helper()
	return m.settled(m.w.find(mark, func(f told) bool { return f.Change != nil && strings.Contains(f.Change.Diff, mark) }))
}

func (m *matrix) settled(f told) told {
	for {
		select {
		case n := <-m.w.told:
			if n.ID == f.ID {
				f = n
			}
		case <-time.After(1500 * time.Millisecond):
			return f
		}
	}
}

// set notes a cell: the rung, and what severity is left.
func (m *matrix) set(row, column string, f told) {
	m.cells[row+"/"+column] = fmt.Sprintf("%s: %s", f.Severity, cmp.Or(string(f.Rung), "none"))
	m.t.Logf("%-28s %-14s %s %q: %s", row, column, m.cells[row+"/"+column], f.Title, f.Expected)
}

func (m *matrix) announced(row string) {
	mark := m.mark()
	m.permit("--expect", m.announce(mark), "--actor", "1001")
	m.set(row, "right", m.as("alice", mark))
	m.as("alice", m.mark())
	m.set(row, "once more", m.as("alice", mark))
	m.close()
	mark = m.mark()
	m.permit("--expect", m.announce(mark), "--actor", "1001")
	m.set(row, "other object", m.beside("alice", m.mark()))
	m.set(row, "other content", m.as("alice", m.mark()))
	m.set(row, "other hand", m.as("bob", mark))
	m.close()
	mark = m.mark()
	m.permit("--expect", m.announce(mark), "--actor", "1001", "--from", "+1h", "--until", "+2h")
	m.set(row, "other time", m.as("alice", mark))
	m.close()
}

func (m *matrix) scoped(row string) {
	m.mark()
	m.permit("--path", mainCF, "--actor", "1001")
	m.set(row, "other object", m.beside("alice", m.mark()))
	m.set(row, "other hand", m.as("bob", m.mark()))
	m.set(row, "right", m.as("alice", m.mark()))
	m.set(row, "once more", m.as("alice", m.mark()))
	m.close()
	m.permit("--path", mainCF, "--actor", "1001")
	m.set(row, "other content", m.as("alice", m.mark()))
	m.close()
	m.permit("--path", mainCF, "--actor", "1001", "--from", "+1h", "--until", "+2h")
	m.set(row, "other time", m.as("alice", m.mark()))
	m.close()
}

// windowFor is long enough for the changes that are made in it.
const windowFor = 40 * time.Second

func (m *matrix) window(row string) {
	m.mark()
	end := time.Now().Add(windowFor)
	m.permit("--from", "+0s", "--until", "+"+windowFor.String())
	m.set(row, "right", m.as("alice", m.mark()))
	m.set(row, "once more", m.as("alice", m.mark()))
	m.set(row, "other hand", m.as("bob", m.mark()))
	m.set(row, "other object", m.beside("alice", m.mark()))
	m.set(row, "other content", m.as("alice", m.mark()))
	time.Sleep(time.Until(end.Add(time.Second)))
	m.set(row, "other time", m.as("alice", m.mark()))
}

func (m *matrix) none(row string) {
	f := m.as("alice", m.mark())
	for _, c := range columns {
		m.cells[row+"/"+c] = ""
	}
	m.set(row, "right", f)
}

const tool = "/usr/lib/mailtool/deliver"

// version is a package with a script that no other version has.
func (m *matrix) version(v, text string, scripts map[string]string) string {
	return m.build("mailtool", v, map[string]string{tool: newer + "# " + text + "\n"}, scripts)
}

// ofTool is what was told of the package, or of its script.
func (m *matrix) ofTool() told {
	m.t.Helper()
	return m.settled(m.w.find("the tool", func(f told) bool {
		return f.Change != nil && (f.Change.Path == tool || len(f.Change.Packages) > 0 && f.Change.Packages[0].After.Name == "mailtool")
	}))
}

func (m *matrix) packages(row string) {
	m.publish(m.version("1.1", "one", nil))
	m.ssh("alice", "sudo apt-get -q -y install mailtool")
	m.set(row, "right", m.ofTool())
	m.ssh("alice", "echo exec /bin/sh | sudo tee -a "+tool)
	m.set(row, "other content", m.ofTool())
	m.ssh("alice", "sudo apt-get -q -y install --reinstall mailtool")
	m.set(row, "once more", m.ofTool())
	mark := m.mark()
	m.publish(m.version("1.2", "two", map[string]string{"postinst": "postconf -e always_bcc=" + mark + "\n"}))
	m.ssh("alice", "sudo apt-get -q -y install mailtool")
	m.set(row, "other object", m.told(mark))
	m.write("/tmp/deliver", newer+"# three\n", 0o755)
	m.publish(m.version("1.3", "three", nil))
	m.ssh("alice", "sudo cp /tmp/deliver "+tool)
	m.set(row, "other hand", m.ofTool())
	m.ssh("alice", "sudo apt-get -q -y install mailtool")
	m.settled(told{})
	m.publish(m.version("1.4", "four", nil))
	m.ssh("alice", "sudo apt-get -q -y -o Dpkg::Options::=--log=/dev/null install mailtool")
	m.set(row, "other time", m.ofTool())
}

// TestLifeOfAChange holds docs/life-of-a-change.md against what a real agent says of a real
// Postfix: each kind of evidence, and each way in which a change does not fit it.
func TestLifeOfAChange(t *testing.T) {
	m := newMatrix(t)
	rows := []struct {
		name string
		make func(row string)
	}{
		{string(waxseal.RungContentAnnounced), m.announced}, {string(waxseal.RungPackageVerified), m.packages},
		{string(waxseal.RungPermit), m.scoped}, {string(waxseal.RungWindow), m.window}, {"nothing", m.none},
	}
	text := "| evidence | " + strings.Join(columns, " | ") + " |\n|---" + strings.Repeat("|---", len(columns)) + "|\n"
	for _, r := range slices.Backward(rows) { // before there is any permit, nothing explains
		r.make(r.name)
	}
	for _, r := range rows {
		text += "| **" + r.name + "**"
		for _, c := range columns {
			text += " | " + m.cells[r.name+"/"+c]
		}
		text += " |\n"
	}
	m.w.stop()
	t.Log(m.w.errs)
	m.w.must("ledger", "verify")
	compareMatrix(t, text, m.w.errs.String())
}

// compareMatrix holds the table against that of the document.
func compareMatrix(t *testing.T, text, warnings string) {
	t.Helper()
	const doc, begin, end = "../../docs/life-of-a-change.md", "<!-- matrix: TestLifeOfAChange -->\n", "<!-- end of matrix -->"
	page, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), begin)
	old, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the matrix", doc)
	}
	if *update {
		if err := os.WriteFile(doc, []byte(before+begin+text+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != text {
		t.Errorf("%s says\n%s\nand it is\n%s\nthe agent warned: %s", doc, old, text, warnings)
	}
}
