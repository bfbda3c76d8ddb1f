package lab_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"waxseal/internal/lab"
)

// mounts is the host's mount table. The tests run alone, so nobody else changes it.
func mounts(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestLab shares one lab, since to lay out and remove one costs seconds.
func TestLab(t *testing.T) {
	lab.Require(t)
	before := mounts(t)
	l, err := lab.New(t.Context(), lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		run  func(*testing.T, *lab.Lab)
	}{
		{"mail is delivered", testMail},
		{"the log has the host's process numbers", testLogsHostPIDs},
		{"ssh makes a login session", testLogin},
		{"a milter sees mail", testMilter},
		{"cleaning spares it", testCleanSpares},
	} {
		t.Run(tc.name, func(t *testing.T) { tc.run(t, l) })
	}
	if during := mounts(t); during != before {
		t.Errorf("a running lab changes the host's mounts:\n%s\nbefore:\n%s", during, before)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if left := lab.Left(l.Dir); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func testMail(t *testing.T, l *lab.Lab) {
	receipt, err := l.Mail(t.Context(), "carol@client.example.net", "bob@mail.example.test", "hello bob")
	if err != nil || receipt.QueueID == "" {
		t.Fatalf("mail: %v, receipt %q", err, receipt)
	}
	if err := l.WaitLog(t.Context(), receipt.QueueID+": removed"); err != nil {
		t.Fatal(err)
	}
	box, err := l.ReadFile("/var/mail/bob")
	if err != nil || !strings.Contains(string(box), "Subject: hello bob") {
		t.Errorf("bob's mailbox: %v\n%s", err, box)
	}
	if _, err := l.Mail(t.Context(), "carol@client.example.net", "dave@other.example", "relay me"); err == nil {
		t.Error("the server relays for strangers")
	}
}

// The numbers in the log must be those of the host, or nothing could join log
// lines with kernel records.
func testLogsHostPIDs(t *testing.T, l *lab.Lab) {
	if err := l.WaitLog(t.Context(), "postfix/master["); err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(l.MailLog(), "postfix/master[")
	number, _, _ := strings.Cut(rest, "]")
	pid, err := strconv.Atoi(number)
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Readlink(filepath.Join("/proc", number, "exe"))
	if err != nil || !strings.HasSuffix(exe, "/usr/lib/postfix/sbin/master") {
		t.Errorf("the log's process %d is %q (%v), want Postfix's master", pid, exe, err)
	}
}

func testLogin(t *testing.T, l *lab.Lab) {
	const ids = "cat /proc/self/loginuid; echo; cat /proc/self/sessionid; echo; echo $SSH_CONNECTION; sudo id -u; sudo cat /proc/self/loginuid"
	var sessions []string
	for range 2 {
		out, err := l.SSH(t.Context(), "alice", "", ids)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(out, "\n")
		if len(lines) < 5 || lines[0] != "1001" || lines[3] != "0" || lines[4] != "1001" {
			t.Fatalf("want login uid 1001, kept through sudo; got\n%s", out)
		}
		if !strings.HasPrefix(lines[2], lab.AttackerAddr+" ") {
			t.Errorf("came from %q", lines[2])
		}
		sessions = append(sessions, lines[1])
	}
	if sessions[0] == sessions[1] || sessions[0] == "4294967295" {
		t.Errorf("two logins have the audit sessions %v", sessions)
	}
	out, err := l.Exec(t.Context(), "cat", "/proc/self/loginuid")
	if err != nil || out != "4294967295" {
		t.Errorf("outside a login the login uid is %q (%v)", out, err)
	}
	if !strings.Contains(l.AuthLog(), l.AliceKey) {
		t.Errorf("the auth log doesn't name the key %s:\n%s", l.AliceKey, l.AuthLog())
	}
}

func testMilter(t *testing.T, l *lab.Lab) {
	m, err := l.Milter("")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.SSH(t.Context(), "alice", "", "sudo postconf -e smtpd_milters=inet:"+lab.RogueMilter+" && sudo postfix reload"); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for m.Messages() == 0 && time.Now().Before(deadline) {
		if _, err := l.Mail(t.Context(), "carol@client.example.net", "bob@mail.example.test", "seen"); err != nil {
			t.Fatal(err)
		}
	}
	if m.Messages() == 0 || m.Connections() == 0 {
		t.Errorf("the milter saw %d messages on %d connections", m.Messages(), m.Connections())
	}
}

// TestLabDiesWithOwner kills the program that made a lab, as nothing can catch.
func TestLabDiesWithOwner(t *testing.T) {
	if os.Getenv("LAB_OWNER") != "" {
		l, err := lab.New(t.Context(), lab.Options{})
		if err == nil {
			err = l.Start(t.Context())
		}
		fmt.Println("owner:", l.Dir, err)
		select {}
	}
	lab.Require(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^TestLabDiesWithOwner$")
	tmp := t.TempDir()
	cmd.Env = append(os.Environ(), "LAB_OWNER=1", "TMPDIR="+tmp)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var dir string
	for lines := bufio.NewScanner(out); dir == "" && lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "owner: "); ok {
			dir = strings.TrimSuffix(rest, " <nil>")
		}
	}
	if len(lab.Processes(dir)) < 4 {
		t.Errorf("%q: processes %v", dir, lab.Processes(dir))
	}
	cmd.Process.Kill()
	cmd.Wait()
	deadline := time.Now().Add(5 * time.Second)
	for len(lab.Processes(dir)) > 0 && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
	}
	if left := lab.Processes(dir); len(left) > 0 {
		t.Errorf("live on without their owner: %v", left)
	}
	t.Setenv("TMPDIR", tmp)
	removed, err := lab.Clean()
	if err != nil || len(removed) != 1 || removed[0] != dir {
		t.Errorf("Clean removed %q (%v), want %q", removed, err, dir)
	}
}

func testCleanSpares(t *testing.T, l *lab.Lab) {
	if len(lab.Processes(l.Dir)) < 4 {
		t.Errorf("processes: %v", lab.Processes(l.Dir))
	}
	if slices.Contains(lab.Abandoned(), l.Dir) {
		t.Error("a lab whose owner lives counts as abandoned")
	}
}
