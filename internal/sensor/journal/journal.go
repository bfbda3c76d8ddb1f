// Package journal follows the journal of systemd, in which login programs and mail
// daemons say what they do, and journald who really said it.
//
// It reads the files that journald keeps (systemd, "Journal File Format": compact or not,
// packed by zstd, LZ4 or XZ), and for recordings what journalctl exports. It executes
// nothing. What an entry says can be anybody's text; the fields that begin with "_" are
// journald's own, taken from the kernel when the entry came in (systemd.journal-fields(7)),
// and go with the line as [waxseal.LogSource]. Whoever is root can write a journal file of
// his own.
//
// Each file is asked every 100 ms while lines come, once a second else, and whenever it is
// told to, how many entries it has; what is new is read along its
// arrays of entries. A journal that journald has put aside is read to its end first. What
// can't be read is a [waxseal.Gap]. Only what logins, jobs and mail are about is handed on.
package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/beat"
)

// Sensor is the name in gaps of this package.
const Sensor waxseal.SensorName = "journal"

const (
	// interval is how often each file is asked while lines come, idle how often else, and
	// lively how long after a line lines are said to come.
	interval = 100 * time.Millisecond
	idle     = time.Second
	lively   = 2 * time.Second
	// lookAround is how often journals are looked for: they come and go seldom.
	lookAround = 5 * time.Second
	// maxPast is how many entries from before the start are read, for logins that are
	// older than the agent.
	maxPast = 4000
	// maxLogins is how many logins of these are told.
	maxLogins = 256
	// maxTurn bounds how many entries of one file are read before the others have their
	// turn.
	maxTurn = 20000
	// maxUnmade is how often a file may have no header yet.
	maxUnmade = 50
	// maxDamage is how many entries that can't be read end the reading of a file.
	maxDamage = 100
	// maxPlaces bounds the machine ids that are looked for.
	maxPlaces = 16
)

// Options say what to follow.
type Options struct {
	// Root is the real directory that is the tree's root.
	Root string
	// Interval is how often the files are asked; where it is zero 100 ms, and less often
	// while no lines come.
	Interval time.Duration
	// Ask has the files read at once; what comes through it is closed when that is
	// done. nil: nobody asks.
	Ask <-chan chan struct{}
}

// Files are the present journals of the system in a tree.
func Files(root string) (files []string) {
	id, _ := os.ReadFile(path.Join(root, "etc/machine-id")) // none in an image that was never started
	for _, dir := range []string{"var/log/journal", "run/log/journal"} {
		places := []string{strings.TrimSpace(string(id))}
		if len(places[0]) != 32 || strings.Contains(places[0], "/") {
			entries, err := os.ReadDir(path.Join(root, dir))
			if err != nil {
				continue
			}
			places = nil
			for _, e := range entries[:min(len(entries), maxPlaces)] {
				places = append(places, e.Name())
			}
		}
		for _, p := range places {
			if name := path.Join("/", dir, p, "system.journal"); isFile(root, name) {
				files = append(files, name)
			}
		}
	}
	return files
}

func isFile(root, name string) bool {
	f, _, err := open(root, name)
	if err != nil {
		return false
	}
	_ = f.Close() // opened for reading only
	return true
}

// Follow reads the journals of a tree until the context ends, and returns nil then. It
// begins with the logins among the latest entries. Calls of emit and gap come from this
// goroutine only.
func Follow(ctx context.Context, o Options, emit func(waxseal.LogLine, time.Time), gap func(waxseal.Gap)) error {
	follow := follower{root: o.Root, gap: gap, files: map[string]*file{}, started: true}
	follow.emit = func(l waxseal.LogLine, at time.Time) { follow.line = time.Now(); emit(l, at) }
	defer follow.close()
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-next.C:
			follow.poll()
		case done := <-o.Ask:
			follow.poll()
			close(done)
		}
		next.Reset(o.pause(&follow))
	}
}

// pause is how long to wait after a look. A host without a journal costs nothing.
func (o Options) pause(f *follower) time.Duration {
	switch {
	case len(f.files) == 0:
		return beat.Next(lookAround)
	case o.Interval > 0:
		return o.Interval
	case time.Since(f.line) < lively:
		return beat.Next(interval)
	}
	return beat.Next(idle)
}

