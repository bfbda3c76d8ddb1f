package agent

import (
	"crypto/md5"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/correlate"
	"waxseal/internal/lab"
	"waxseal/internal/mailpath"
	"waxseal/internal/readroom"
	"waxseal/internal/rootfs"
	"waxseal/internal/triage"
)

// hosting is the server, and what was told of it.
type hosting struct {
	t       *testing.T
	random  *rand.Rand
	tree    *memory
	agent   *Agent
	now     time.Time
	pid     int
	inode   uint64
	changes int
	told    map[waxseal.FindingID]waxseal.Finding
	order   []waxseal.FindingID // as they first were told
	touched []touch
	version int
}

const (
	systemUsers  = 400
	virtualUsers = 100
	vmail        = 5000
	admin        = 900
)

func newHosting(t *testing.T) *hosting {
	seed := lab.Seed(t)
	t.Logf("seed %d", seed)
	h := &hosting{t: t, random: rand.New(rand.NewPCG(seed, 0)), tree: newMemory(), now: time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC), pid: 1000, told: map[waxseal.FindingID]waxseal.Finding{}}
	h.build()
	books, err := OpenBooks(filepath.Join(t.TempDir(), "state"), "mail")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { books.Close() })
	names := &names{tree: h.tree}
	disk, err := rootfs.Open(t.TempDir()) // nothing of this server is there
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disk.Close() })
	h.agent = &Agent{tree: disk, queue: newQueue(), parcels: newParcels(), books: books, reader: readroom.NewHere(h.tree, mailpath.NewReader(books.Masker)), memory: correlate.NewMemory(names.user), names: names, basis: basis{},
		crowd: correlate.NewCrowd(), gatherings: map[string]*gathering{}, past: past{}, tuning: triage.NewBook(triage.DefaultRules()), opts: Options{Tell: h.hear, Warn: func(text string) { t.Log(text) }}}
	if h.agent.office, _, err = books.Office(books.Rules); err != nil {
		t.Fatal(err)
	}
	h.agent.last = h.agent.reader.ReadLive(h.tree, mailpath.Live{})
	for _, p := range h.agent.last.Problems {
		t.Logf("problem: %+v", p)
	}
	return h
}

func (h *hosting) hear(f waxseal.Finding, news, _ string) {
	if news == "" {
		h.order = append(h.order, f.ID)
	}
	h.told[f.ID] = f
}

func (h *hosting) count(rule waxseal.RuleID) (n int) {
	for _, f := range h.told {
		if f.Rule == rule {
			n++
		}
	}
	return n
}

// calm wants at most one finding a day at medium or above, planted ones apart.
func (h *hosting) calm(planted map[waxseal.FindingID]bool) {
	h.t.Helper()
	days := map[string][]waxseal.FindingID{}
	for _, id := range h.order {
		if f := h.told[id]; f.Severity >= waxseal.Medium && !planted[id] {
			day := f.Seen.Format(time.DateOnly)
			days[day] = append(days[day], id)
		}
	}
	for day, ids := range days {
		if len(ids) > 1 {
			h.t.Errorf("%s: %d findings at medium or above", day, len(ids))
			h.list(ids)
		}
	}
	h.t.Logf("a finding at medium or above on %d of 30 days", len(days))
}

func (h *hosting) list(ids []waxseal.FindingID) {
	for _, id := range ids {
		h.t.Logf("  %s %s: %s", h.told[id].Severity, h.told[id].Title, strings.Join(h.told[id].Reasons, "; "))
	}
}

func home(i int) waxseal.Path {
	if i < systemUsers {
		return waxseal.Path(fmt.Sprintf("/home/u%d", i))
	}
	return waxseal.Path(fmt.Sprintf("/var/vmail/example.test/v%d", i))
}

func uid(i int) uint32 {
	if i < systemUsers {
		return uint32(2000 + i)
	}
	return vmail
}

