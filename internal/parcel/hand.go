package parcel

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"waxseal"
)

// HandKind is what a package manager had to do with a change.
type HandKind string

// The hands.
const (
	// Nobody: no package manager is among the process and its parents.
	Nobody HandKind = ""
	// Manager: it made the change itself, as it unpacks an archive.
	Manager HandKind = "package manager"
	// Script: a program did that it started, such as a maintainer script.
	Script HandKind = "maintainer script"
	// Pretender: a process that calls itself a package manager and is not one.
	Pretender HandKind = "pretender"
)

// Hand is the package manager behind a change.
type Hand struct {
	Kind  HandKind
	Grade waxseal.Grade
	// Words say it: "proven: dpkg, child of apt-get, for the login alice".
	Words string
}

// Genuine says how sure it is that a process runs the file of this name that its package
// brought: proven by the kernel, inferred where only /proc showed a name, unknown
// where it is another file.
type Genuine func(p waxseal.Process, file waxseal.Path) waxseal.Grade

// managers are the programs that unpack packages, and fronts those that people start.
// Scripts are told by their own files, whatever runs them.
var (
	managers = []waxseal.Path{
		"/usr/bin/dpkg", "/bin/rpm", "/usr/bin/rpm", "/usr/bin/dnf", "/usr/bin/dnf-3", "/usr/bin/dnf5", "/usr/bin/microdnf", "/usr/bin/yum", "/usr/bin/zypper",
		"/usr/libexec/packagekitd", "/usr/bin/dnf-automatic",
	}
	fronts = []waxseal.Path{
		"/usr/bin/apt-get", "/usr/bin/apt", "/usr/bin/aptitude", "/usr/bin/aptitude-curses", "/usr/bin/unattended-upgrade", "/usr/bin/unattended-upgrades",
		"/usr/lib/apt/apt.systemd.daily", "/usr/sbin/synaptic", "/usr/lib/packagekit/packagekitd", "/usr/libexec/packagekitd",
	}
)

// Programs are the files that a hand is known by.
func Programs() []waxseal.Path { return slices.Concat(managers, fronts) }

// HandOf finds the package manager among a process and its parents.
func HandOf(a waxseal.Actor, genuine Genuine) Hand {
	chain := append([]waxseal.Process{a.Process}, a.Ancestors...)
	for i, p := range chain {
		file := programOf(p)
		switch {
		case slices.Contains(managers, file) && genuine(p, file) != waxseal.Unknown:
			return handed(a, chain, i, genuine(p, file), genuine)
		case i == 0 && pretends(p):
			return Hand{Kind: Pretender, Grade: p.Grade, Words: fmt.Sprintf("%s (pid %d) calls itself %s", orElse(p.Exe, "a process"), p.PID, path.Base(nameOf(p)))}
		}
	}
	return Hand{Grade: a.Process.Grade}
}

// Other reports whether somebody else than a package manager is known to be behind a
// change, and not only that nobody knows who.
func (h Hand) Other() bool {
	return (h.Kind == Nobody || h.Kind == Pretender) && h.Grade == waxseal.Proven
}

// handed describes the hand: the weakest hop from the change up to the package manager
// counts, and who started that is told.
func handed(a waxseal.Actor, chain []waxseal.Process, at int, grade waxseal.Grade, genuine Genuine) Hand {
	h := Hand{Kind: Manager, Grade: grade}
	if at > 0 {
		h.Kind = Script
	}
	for _, p := range chain[:at+1] {
		if p.Grade != waxseal.Proven {
			h.Grade = waxseal.Inferred
		}
	}
	words := path.Base(string(programOf(chain[at])))
	if at > 0 {
		words = "a program that " + words + " started (" + path.Base(programName(chain[0])) + ")"
	}
	for _, p := range chain[at+1:] {
		if file := programOf(p); slices.Contains(fronts, file) && genuine(p, file) != waxseal.Unknown {
			words += ", child of " + path.Base(string(file))
			break
		}
	}
	if a.Login.UID != waxseal.Unset && a.Login.Grade != waxseal.Unknown {
		words += ", for the login " + orElse(a.Login.Name, fmt.Sprint(a.Login.UID))
	}
	h.Words = string(h.Grade) + ": " + words
	return h
}

// programOf is the file that a process runs: a script where an interpreter runs it.
func programOf(p waxseal.Process) waxseal.Path { return waxseal.Path(path.Clean(programName(p))) }

func programName(p waxseal.Process) string {
	switch strings.TrimRight(path.Base(p.Exe), "0123456789.") {
	case "python", "perl", "sh", "dash", "bash", "ruby", "platform-python":
		for _, arg := range p.Argv[min(1, len(p.Argv)):] {
			if strings.HasPrefix(arg, "/") {
				return arg
			}
			if !strings.HasPrefix(arg, "-") || arg == "-c" || arg == "-e" {
				break
			}
		}
	}
	return p.Exe
}

// pretends reports whether a process has a package manager's name.
func pretends(p waxseal.Process) bool {
	return slices.ContainsFunc(managers, func(m waxseal.Path) bool {
		return path.Base(string(m)) == path.Base(nameOf(p)) || path.Base(string(m)) == p.Comm
	})
}

// nameOf is what a process calls itself.
func nameOf(p waxseal.Process) string {
	if len(p.Argv) > 0 && p.Argv[0] != "" {
		return p.Argv[0]
	}
	return orElse(p.Comm, p.Exe)
}
