package surroundings

import (
	"net/netip"
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/loader"
)

// chroot is where Postfix's daemons look files up on Debian.
const chroot = "/var/spool/postfix"

// nameService reads which libraries answer for names (nsswitch.conf(5)): each is
// loaded into every process that asks for a user or a host, daemons too.
func (r *reader) nameService() {
	for _, p := range []waxseal.Path{"/etc/nsswitch.conf", chroot + "/etc/nsswitch.conf"} {
		text, ok := r.read(p)
		if !ok {
			continue
		}
		r.part(p, waxseal.RoleConfig)
		for _, n := range parseNameServices(text) {
			if nameDatabases[n.database] {
				r.note(string(p), n.database, strings.Join(n.services, " "), waxseal.Source{Path: p, Line: n.line})
			}
			for _, service := range n.services {
				r.nameModule(p, n, service)
			}
		}
	}
	r.chrootCopies()
	r.chrootLibraries()
}

type nameServices struct {
	database string
	services []string
	line     int
}

// parseNameServices parses nsswitch.conf(5): "database: service [status=action]…".
func parseNameServices(content string) []nameServices {
	var list []nameServices
	n := 0
	for line := range strings.SplitSeq(content, "\n") {
		n++
		line, _, _ = strings.Cut(line, "#")
		database, rest, ok := strings.Cut(line, ":")
		if !ok || len(list) >= 256 {
			continue
		}
		x := nameServices{database: strings.TrimSpace(database), line: n}
		inAction := false
		for w := range strings.FieldsSeq(rest) {
			inAction = inAction || strings.HasPrefix(w, "[")
			if !inAction && len(x.services) < 64 {
				x.services = append(x.services, w)
			}
			inAction = inAction && !strings.HasSuffix(w, "]")
		}
		list = append(list, x)
	}
	return list
}

// nameDatabases are those that mail systems ask.
var nameDatabases = set("hosts aliases passwd group shadow netgroup initgroups services")

// builtIn are the services inside libc itself, or beside it in its package.
var builtIn = set("files dns compat db nis nisplus hesiod")

// nameModules are services whose libraries packages of Debian and Fedora bring:
// where no package database tells, one of these names is taken for what it says.
var nameModules = set("systemd resolve myhostname mymachines mdns mdns4 mdns6 mdns_minimal mdns4_minimal mdns6_minimal ldap ldapd sss winbind wins extrausers cache cache_oslogin oslogin libvirt libvirt_guest mysql pgsql sqlite altfiles " +
	"gw_name ato docker tls lwres lxc unscd updatedb nonlocal homehost role centrifydc lsass aad sudo ignore_user passwd securepass rfc2307 vas4 wb ubdns uidpool nonexistent")

// nameModule makes a hook of the library of a service for which no package vouches.
// libc looks for it where the loader looks for every library.
func (r *reader) nameModule(p waxseal.Path, n nameServices, service string) {
	if builtIn[service] || strings.Contains(service, "/") {
		return
	}
	library, there := r.nameLibrary("libnss_" + service + ".so.2")
	switch state := r.about(library, waxseal.RoleLibrary).PackageState; {
	case there && state == waxseal.PackageUnmodified:
		return
	case there && state != waxseal.PackageUnknown:
	case nameModules[service], !there && !r.partial():
		return // of a well-known name, or not there: libc goes on to the next service
	}
	h := r.hook(waxseal.KindModule, waxseal.Source{Path: p, Line: n.line}, clip(n.database), clip(service))
	h.Directive, h.Effects = "nsswitch.conf", runs
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: string(library)}
	h.Closure = []waxseal.Part{{Path: library, Role: waxseal.RoleLibrary}, {Path: p, Role: waxseal.RoleConfig}}
	h.Explain = "Every program that asks for " + clip(n.database) + ", mail daemons too, loads " + string(library) + ", which no package vouches for (nsswitch.conf)."
	r.emit(h)
}

