package proc

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"waxseal"
)

// maxDescriptors bounds how many descriptors of one sshd are looked at.
const maxDescriptors = 256

// kinds are the programs that tell how a session came in. They are matched by
// the file that runs, not by the name a process gives itself.
var kinds = map[string]waxseal.OriginKind{
	"sshd": waxseal.OriginSSH, "sshd-session": waxseal.OriginSSH, "sshd-auth": waxseal.OriginSSH,
	"cron": waxseal.OriginCron, "crond": waxseal.OriginCron, "anacron": waxseal.OriginCron, "atd": waxseal.OriginCron,
	"login": waxseal.OriginConsole, "getty": waxseal.OriginConsole, "agetty": waxseal.OriginConsole,
	"dpkg": waxseal.OriginPackage, "apt": waxseal.OriginPackage, "apt-get": waxseal.OriginPackage,
	"aptitude": waxseal.OriginPackage, "unattended-upgrade": waxseal.OriginPackage,
	"rpm": waxseal.OriginPackage, "dnf": waxseal.OriginPackage, "dnf-3": waxseal.OriginPackage, "dnf5": waxseal.OriginPackage,
	"yum": waxseal.OriginPackage, "microdnf": waxseal.OriginPackage, "zypper": waxseal.OriginPackage,
}

// origin walks from the process towards pid 1. The first program that tells a
// way in decides, with two exceptions: an ssh client's address is worth more
// than a package manager that someone started over ssh, so a package manager
// carries that address; and sudo or su is an origin only where nothing else is.
func (r *Reader) origin(chain []task, login waxseal.Login, place waxseal.Whereabouts) waxseal.Origin {
	o := waxseal.Origin{Kind: waxseal.OriginUnknown, Grade: waxseal.Unknown}
	for _, t := range chain {
		kind, ok := kinds[program(t)]
		switch {
		case !ok, !r.vouched(t), kind == waxseal.OriginSSH && t.UID != 0:
			// a file that anybody may have put there, and an sshd that a user started
			continue
		case kind == waxseal.OriginPackage:
			if o.Kind == waxseal.OriginUnknown {
				o = waxseal.Origin{Kind: kind, Grade: waxseal.Inferred}
			}
		case kind == waxseal.OriginSSH:
			return r.ssh(o, chain)
		case o.Kind == waxseal.OriginUnknown:
			return waxseal.Origin{Kind: kind, Grade: waxseal.Inferred}
		default:
			return o
		}
	}
	if o.Kind != waxseal.OriginUnknown {
		return o
	}
	return r.otherOrigin(chain, login, place)
}

// otherOrigin is for a process that no program brought in: a service of systemd
// where nobody is logged in, whose unit stands in Method, else the sudo or su
// that is above it.
func (r *Reader) otherOrigin(chain []task, login waxseal.Login, place waxseal.Whereabouts) waxseal.Origin {
	if strings.HasSuffix(place.Unit, ".service") && login.UID == waxseal.Unset {
		return waxseal.Origin{Kind: waxseal.OriginUnit, Method: place.Unit, Grade: waxseal.Inferred, KeyGrade: waxseal.Inferred}
	}
	for _, t := range chain {
		kind := waxseal.OriginUnknown
		switch program(t) {
		case "sudo", "sudoedit":
			kind = waxseal.OriginSudo
		case "su", "runuser":
			kind = waxseal.OriginSu
		}
		if kind != waxseal.OriginUnknown && r.vouched(t) {
			return waxseal.Origin{Kind: kind, Grade: waxseal.Inferred}
		}
	}
	return waxseal.Origin{Kind: waxseal.OriginUnknown, Grade: waxseal.Unknown}
}

// program is the name of the file that a task runs. Scripts are known by their
// first argument, as apt's helpers and unattended-upgrade are.
func program(t task) string {
	name := path.Base(t.Exe)
	if kinds[name] == "" && len(t.Argv) > 1 && scripted(name) {
		if script := path.Base(t.Argv[1]); kinds[script] == waxseal.OriginPackage && (path.Dir(t.Argv[1]) == "/usr/bin" || path.Dir(t.Argv[1]) == "/usr/sbin") {
			return script
		}
	}
	return name
}

func scripted(exe string) bool {
	return len(exe) >= 6 && (exe[:6] == "python" || exe[:4] == "perl") || exe == "perl"
}