func (h *hosting) build() {
	passwd := "root:x:0:0::/root:/bin/bash\nadmin:x:900:900::/srv/admin:/bin/bash\nvmail:x:5000:5000::/var/vmail:/usr/sbin/nologin\n"
	for i := range systemUsers {
		passwd += fmt.Sprintf("u%d:x:%d:%d::%s:/bin/bash\n", i, uid(i), uid(i), home(i))
	}
	for i := range systemUsers + virtualUsers {
		h.tree.mkdir(home(i)+"/Maildir", uid(i))
		h.put(home(i)+"/.dovecot.sieve", uid(i), 0o600, h.script(i))
		if i < systemUsers && i%4 == 0 {
			h.put(home(i)+"/.procmailrc", uid(i), 0o600, h.recipes())
		}
	}
	h.put("/etc/hostname", 0, 0o644, "mail\n")
	h.put("/etc/passwd", 0, 0o644, passwd)
	h.put("/etc/aliases", 0, 0o644, "postmaster: root\nsales: u1\n")
	h.put("/etc/postfix/main.cf", 0, 0o644, "myhostname = mail.example.test\nmydestination = localhost, mail.example.test\nalias_maps = hash:/etc/aliases\nmailbox_command = /usr/bin/procmail -a \"$EXTENSION\"\n"+
		"virtual_mailbox_domains = example.test\nvirtual_transport = lmtp:unix:private/dovecot-lmtp\nsmtpd_milters = inet:localhost:8891\n")
	h.put("/etc/postfix/master.cf", 0, 0o644, "smtp inet n - y - - smtpd\ncleanup unix n - y - 0 cleanup\nlocal unix - n n - - local\nlmtp unix - - y - - lmtp\n")
	h.put("/etc/dovecot/dovecot.conf", 0, 0o644, "protocols = imap lmtp sieve\nmail_location = maildir:~/Maildir\nuserdb {\n driver = passwd\n}\nuserdb {\n driver = static\n args = uid=5000 gid=5000 home=/var/vmail/%d/%n\n}\n"+
		"passdb {\n driver = passwd-file\n args = /etc/dovecot/users\n}\nprotocol lmtp {\n mail_plugins = sieve\n}\n")
	h.put("/etc/dovecot/users", 0, 0o640, h.passwords())
	h.put("/usr/local/cpanel/cpsrvd", 0, 0o755, "\x7fELF panel")
	h.upgrade()
}

// upgraded are those that upgrades replace, by package.
var upgraded = map[string][]waxseal.Path{
	"postfix":      {"/usr/sbin/postfix", "/usr/lib/postfix/sbin/master", "/usr/lib/postfix/sbin/smtpd", "/usr/lib/postfix/sbin/cleanup", "/usr/lib/postfix/sbin/local", "/usr/lib/postfix/sbin/lmtp", "/usr/sbin/sendmail"},
	"procmail":     {"/usr/bin/procmail"},
	"dovecot-core": {"/usr/sbin/dovecot", "/usr/lib/dovecot/lmtp", "/usr/lib/dovecot/managesieve"},
}

// upgrade installs the next version of every package, as dpkg(1) does.
func (h *hosting) upgrade() {
	h.version++
	status := ""
	for _, name := range []string{"dovecot-core", "postfix", "procmail"} {
		status += fmt.Sprintf("Package: %s\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3.7.%d-1\n\n", name, h.version)
		list, sums := "", ""
		for _, p := range upgraded[name] {
			content := fmt.Sprintf("\x7fELF %s of version %d", p, h.version)
			h.write(hand{exe: "/usr/bin/dpkg", login: admin}, p, content)
			list += string(p) + "\n"
			sums += fmt.Sprintf("%x  %s\n", md5.Sum([]byte(content)), strings.TrimPrefix(string(p), "/"))
		}
		h.put(waxseal.Path("/var/lib/dpkg/info/"+name+".list"), 0, 0o644, list)
		h.put(waxseal.Path("/var/lib/dpkg/info/"+name+".md5sums"), 0, 0o644, sums)
	}
	h.put("/var/lib/dpkg/status", 0, 0o644, status)
}

// What users write.

func (h *hosting) script(i int) string {
	text := fmt.Sprintf("require [\"fileinto\"];\n# %d\n", h.random.IntN(1e9))
	for range 1 + h.random.IntN(3) {
		text += fmt.Sprintf("if header :contains \"list-id\" \"list%d.example\" { fileinto \"Lists/%d\"; }\n", h.random.IntN(1000), i)
	}
	return text
}