// nameLibrary finds a library in the directories of ld.so.conf and those of the
// system; where there is none it names the usual place.
func (r *reader) nameLibrary(name string) (waxseal.Path, bool) {
	if r.libraryDirs == nil {
		for _, d := range loader.Directories(r.tree) {
			r.libraryDirs = append(r.libraryDirs, d.Path)
		}
		r.libraryDirs = append(r.libraryDirs, "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/lib64", "/usr/local/lib", "/usr/lib", "/lib")
	}
	for _, dir := range r.libraryDirs {
		if p := waxseal.Path(path.Join(string(dir), name)); r.regular(p) {
			return p, true
		}
	}
	return waxseal.Path("/usr/lib/x86_64-linux-gnu/" + name), false
}

// chrootCopies compares what daemons in the chroot see with what the host has.
// Debian copies the files when Postfix starts: one that has other name servers
// or a host that the original lacks was changed there.
func (r *reader) chrootCopies() {
	for _, name := range []waxseal.Path{"/etc/hosts", "/etc/resolv.conf", "/etc/services", "/etc/nsswitch.conf", "/etc/host.conf"} {
		inside, ok := r.read(chroot + name)
		if !ok {
			continue
		}
		r.part(chroot+name, waxseal.RoleConfig)
		r.part(name, waxseal.RoleConfig)
		outside, _ := r.read(name)
		own := map[string]bool{}
		for _, l := range meaningful(outside) {
			own[l.name] = true
		}
		for _, l := range meaningful(inside) {
			if own[l.name] || name != "/etc/hosts" && !strings.HasPrefix(l.name, "nameserver ") && !strings.HasPrefix(l.name, "hosts:") {
				continue
			}
			h := r.hook(waxseal.KindHosts, waxseal.Source{Path: chroot + name, Line: l.line}, clip(l.name))
			h.Directive, h.Effects = path.Base(string(name)), diverts
			h.Target = waxseal.Target{Type: waxseal.TargetText, Value: l.name}
			h.Closure = []waxseal.Part{{Path: chroot + name, Role: waxseal.RoleConfig}, {Path: name, Role: waxseal.RoleConfig}}
			h.Explain = "Postfix's daemons in their chroot see another " + string(name) + " than the host: " + clip(l.name) + "."
			h.Active = name != "/etc/hosts" // names in hosts that matter are hooks of their own
			r.emit(h)
		}
	}
}

const maxCopies = 256

// chrootLibraries compares the libraries of the chroot with the host's. Debian
// copies those of the name service when Postfix starts, and daemons load them
// there: one that the host has nowhere, or has otherwise, was put there.
func (r *reader) chrootLibraries() {
	left := maxCopies
	for _, dir := range []waxseal.Path{"/lib", "/lib64", "/usr/lib", "/usr/lib64"} {
		r.chrootLibrariesIn(dir, 3, &left)
	}
}

func (r *reader) chrootLibrariesIn(dir waxseal.Path, depth int, left *int) {
	for _, n := range r.list(chroot + dir) {
		p := dir + "/" + waxseal.Path(n)
		f, err := r.tree.Lstat(chroot + p)
		switch {
		case err != nil || *left <= 0:
			continue
		case f.Type == waxseal.Directory && depth > 0:
			r.chrootLibrariesIn(p, depth-1, left)
		case f.Type == waxseal.Regular:
			*left--
			r.chrootLibrary(p)
		}
	}
}

func (r *reader) chrootLibrary(p waxseal.Path) {
	r.part(chroot+p, waxseal.RoleLibrary)
	inside := r.about(chroot+p, waxseal.RoleLibrary)
	if r.exists(p) {
		if outside := r.about(p, waxseal.RoleLibrary); outside.Digest == inside.Digest {
			return
		}
	} else if r.partial() {
		return // its original may lie outside a tree that is only a part of a host
	}
	h := r.hook(waxseal.KindModule, waxseal.Source{Path: chroot + p}, "library")
	h.Directive, h.Effects = "chroot", runs
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: string(chroot + p)}
	h.Closure = []waxseal.Part{{Path: chroot + p, Role: waxseal.RoleLibrary}}
	h.Explain = "Postfix's daemons in their chroot may load " + string(chroot+p) + ", which is not the library that the host has."
	r.emit(h)
}