type follower struct {
	root    string
	emit    func(waxseal.LogLine, time.Time)
	gap     func(waxseal.Gap)
	files   map[string]*file
	started bool
	looked  time.Time // when journals were last looked for
	line    time.Time // when the last one came
}

func (f *follower) close() {
	for _, j := range f.files {
		j.close()
	}
}

// look finds journals.
func (f *follower) look() {
	for _, name := range Files(f.root) {
		if f.files[name] == nil {
			f.files[name] = &file{name: name, past: f.started}
		}
	}
}

func (f *follower) poll() {
	if time.Since(f.looked) >= lookAround {
		f.looked = time.Now()
		f.look()
	}
	for _, j := range f.files {
		if err := j.poll(f.root, f.emit); err != nil && err.Error() != j.told {
			j.told = err.Error()
			f.gap(waxseal.Gap{Sensor: Sensor, From: time.Now(), Reason: fmt.Sprintf("journal %q: %v; its lines are not seen", j.name, err)})
		}
	}
	f.started = false
}

// file is one journal.
type file struct {
	name   string
	past   bool // begin with the latest of what is there
	open   *os.File
	inode  uint64
	at     cursor
	reader *reader
	broken bool // nothing more of it is read
	unmade int  // how often it had no header yet
	told   string
}

func (j *file) close() {
	if j.open != nil {
		_ = j.open.Close() // opened for reading only
		j.open = nil
	}
}

// poll reads what is new. journald renames a full journal, and makes a new one.
func (j *file) poll(root string, emit func(waxseal.LogLine, time.Time)) error {
	var failed error
	if j.open != nil && !j.broken {
		failed = j.read(emit)
	}
	opened, inode, err := open(root, j.name)
	if errors.Is(err, unix.ENOENT) {
		return failed
	}
	if err != nil {
		return errors.Join(failed, err)
	}
	if j.open != nil && inode == j.inode {
		_ = opened.Close() // it was only looked at
		return failed
	}
	if j.open != nil && !j.broken {
		failed = errors.Join(failed, j.read(emit)) // what came before it was put aside
	}
	j.close()
	j.open, j.inode, j.at, j.reader, j.broken = opened, inode, cursor{}, newReader(opened), false
	if j.past {
		j.past = false
		return errors.Join(failed, j.readPast(emit))
	}
	return errors.Join(failed, j.read(emit))
}

// readPast reads the logins among the latest entries.
func (j *file) readPast(emit func(waxseal.LogLine, time.Time)) error {
	h, err := readHeader(j.open)
	if err != nil {
		j.past = true
		return j.noHeader(err)
	}
	if err := j.at.skip(j.open, h, maxPast); err != nil {
		j.broken = true
		return err
	}
	type told struct {
		waxseal.LogLine
		at time.Time
	}
	var logins []told
	err = j.read(func(l waxseal.LogLine, at time.Time) {
		if strings.Contains(l.Text, ": Accepted ") {
			logins = append(logins, told{l, at})
		}
	})
	for _, l := range logins[max(0, len(logins)-maxLogins):] {
		emit(l.LogLine, l.at)
	}
	return err
}

// noHeader waits for the header of a file that is being made; the file is opened again.
func (j *file) noHeader(err error) error {
	if j.unmade++; j.unmade < maxUnmade {
		j.close()
		return nil
	}
	j.broken = true
	return err
}

func (j *file) read(emit func(waxseal.LogLine, time.Time)) error {
	h, err := readHeader(j.open)
	if err != nil {
		return j.noHeader(err)
	}
	j.unmade = 0
	damaged, first := 0, error(nil)
	for range maxTurn {
		at, ok, err := j.at.next(j.open, h)
		if err != nil {
			j.broken = true
			return err
		}
		if !ok {
			break
		}
		e, err := j.reader.entry(h, at)
		if err != nil {
			if damaged++; damaged == 1 {
				first = err
			}
			if damaged > maxDamage {
				j.broken = true
				break
			}
		}
		if l, ok := Line(e); ok {
			l.Path = waxseal.Path(j.name)
			emit(l, e.Time)
		}
	}
	return first
}