// ssh gives the peer of the connection that the nearest sshd holds. An sshd that
// serves a session is two processes since privilege separation, the monitor and
// the user's; either may hold the socket, and the listener above them none.
func (r *Reader) ssh(o waxseal.Origin, chain []task) waxseal.Origin {
	if o.Kind == waxseal.OriginUnknown {
		o = waxseal.Origin{Kind: waxseal.OriginSSH, Grade: waxseal.Inferred}
	}
	for _, t := range chain {
		if kinds[program(t)] != waxseal.OriginSSH {
			continue
		}
		p, ok := r.connection(t)
		if !ok {
			continue
		}
		o.Address, o.Port, o.Grade = p.addr.Addr().String(), int(p.addr.Port()), waxseal.Inferred
		o.Basis = fmt.Sprintf("/proc showed this connection of %s (process %d)", t.Exe, t.PID)
		if o.Kind == waxseal.OriginSSH && r.trusted(t) && r.ofNobody(t, chain) {
			o.Grade, o.Basis = waxseal.Proven, fmt.Sprintf("the kernel's socket table has this connection of %s (process %d)", t.Exe, t.PID)
		}
		return o
	}
	return o
}

// ofNobody reports whether an sshd was started outside of any login: else whoever did
// came in by another way, and may have chosen this address.
func (r *Reader) ofNobody(sshd task, chain []task) bool {
	passed := false
	for _, t := range chain {
		passed = passed || t.PID == sshd.PID
		if passed && kinds[program(t)] != waxseal.OriginSSH {
			login, ok := parseID(r.record(strconv.Itoa(t.PID)+"/loginuid", 32))
			return ok && login == waxseal.Unset
		}
	}
	return true // sshd is process 1, as in a container
}

// connection finds the client's connection among a process's descriptors: the
// established TCP socket with the lowest descriptor, since sshd gets it from
// accept(2) before it opens connections of its own for forwarding.
func (r *Reader) connection(t task) (peer, bool) {
	dir := path.Join(r.proc, strconv.Itoa(t.PID))
	table := map[uint64]peer{}
	for _, name := range [...]string{"tcp", "tcp6"} {
		for _, p := range parsePeers(r.read(path.Join(strconv.Itoa(t.PID), "net", name), 8<<20)) {
			table[p.inode] = p
		}
	}
	for _, fd := range descriptors(path.Join(dir, "fd")) {
		link, err := os.Readlink(path.Join(dir, "fd", strconv.Itoa(fd)))
		if err != nil {
			continue
		}
		if inode, ok := parseSocket(link); ok {
			if p, ok := table[inode]; ok {
				return p, true
			}
		}
	}
	return peer{}, false
}

func descriptors(dir string) []int {
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(maxDescriptors)
	var fds []int
	for _, n := range names {
		if fd, err := strconv.Atoi(n); err == nil {
			fds = append(fds, fd)
		}
	}
	slices.Sort(fds)
	return fds
}

// trusted reports whether a process runs a program file that belongs to root and
// that nobody else may write, looked at through /proc/PID/exe and so the very
// file that runs, whatever is at its path now.
func (r *Reader) trusted(t task) bool {
	var st unix.Stat_t
	err := unix.Stat(path.Join(r.proc, strconv.Itoa(t.PID), "exe"), &st)
	return err == nil && st.Uid == 0 && st.Mode&0o022 == 0 && !t.deleted
}

// vouched is trusted for a program whose file may have been replaced by an upgrade
// meanwhile, as that of a package manager is by itself.
func (r *Reader) vouched(t task) bool {
	var st unix.Stat_t
	err := unix.Stat(path.Join(r.proc, strconv.Itoa(t.PID), "exe"), &st)
	return err == nil && st.Uid == 0 && st.Mode&0o022 == 0
}

// sudo is the nearest sudo or su among the ancestors. Who called it is the real
// uid of its parent: sudo itself is root by then.
func (r *Reader) sudo(chain []task) *waxseal.Sudo {
	for i, t := range chain {
		if name := program(t); name != "sudo" && name != "su" && name != "sudoedit" && name != "runuser" && name != "doas" || !r.vouched(t) {
			continue
		}
		s := &waxseal.Sudo{Argv: t.Argv, UID: t.UID, Grade: waxseal.Inferred}
		// With use_pty sudo is two processes (sudoers(5)): the caller is above both.
		for _, above := range chain[i+1:] {
			if program(above) == program(t) {
				s.Argv = above.Argv
				continue
			}
			s.UID = above.UID
			break
		}
		return s
	}
	return nil
}