// meaningful lists the lines that are no comment, with single blanks.
func meaningful(content string) []named {
	var list []named
	n := 0
	for line := range strings.SplitSeq(content, "\n") {
		n++
		line, _, _ = strings.Cut(line, "#")
		if f := strings.Fields(line); len(f) > 0 && f[0][0] != ';' && len(list) < maxHostLines {
			list = append(list, named{strings.Join(f, " "), n})
		}
	}
	return list
}

const maxHostLines = 200_000

// Name is a host name on which the mail path rests.
type Name struct {
	Host string // "smtp.example.net", without brackets and port
	// Consulted is false where the name is looked up in the DNS only, as smtp(8) does
	// unless smtp_host_lookup has "native".
	Consulted bool
	Hook      waxseal.HookID // who uses it
}

// Hosts makes a hook of each entry of hosts(5), the host's and that of Postfix's
// chroot, which gives an address to a name that the mail path uses.
func Hosts(tree waxseal.Tree, names []Name) []waxseal.Hook {
	used := map[string]Name{}
	for _, n := range names {
		host := strings.ToLower(strings.TrimSuffix(n.Host, "."))
		if _, err := netip.ParseAddr(host); err == nil || host == "" {
			continue
		}
		if old, ok := used[host]; !ok || !old.Consulted {
			used[host] = n
		}
	}
	var hooks []waxseal.Hook
	for _, p := range []waxseal.Path{"/etc/hosts", chroot + "/etc/hosts"} {
		content, err := tree.ReadFile(p, maxFile)
		if err != nil {
			continue
		}
		seen := map[string]bool{}
		for _, e := range parseHosts(string(content)) {
			for _, name := range e.names {
				n, ok := used[name]
				if !ok || seen[name] || len(hooks) >= maxHooks || expected(name, e.address) {
					continue
				}
				seen[name] = true // the first entry of a name wins
				hooks = append(hooks, hostHook(p, e, name, n))
			}
		}
	}
	return hooks
}

func hostHook(p waxseal.Path, e hostEntry, name string, n Name) waxseal.Hook {
	h := waxseal.Hook{
		ID:  waxseal.HookID(string(waxseal.HostStack) + ":" + string(p) + ":" + clip(name)),
		MTA: waxseal.HostStack, Kind: waxseal.KindHosts, Stage: waxseal.StageRoute, Effects: slices.Clone(diverts), Scope: "host " + clip(name), RunsAs: "",
		Active: n.Consulted, Source: waxseal.Source{Path: p, Line: e.line}, Directive: "hosts",
		Target:    waxseal.Target{Type: waxseal.TargetHost, Value: "[" + e.address.String() + "]", Remote: !e.address.IsLoopback()},
		Modifiers: map[string]string{"name": clip(name), "used_by": string(n.Hook)},
		Closure:   []waxseal.Part{{Path: p, Role: waxseal.RoleConfig}},
		Explain:   "The name " + clip(name) + ", to which mail is handed, is " + e.address.String() + " on this host, whatever the DNS says (hosts).",
	}
	if !n.Consulted {
		h.Explain += " It is looked up in the DNS only (smtp_host_lookup), so the entry has no effect on it."
	}
	return h
}

// expected reports whether a name has the address that it has everywhere.
func expected(name string, a netip.Addr) bool {
	local := name == "localhost" || strings.HasSuffix(name, ".localhost") || strings.HasPrefix(name, "localhost.localdomain") || strings.HasPrefix(name, "localhost4") ||
		strings.HasPrefix(name, "localhost6") || name == "ip6-localhost" || name == "ip6-loopback"
	return local && a.IsLoopback()
}

type hostEntry struct {
	address netip.Addr
	names   []string
	line    int
}

// parseHosts parses hosts(5); names are lower case. Lines with no address are
// ignored, as the resolver does.
func parseHosts(content string) []hostEntry {
	var list []hostEntry
	for _, l := range meaningful(content) {
		f := strings.Fields(l.name)
		a, err := netip.ParseAddr(f[0])
		if err != nil || len(f) < 2 {
			continue
		}
		e := hostEntry{address: a.Unmap(), line: l.line}
		for _, n := range f[1:] {
			e.names = append(e.names, strings.ToLower(strings.TrimSuffix(n, ".")))
		}
		list = append(list, e)
	}
	return list
}