func (h *hosting) vacation() string {
	return fmt.Sprintf("require [\"vacation\"];\nvacation :days 7 \"I am away until day %d.\";\n", h.random.IntN(365))
}

func (h *hosting) recipes() string {
	return fmt.Sprintf("MAILDIR=$HOME/Maildir\n:0:\n* ^List-Id:.*list%d\n.lists/\n\n:0:\n* ^X-Spam-Flag: YES\n.Spam/\n", h.random.IntN(1e6))
}

func (h *hosting) forward() string {
	return fmt.Sprintf("\\u1, private%d@mail%d.example.net\n", h.random.IntN(1e6), h.random.IntN(1000))
}

func (h *hosting) passwords() string {
	return fmt.Sprintf("v400@example.test:{SSHA512}%x:::::\n", h.random.Uint64())
}

// hand is who does something.
type hand struct {
	exe   string
	uid   uint32
	login uint32 // 0: none
	argv  []string
	above []hand // parents, nearest first; none did anything else
	pid   int    // 0: a new one
}

func owner(i int) hand { return hand{exe: "/usr/bin/vim.basic", uid: uid(i), login: uid(i)} }

func manageSieve(i int) hand {
	return hand{exe: "/usr/lib/dovecot/managesieve", uid: uid(i), above: []hand{{exe: "/usr/sbin/dovecot"}}}
}

func panel() hand {
	return hand{exe: "/usr/bin/uapi", above: []hand{{exe: "/usr/local/cpanel/cpsrvd", pid: 700}}}
}

func asAdmin(exe string) hand { return hand{exe: exe, login: admin} }

// put changes a file without anybody's seeing it.
func (h *hosting) put(p waxseal.Path, uid uint32, mode uint32, text string) {
	h.inode++
	h.tree.put(p, waxseal.File{UID: uid, GID: uid, Mode: mode, Inode: h.inode, ChangeTime: h.now, ModTime: h.now}, text)
}

// write changes a file, and the kernel tells of it.
func (h *hosting) write(who hand, p waxseal.Path, text string) {
	f, err := h.tree.Stat(p)
	if err != nil {
		f = waxseal.File{UID: who.uid, Mode: 0o644}
		if i := strings.Index(string(p), "/."); i > 0 { // who writes for a user gives him the file
			if d, err := h.tree.Stat(p[:i]); err == nil {
				f.UID, f.Mode = d.UID, 0o600
			}
		}
		if strings.HasPrefix(string(p), "/usr/") {
			f.Mode = 0o755
		}
	}
	h.put(p, f.UID, f.Mode, text)
	h.event(who, p, waxseal.OpWrite)
}

func (h *hosting) remove(who hand, p waxseal.Path) {
	h.tree.remove(p)
	h.event(who, p, waxseal.OpDelete)
}

// event tells memory what audit says of an operation, and keeps the file event for the
// next look.
func (h *hosting) event(who hand, p waxseal.Path, op waxseal.Operation) {
	if h.agent == nil {
		return
	}
	h.now = h.now.Add(time.Second)
	e := h.start(who)
	e.Syscall, e.Success, e.Argv = 257, true, nil
	e.Paths = []waxseal.AuditPath{{Name: string(p), Inode: h.inode, NameType: "NORMAL"}}
	h.agent.memory.Add(waxseal.Observation{Time: h.now, Sensor: "kaudit", Audit: &e})
	none := waxseal.NoIndex
	h.touched = append(h.touched, touch{Observation: waxseal.Observation{Time: h.now, Sensor: "fanotify",
		File: &waxseal.FileEvent{Operations: []waxseal.Operation{op}, Path: p, Inode: h.inode, PID: e.PID}}, index: &none})
}

