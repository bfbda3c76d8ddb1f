package auditrec

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"waxseal"
)

// arches are the names of the AUDIT_ARCH values (linux/audit.h) as auditd's
// enriched records spell them.
var arches = map[string]string{
	"c000003e": "x86_64", "40000003": "i386", "c00000b7": "aarch64", "40000028": "arm",
	"c00000f3": "riscv64", "c0000015": "ppc64le", "80000015": "ppc64", "80000016": "s390x",
	"16": "s390", "c0000102": "loongarch64",
}

// event builds one event from its records, in their order of arrival. Identities
// that no record gives are waxseal.Unset, never 0, which would be root.
func event(records []Record) waxseal.AuditEvent {
	e := waxseal.AuditEvent{
		Serial: records[0].Serial, Time: records[0].Time, Type: records[0].Type, Syscall: -1,
		AUID: waxseal.Unset, Session: waxseal.Unset, UID: waxseal.Unset, EUID: waxseal.Unset, GID: waxseal.Unset,
	}
	var args []Record
	for _, r := range records {
		e.Raw = append(e.Raw, r.Raw)
		switch {
		case r.Type == "SYSCALL":
			fromSyscall(&e, r.Fields)
		case r.Type == "URINGOP":
			fromRing(&e, r.Fields)
		case r.Type == "CWD":
			e.CWD = r.Fields["cwd"]
		case r.Type == "PATH":
			e.Paths = append(e.Paths, path(r.Fields))
		case r.Type == "EXECVE":
			args = append(args, r)
		case r.Type == "NETFILTER_CFG" && e.Fields == nil: // one for each table; its pid may be a library's thread
			e.Fields = maps.Clone(r.Fields)
			fromTask(&e, r.Fields)
		case r.Type == "LOGIN" || r.Type == "CONFIG_CHANGE" || alone(r.Type):
			fromMessage(&e, r)
		}
	}
	e.Argv = argv(args)
	slices.SortStableFunc(e.Paths, func(a, b waxseal.AuditPath) int { return a.Item - b.Item })
	return e
}

func fromSyscall(e *waxseal.AuditEvent, f map[string]string) {
	e.Arch = f["arch"]
	if name, ok := arches[strings.ToLower(e.Arch)]; ok {
		e.Arch = name
	}
	if n, err := strconv.Atoi(f["syscall"]); err == nil {
		e.Syscall = n
	}
	e.Success = f["success"] == "yes"
	e.Exit, _ = strconv.ParseInt(f["exit"], 10, 64)
	fromTask(e, f)
	e.EUID, e.GID = id(f["euid"]), id(f["gid"])
	e.Comm, e.Exe, e.Key = f["comm"], f["exe"], f["key"]
	e.TTY = tty(f["tty"])
}

// fromRing takes an operation of io_uring(7). It has no login uid, and a system call,
// where it was made within one, says more.
func fromRing(e *waxseal.AuditEvent, f map[string]string) {
	if e.Syscall >= 0 {
		return
	}
	e.Success = f["success"] == "yes"
	e.Exit, _ = strconv.ParseInt(f["exit"], 10, 64)
	fromTask(e, f)
	e.EUID, e.GID, e.Key = id(f["euid"]), id(f["gid"]), f["key"]
}

// fromTask takes what the kernel stamps on records of every kind.
func fromTask(e *waxseal.AuditEvent, f map[string]string) {
	if pid, ok := small(f["pid"]); ok {
		e.PID = pid
	}
	if ppid, ok := small(f["ppid"]); ok {
		e.PPID = ppid
	}
	for key, to := range map[string]*uint32{"auid": &e.AUID, "ses": &e.Session, "uid": &e.UID} {
		if v, ok := f[key]; ok {
			*to = id(v)
		}
	}
}

// fromMessage takes a user-space message, a LOGIN or a CONFIG_CHANGE record.
// The kernel's stamps go to the typed fields, the rest to Fields. A SYSCALL
// record in the same event has the last word only on what it alone knows.
func fromMessage(e *waxseal.AuditEvent, r Record) {
	fromTask(e, r.Fields)
	if e.Fields == nil {
		e.Fields = map[string]string{}
	}
	if r.Claims != nil {
		maps.Copy(e.Fields, r.Claims)
	} else {
		maps.Copy(e.Fields, r.Fields)
	}
	switch e.Fields["res"] {
	case "1", "success", "yes":
		e.Success = true
	}
	if e.TTY == "" {
		e.TTY = tty(r.Fields["tty"])
	}
}

// id reads a uid, gid or session; -1, unset and anything unreadable are Unset.
func id(s string) uint32 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return waxseal.Unset
	}
	return uint32(n)
}

// tty turns the kernel's name of a terminal into the one below /dev, as in
// Login.TTY: "pts0" is "pts/0". "(none)" is the empty string.
func tty(s string) string {
	if s == "(none)" || s == "?" {
		return ""
	}
	if n, ok := strings.CutPrefix(s, "pts"); ok && !strings.HasPrefix(n, "/") {
		return "pts/" + n
	}
	return s
}

func path(f map[string]string) waxseal.AuditPath {
	p := waxseal.AuditPath{Name: f["name"], UID: id(f["ouid"]), GID: id(f["ogid"]), NameType: f["nametype"]}
	p.Item, _ = small(f["item"])
	p.Inode, _ = strconv.ParseUint(f["inode"], 10, 64)
	mode, _ := strconv.ParseUint(f["mode"], 8, 32)
	p.Mode, p.Device = uint32(mode), device(f["dev"])
	return p
}

// device turns "fe:00", major and minor in hexadecimal, into the number that
// stat(2) gives: makedev(3) of glibc.
func device(s string) uint64 {
	maj, minor, ok := strings.Cut(s, ":")
	major, err1 := strconv.ParseUint(maj, 16, 32)
	low, err2 := strconv.ParseUint(minor, 16, 32)
	if !ok || err1 != nil || err2 != nil {
		return 0
	}
	return major&0xfff<<8 | major&^0xfff<<32 | low&0xff | low&^0xff<<12
}

// argv joins the arguments of the EXECVE records in order. A long argument comes
// in parts, a1[0]= a1[1]= behind a1_len=; an argument that no record gives is
// left out, whatever argc says.
func argv(records []Record) []string {
	type place struct{ index, part int }
	text := map[place]string{}
	for _, r := range records {
		for key, value := range r.Fields {
			if index, part, ok := argument(key); ok {
				text[place{index, part}] = value
			}
		}
	}
	places := slices.SortedFunc(maps.Keys(text), func(a, b place) int {
		if a.index != b.index {
			return a.index - b.index
		}
		return a.part - b.part
	})
	var args []string
	last := -1
	for _, p := range places {
		if p.index == last {
			args[len(args)-1] += text[p]
			continue
		}
		args, last = append(args, text[p]), p.index
	}
	return args
}
