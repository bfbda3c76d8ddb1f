package kaudit

import (
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
)

type interest int

const (
	ignored interest = iota
	reported
	watched
	probed // our own, which proves that rules report
)

// filterChange is the type of events about the packet filter: the kernel reports each
// change of it while audit is on, under no rule.
const filterChange = "NETFILTER_CFG"

// sort says what an event is to us.
func (s *Sensor) sort(e *waxseal.AuditEvent) interest {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case isConfigChange(e):
		if s.own.is(e) {
			return ignored
		}
		return reported
	case e.Type == filterChange:
		return reported
	case sessionTypes[e.Type]:
		if s.options.Session {
			return reported
		}
		return ignored
	case e.PID == os.Getpid() && Denial(e) != "":
		return reported
	case e.PID == os.Getpid():
		if s.isProbe(e) {
			return probed
		}
		return ignored
	case hasKey(e.Key, s.options.Key) || hasKey(e.Key, s.options.Key+MountKey) || hasKey(e.Key, s.options.Key+FlagsKey) || s.touches(e):
		return watched
	case s.options.Exec && hasKey(e.Key, s.options.Key+ExecKey):
		return reported
	}
	return ignored
}

// hasKey looks for one key among those of an event: a rule with several -k joins
// them with byte 1 (AUDIT_KEY_SEPARATOR).
func hasKey(keys, key string) bool {
	for k := range strings.SplitSeq(keys, "\x01") {
		if k == key {
			return true
		}
	}
	return false
}

// touches reports whether an event under another product's key, or none, is about a
// watched path, or a watched file under whatever name. The lock is held.
func (s *Sensor) touches(e *waxseal.AuditEvent) bool {
	if e.Argv != nil || onlyReads(e) {
		return false
	}
	for _, p := range e.Paths {
		if p.NameType != "PARENT" && p.Inode != 0 && s.files[File{p.Device, p.Inode}] {
			return true
		}
		name := p.Name
		if name == "" || p.NameType == "PARENT" {
			continue
		}
		if !path.IsAbs(name) {
			name = path.Join(e.CWD, name)
		}
		if s.watches[Entries(path.Dir(path.Clean(name)))] != nil && (p.NameType == "CREATE" || p.NameType == "DELETE") {
			return true
		}
		for at := path.Clean(name); ; at = path.Dir(at) {
			if s.watches[at] != nil {
				return true
			}
			if at == "/" || at == "." {
				break
			}
		}
	}
	return false
}

// openFlags says in which argument of which open call the flags are, by
// architecture and number; openat2(2) passes them in memory.
var openFlags = map[string]map[int]string{
	"x86_64":  {2: " a1=", 257: " a2="},
	"aarch64": {56: " a2="},
}

// onlyReads reports whether an event is an open for reading, which a rule of
// ours never reports and one of another product may.
func onlyReads(e *waxseal.AuditEvent) bool {
	name, ok := openFlags[e.Arch][e.Syscall]
	if !ok {
		return false
	}
	for _, line := range e.Raw {
		_, rest, found := strings.Cut(line, name)
		if !found || !strings.HasPrefix(line, "type=SYSCALL ") {
			continue
		}
		text, _, _ := strings.Cut(rest, " ")
		flags, err := strconv.ParseUint(text, 16, 64)
		return err == nil && flags&(unix.O_ACCMODE|unix.O_CREAT|unix.O_TRUNC) == unix.O_RDONLY
	}
	return false
}

func isConfigChange(e *waxseal.AuditEvent) bool {
	return e.Type == "CONFIG_CHANGE" || e.Fields["op"] != "" && len(e.Raw) > 0 && hasType(e.Raw, "CONFIG_CHANGE")
}

func hasType(raw []string, typ string) bool {
	for _, line := range raw {
		if strings.HasPrefix(line, "type="+typ+" ") {
			return true
		}
	}
	return false
}

// is reports whether a CONFIG_CHANGE is one of our own. Its SYSCALL record, where
// it has one, tells by pid; without one the changes that we caused within the
// last seconds are counted off.
func (o *ownChanges) is(e *waxseal.AuditEvent) bool {
	if e.PID != 0 && e.PID != os.Getpid() {
		return false
	}
	op := e.Fields["op"]
	if _, ok := e.Fields["audit_enabled"]; ok {
		op = "audit_enabled"
	}
	if o.due[op] > 0 && time.Now().Before(o.until) {
		o.due[op]--
		return true
	}
	return e.PID == os.Getpid()
}