// start is a program start as audit tells it, after those of its parents, which /proc
// shows while they live.
func (h *hosting) start(who hand) waxseal.AuditEvent {
	parent := 1
	shown := &waxseal.Actor{Process: waxseal.Process{Grade: waxseal.Unknown}}
	if len(who.above) > 0 {
		above := who.above[0]
		above.above = who.above[1:]
		e := h.start(above)
		parent = e.PID
		shown.Ancestors = append([]waxseal.Process{{PID: e.PID, PPID: e.PPID, Exe: e.Exe, Argv: e.Argv, Started: e.Time, Grade: waxseal.Inferred}}, e.Actor.Ancestors...)
	}
	if who.pid == 0 {
		h.pid++
		who.pid = h.pid
	}
	login := who.login
	if login == 0 {
		login = waxseal.Unset
	}
	if who.argv == nil {
		who.argv = []string{who.exe}
	}
	e := waxseal.AuditEvent{Time: h.now, Type: "SYSCALL", Arch: "x86_64", Syscall: 59, Success: true, PID: who.pid, PPID: parent, AUID: login, Session: login, UID: who.uid, EUID: who.uid, GID: who.uid,
		Comm: filepath.Base(who.exe), Exe: who.exe, Argv: who.argv, Actor: shown}
	h.agent.memory.Add(waxseal.Observation{Time: h.now, Sensor: "kaudit", Audit: &e})
	return e
}

// look is what [Agent.look] does, at the hour of this server.
func (h *hosting) look() {
	now := version{state: h.agent.reader.ReadLive(h.tree, mailpath.Live{}), touched: h.touched, unobserved: len(h.touched) == 0}
	now.index = h.agent.noteTree(now, h.now)
	for _, ch := range Differences(h.agent.last, now.state) {
		h.changes++
		h.agent.judge(ch, now, h.now)
	}
	h.agent.last, h.touched = now.state, nil
	h.agent.endDay(h.now)
	h.agent.record()
}

// ordinaryDay is what happens on such a server, at any hour of the day.
func (h *hosting) ordinaryDay(day int) {
	midnight := time.Date(2026, 11, 1+day, 0, 0, 0, 0, time.UTC)
	deeds := []func(){}
	user := func() int { return h.random.IntN(systemUsers + virtualUsers) }
	local := func() int { return h.random.IntN(systemUsers) }
	add := func(n int, deed func()) {
		for range n {
			deeds = append(deeds, deed)
		}
	}
	add(8+h.random.IntN(5), func() { i := user(); h.write(manageSieve(i), home(i)+"/.dovecot.sieve", h.script(i)) })
	add(4, func() { i := user(); h.write(manageSieve(i), home(i)+"/.dovecot.sieve", h.vacation()) })
	add(2, func() { i := local(); h.write(owner(i), home(i)+"/.forward", h.forward()) })
	add(2, func() { i := local() &^ 3; h.write(owner(i), home(i)+"/.procmailrc", h.recipes()) })
	add(1, func() { i := local(); h.write(panel(), home(i)+"/.forward", h.forward()) })
	add(2, func() { h.write(panel(), "/etc/dovecot/users", h.passwords()) })
	add(1, func() {
		for i := range systemUsers {
			if _, err := h.tree.Stat(home(i) + "/.forward"); err == nil {
				h.remove(owner(i), home(i)+"/.forward")
				return
			}
		}
	})
	switch day % 7 {
	case 1, 3: // tickets: a new name of an own user
		add(1, func() {
			text, _ := h.tree.ReadFile("/etc/aliases", 1<<20)
			h.write(asAdmin("/usr/bin/vim.basic"), "/etc/aliases", string(text)+fmt.Sprintf("name%d: u%d\n", day, local()))
		})
	case 2: // a ticket: a list of a customer goes to his new address
		add(1, func() {
			text, _ := h.tree.ReadFile("/etc/aliases", 1<<20)
			h.write(asAdmin("/usr/bin/vim.basic"), "/etc/aliases", string(text)+fmt.Sprintf("list%d: customer@partner%d.example.net\n", day, day))
		})
	case 5:
		add(1, h.upgrade)
	}
	h.random.Shuffle(len(deeds), func(i, j int) { deeds[i], deeds[j] = deeds[j], deeds[i] })
	for i, deed := range deeds {
		h.now = midnight.Add(7*time.Hour + time.Duration(i)*14*time.Hour/time.Duration(len(deeds)) + time.Duration(h.random.IntN(60))*time.Second)
		deed()
		if i%2 == 1 { // a reading serves two, for the sake of time
			h.look()
		}
	}
	h.look()
}
