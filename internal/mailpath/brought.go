package mailpath

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"waxseal"
)

// What packages of the mail path brought. A filter loads much of its code by name
// (SpamAssassin's Perl modules and rules, rspamd's Lua, Dovecot's plug-ins), which
// no closure finds; the package database has a list of it. So every file that a mail
// package brought is a part of the state: its code as modules, by digest only, and
// its configuration as text. Documentation is left out.

// brought is what packages of the mail path have in their lists.
type brought struct {
	code     []waxseal.Path // each once
	config   []waxseal.Path
	packages map[string]bool
}

// maxBrought bounds the files taken from package lists. Perl with all that
// SpamAssassin asks for has 3,000.
const maxBrought = 30_000

// owners names the packages that brought files, each once.
func (c *closer) owners(files []waxseal.Path) []string {
	var names []string
	for _, p := range files {
		if name := c.reader.packages.Owner(p); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// scriptLibrary matches packages of modules for a scripting language, and of the
// language itself: whoever writes in one of them writes in the filter.
var scriptLibrary = regexp.MustCompile(`^(perl([-_5].*)?|libperl5.*|lib.+-perl|python3[-.0-9a-z+]*|libpython3.*|python3?-.+|ruby.*|lua-.+)$`)

// compiledSystem matches the packages of mail systems that are compiled programs, with
// scripts beside them for statistics. What such a system loads of a scripting language
// (Exim's perl_startup) a hook names, and its closure follows.
var compiledSystem = regexp.MustCompile(`^(postfix|exim|exim4|exim4-(base|config|daemon-.+)|sendmail|sendmail-(base|bin|cf)|opensmtpd)$`)

// mailPackages adds to mail packages those that their scripts take modules from.
func (c *closer) mailPackages(names []string) []string {
	m := c.reader.memos
	if m == nil {
		return c.listNeeded(names)
	}
	key := strings.Join(names, "\n")
	all, ok := m.needed[key]
	if !ok {
		all = c.listNeeded(names)
		m.needed[key] = all
	}
	return slices.Clone(all) // who has them takes some out
}

func (c *closer) listNeeded(names []string) (all []string) {
	all = slices.Clone(names)
	seen := map[string]bool{}
	for _, n := range all {
		seen[n] = true
	}
	for i := 0; i < len(all); i++ {
		if compiledSystem.MatchString(all[i]) {
			continue
		}
		for _, n := range c.reader.packages.Needs(all[i]) {
			if !seen[n] && scriptLibrary.MatchString(n) {
				seen[n] = true
				all = append(all, n)
			}
		}
	}
	return all
}

// broughtBy sorts what packages brought. Only mail packages bring configuration that
// counts: that of Perl or of a web server's module is not mail's.
func (c *closer) broughtBy(names []string) brought {
	linked := c.mergedUsr()
	m := c.reader.memos
	if m == nil {
		return c.listBrought(names, linked)
	}
	key := strings.Join(linked, " ") + "\n" + strings.Join(names, "\n")
	b, ok := m.brought[key]
	if !ok {
		complaints := len(c.problems)
		if b = c.listBrought(names, linked); len(c.problems) == complaints {
			m.brought[key] = b
		}
	}
	b.code, b.config, b.packages = slices.Clip(b.code), slices.Clip(b.config), maps.Clone(b.packages) // who has it adds to it
	return b
}

// listBrought makes the lists of what packages brought.
func (c *closer) listBrought(names, linked []string) brought {
	b := brought{packages: map[string]bool{}}
	for _, name := range names {
		b.packages[name] = true
		config := !scriptLibrary.MatchString(name)
		for _, p := range c.reader.packages.Brought(name) {
			p = mergedUsr(p, linked)
			switch {
			case len(b.code) == maxBrought:
				c.problems = append(c.problems, waxseal.Problem{Path: p, Message: "more files of mail packages than are read; the rest is not watched"})
				return b
			case isModulePlace(p):
				b.code = append(b.code, p)
			case config && isConfigPlace(p):
				b.config = append(b.config, p)
			}
		}
	}
	return b
}

// mailFiles are what the packages of programs brought, and those of the well-known
// directories. Where no package database knows any of them, the directories
// themselves stand in.
func (c *closer) mailFiles(programs []waxseal.Path) brought {
	known := slices.Clone(programs)
	for _, dir := range wellKnown {
		known = append(known, c.named(dir, "")...)
	}
	b := c.broughtBy(c.mailPackages(c.owners(known)))
	if len(b.packages) == 0 {
		for _, dir := range wellKnown {
			b.code = c.walk(dir, 0, b.code)
		}
	}
	return b
}

// mergedUsr lists which of /lib, /bin and /sbin are links into /usr, with a slash behind.
func (c *closer) mergedUsr() (linked []string) {
	for _, d := range []string{"/bin", "/sbin", "/lib", "/lib64"} {
		if f, err := c.tree.Lstat(waxseal.Path(d)); err == nil && strings.TrimPrefix(f.Link, "/") == "usr"+d {
			linked = append(linked, d+"/")
		}
	}
	return linked
}

// mergedUsr gives a path of a package list its place in a tree with these links into /usr.
func mergedUsr(p waxseal.Path, linked []string) waxseal.Path {
	if len(p) > 1 && (p[1] == 'b' || p[1] == 's' || p[1] == 'l') {
		for _, d := range linked {
			if strings.HasPrefix(string(p), d) {
				return "/usr" + p
			}
		}
	}
	return p
}

var (
	modulePlaces = []string{"/usr/lib", "/usr/share/", "/usr/bin/", "/usr/sbin/", "/lib", "/bin/", "/sbin/", "/opt/", "/usr/games/", "/etc/perl/"}
	// noModules have documentation and what desktops show.
	noModules = []string{
		"/usr/share/doc/", "/usr/share/doc-base/", "/usr/share/man/", "/usr/share/info/", "/usr/share/locale/", "/usr/share/lintian/", "/usr/share/bug/", "/usr/share/icons/",
		"/usr/share/applications/", "/usr/share/pixmaps/", "/usr/share/menu/", "/usr/share/bash-completion/", "/usr/share/zsh/", "/usr/share/fonts/", "/usr/share/metainfo/", "/usr/share/help/",
		"/usr/share/polkit-1/", "/usr/share/debconf/", "/usr/share/common-licenses/", "/usr/share/reportbug/", "/usr/share/gitweb/", "/usr/share/examples/",
	}
)

func isModulePlace(p waxseal.Path) bool {
	under := func(dir string) bool { return strings.HasPrefix(string(p), dir) }
	return slices.ContainsFunc(modulePlaces, under) && (!strings.HasPrefix(string(p), "/usr/share/") || !slices.ContainsFunc(noModules, under))
}

// sharedConfig are directories of /etc that many packages write to; what counts in
// them is read by meaning (see package surroundings).
var sharedConfig = []string{
	"init.d", "default", "sysconfig", "cron.d", "cron.daily", "cron.hourly", "cron.weekly", "cron.monthly", "logrotate.d", "rsyslog.d", "systemd", "init", "apparmor.d", "ufw", "insserv.conf.d",
	"network", "ppp", "resolvconf", "pam.d", "NetworkManager", "dhcp", "alternatives", "bash_completion.d", "sudoers.d", "apache2", "nginx", "lighttpd", "php", "ssl", "pki", "xinetd.d", "apt", "python3", "perl", "logcheck", "sv", "runit", "needrestart", "dbus-1", "tmpfiles.d", "sasl2",
}

func isConfigPlace(p waxseal.Path) bool {
	rest, ok := strings.CutPrefix(string(p), "/etc/")
	top, _, below := strings.Cut(rest, "/")
	return ok && !(below && (slices.Contains(sharedConfig, top) || strings.HasPrefix(top, "rc")))
}

// wellKnown are directories from which filters and delivery programs load their code.
var wellKnown = []waxseal.Path{
	"/usr/share/rspamd", "/usr/lib/rspamd", "/usr/lib64/rspamd", "/usr/share/spamassassin", "/usr/share/perl5/Mail/SpamAssassin", "/usr/share/perl5/vendor_perl/Mail/SpamAssassin",
	"/usr/lib/dovecot/modules", "/usr/lib64/dovecot", "/usr/share/amavis", "/usr/share/perl5/Amavis", "/usr/share/perl5/vendor_perl/Amavis", "/usr/lib/postfix", "/usr/lib64/postfix",
	"/usr/lib/python3/dist-packages/spf_engine", "/usr/share/dcc", "/usr/lib/mailman", "/usr/lib/mailman3", "/usr/lib/exim4", "/usr/share/opendmarc", "/usr/share/opendkim",
}

// walk lists the files below a directory; links are not followed.
func (c *closer) walk(dir waxseal.Path, depth int, files []waxseal.Path) []waxseal.Path {
	names, err := c.tree.ReadDir(dir)
	if err != nil || depth > 8 {
		return files
	}
	for _, n := range names {
		p := dir + "/" + waxseal.Path(n)
		f, err := c.tree.Lstat(p)
		switch {
		case err != nil || len(files) >= maxBrought:
		case f.Type == waxseal.Directory && n != "__pycache__":
			files = c.walk(p, depth+1, files)
		case f.Type == waxseal.Regular:
			files = append(files, p)
		}
	}
	return files
}

// dirOf is the directory of a path.
func dirOf(p waxseal.Path) waxseal.Path { return waxseal.Path(path.Dir(string(p))) }