// open opens a regular file inside the root.
func open(root, name string) (f *os.File, inode uint64, err error) {
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, 0, err
	}
	defer unix.Close(dir)
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	handle, err := unix.Openat2(dir, name, &how)
	if err != nil {
		return nil, 0, err
	}
	defer unix.Close(handle)
	var st unix.Stat_t
	if err := unix.Fstat(handle, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, 0, errors.Join(err, waxseal.ErrNotRegular)
	}
	fd, err := unix.Open("/proc/self/fd/"+strconv.Itoa(handle), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, 0, err
	}
	return os.NewFile(uintptr(fd), name), st.Ino, nil
}

// heard are the programs whose lines say something about logins, jobs or mail.
var heard = map[string]bool{
	"sshd": true, "sshd-session": true, "su": true, "sudo": true, "doas": true, "login": true, "cron": true, "CRON": true, "crond": true, "CROND": true, "anacron": true, "atd": true,
	"pkexec": true, "polkitd": true, "systemd": true, "systemd-logind": true, "runuser": true,
	"exim": true, "exim4": true, "sendmail": true, "sm-mta": true, "smtpd": true, "dovecot": true, "opendkim": true, "rspamd": true, "amavis": true,
}

// Line is an entry as a line of a log, with who wrote it by journald's own word.
func Line(e Entry) (waxseal.LogLine, bool) {
	name, text := e.Fields["SYSLOG_IDENTIFIER"], e.Fields["MESSAGE"]
	if name == "" {
		name = e.Fields["_COMM"]
	}
	const mail = "2" // syslog(3): LOG_MAIL
	if text == "" || !heard[name] && !strings.Contains(name, "postfix") && e.Fields["SYSLOG_FACILITY"] != mail {
		return waxseal.LogLine{}, false
	}
	by := &waxseal.LogSource{
		PID: int(id(e.Fields["_PID"], 0)), UID: id(e.Fields["_UID"], waxseal.Unset), Exe: e.Fields["_EXE"], Comm: e.Fields["_COMM"],
		Login: id(e.Fields["_AUDIT_LOGINUID"], waxseal.Unset), Session: id(e.Fields["_AUDIT_SESSION"], waxseal.Unset),
		Unit: e.Fields["_SYSTEMD_UNIT"],
	}
	pid := ""
	if by.PID != 0 {
		pid = "[" + strconv.Itoa(by.PID) + "]"
	}
	line := fmt.Sprintf("%s %s %s%s: %s", e.Time.Format("2006-01-02T15:04:05.000000Z07:00"), word(e.Fields["_HOSTNAME"], "localhost"), word(name, "unknown"), pid, oneLine.Replace(text))
	return waxseal.LogLine{Text: line, By: by}, true
}

var oneLine = strings.NewReplacer("\n", " ", "\r", " ")

// word is a text where a line of a log has one word.
func word(s, otherwise string) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r == '[' || r == ':' {
			return -1
		}
		return r
	}, s)
	if s == "" {
		return otherwise
	}
	return s
}

func id(s string, otherwise uint32) uint32 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return otherwise
	}
	return uint32(n)
}

// reader reads entries, and remembers fields that many entries share.
type reader struct {
	f      io.ReaderAt
	shared map[uint64][2]string
	bytes  int
	zstd   *zstd.Decoder
}

const (
	maxShared      = 4 << 10
	maxSharedBytes = 4 << 20
)

func newReader(f io.ReaderAt) *reader { return &reader{f: f, shared: map[uint64][2]string{}} }

func (r *reader) field(h header, at uint64) (name, value string, err error) {
	if had, ok := r.shared[at]; ok {
		return had[0], had[1], nil
	}
	if name, value, err = r.data(h, at); err != nil {
		return "", "", err
	}
	if !wanted[name] {
		value = ""
	}
	if len(r.shared) >= maxShared || r.bytes > maxSharedBytes {
		clear(r.shared)
		r.bytes = 0
	}
	r.shared[at], r.bytes = [2]string{name, value}, r.bytes+len(name)+len(value)
	return name, value, nil
}
