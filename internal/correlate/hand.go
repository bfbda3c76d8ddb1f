package correlate

import (
	"fmt"
	"path"
	"strings"

	"waxseal"
)

// HandKind is whose hand changed the rules of a mailbox.
type HandKind string

// The hands.
const (
	HandOwner   HandKind = "owner"
	HandSieve   HandKind = "managesieve"
	HandPanel   HandKind = "panel"
	HandOther   HandKind = "other"
	HandUnknown HandKind = "unknown"
)

// Hand is who changed the rules of a mailbox, as far as the kernel proves it.
type Hand struct {
	Kind HandKind
	// Key is the same for what the same hand did. Users whom ManageSieve lets in each
	// have a hand of their own, for nothing on this host tells one stranger from another.
	Key string
	// Words say it: "root, for the login bob".
	Words string
}

// Trusted reports whether a hand is one that users change their own rules by.
func (h Hand) Trusted() bool {
	return h.Kind == HandOwner || h.Kind == HandSieve || h.Kind == HandPanel
}

// Owner is the account that a mailbox belongs to. Virtual mailboxes share one account,
// which no login of a user has: it is not known to be anybody's.
type Owner struct {
	UID   uint32
	Known bool
}

// Intact reports whether nobody but root, or the package that brought it, can have put
// a program where it is.
type Intact func(program waxseal.Path) bool

// HandOf says by whose hand a mailbox was changed. What is not proven is unknown: a
// name that a process gives itself makes nobody's hand.
func HandOf(a waxseal.Actor, mailbox string, owner Owner, intact Intact) Hand {
	unset := a.Login.UID == waxseal.Unset
	switch {
	case a.Process.Grade != waxseal.Proven:
		return Hand{Kind: HandUnknown, Key: "unknown", Words: "somebody whom nothing proves"}
	case owner.Known && (a.Login.UID == owner.UID || unset && a.Process.UID == owner.UID && a.Process.EUID == owner.UID) && !sieveServer(a.Process):
		return Hand{Kind: HandOwner, Key: "owner of " + mailbox, Words: "the owner of the mailbox"}
	case unset && sieveServer(a.Process) && below(a, "dovecot") && (!owner.Known || a.Process.EUID == owner.UID) && intact(waxseal.Path(a.Process.Exe)):
		return Hand{Kind: HandSieve, Key: "managesieve for " + mailbox, Words: "Dovecot's ManageSieve server, which lets in who has the mailbox's password"}
	}
	if name := panelOf(a, intact); unset && name != "" {
		return Hand{Kind: HandPanel, Key: "panel " + name, Words: "the panel " + name}
	}
	return other(a)
}

// other is the hand of an account that is not the mailbox's.
func other(a waxseal.Actor) Hand {
	name := a.Process.User
	if name == "" {
		name = fmt.Sprintf("uid %d", a.Process.EUID)
	}
	h := Hand{Kind: HandOther, Key: fmt.Sprintf("account %d", a.Process.EUID), Words: name + " (" + path.Base(a.Process.Exe) + ")"}
	if a.Login.UID != waxseal.Unset {
		h.Key = fmt.Sprintf("login %d session %d", a.Login.UID, a.Login.Session)
		h.Words += ", for the login " + a.Login.Name
	}
	return h
}

// sieveServer reports whether a process is Dovecot's ManageSieve server, by the place
// from which the kernel says that it runs.
func sieveServer(p waxseal.Process) bool {
	switch p.Exe {
	case "/usr/lib/dovecot/managesieve", "/usr/libexec/dovecot/managesieve", "/usr/local/libexec/dovecot/managesieve":
		return true
	}
	return false
}

// below reports whether the parent of a process, where it is known, is this daemon.
func below(a waxseal.Actor, daemon string) bool {
	if len(a.Ancestors) == 0 || a.Ancestors[0].Exe == "" {
		return true // the daemon started before anybody watched, and /proc was not asked in time
	}
	p := a.Ancestors[0]
	return path.Base(p.Exe) == daemon && p.UID == 0
}

// panels are where the panels of hosting servers have their programs, by the
// documentation of each.
var panels = []struct {
	name  string
	roots []string
}{
	{"cPanel", []string{"/usr/local/cpanel/"}},
	{"Plesk", []string{"/usr/local/psa/", "/opt/psa/"}},
	{"DirectAdmin", []string{"/usr/local/directadmin/"}},
	{"Webmin", []string{"/usr/share/webmin/", "/usr/libexec/webmin/", "/opt/webmin/"}},
	{"ISPConfig", []string{"/usr/local/ispconfig/"}},
	{"Hestia", []string{"/usr/local/hestia/"}},
	{"VestaCP", []string{"/usr/local/vesta/"}},
	{"CyberPanel", []string{"/usr/local/CyberCP/"}},
	{"KeyHelp", []string{"/home/keyhelp/www/"}},
}

// panelOf names the panel among whose processes an actor is. That a program lies in a
// panel's directory proves nothing by itself: the kernel must have seen it start from
// there as root's, no login may be above it, and nobody but root may be able to have
// put it there.
func panelOf(a waxseal.Actor, intact Intact) string {
	for _, p := range append([]waxseal.Process{a.Process}, a.Ancestors...) {
		if p.Grade != waxseal.Proven {
			continue
		}
		program := programOf(p)
		for _, panel := range panels {
			for _, root := range panel.roots {
				if strings.HasPrefix(program, root) && path.Clean(program) == program && intact(waxseal.Path(program)) {
					return panel.name
				}
			}
		}
	}
	return ""
}

// programOf is what a process runs: where the program is an interpreter, the script
// that it was started with.
func programOf(p waxseal.Process) string {
	base := strings.TrimRight(path.Base(p.Exe), "0123456789.")
	switch base {
	case "perl", "python", "php", "php-cli", "php-cgi", "ruby", "sh", "bash", "dash":
		for _, arg := range p.Argv[min(1, len(p.Argv)):] {
			if !strings.HasPrefix(arg, "-") {
				return arg
			}
			if arg == "-c" || arg == "-e" || arg == "-r" {
				return p.Exe // what follows is no script
			}
		}
	}
	return p.Exe
}
