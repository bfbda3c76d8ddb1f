package surroundings

import (
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/host/errand"
)

// unitPath is where the system manager looks for units, what wins first
// (systemd.unit(5) "Unit File Load Path"; "/lib" is where /usr is not merged).
var unitPath = []waxseal.Path{
	"/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient", "/run/systemd/generator.early",
	"/etc/systemd/system", "/etc/systemd/system.attached", "/run/systemd/system", "/run/systemd/system.attached", "/run/systemd/generator",
	"/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system", "/run/systemd/generator.late",
}

// generatorPath is where the system manager looks for generators
// (systemd.generator(7)); each runs as root at boot and at each daemon-reload.
var generatorPath = []waxseal.Path{
	"/run/systemd/system-generators", "/etc/systemd/system-generators", "/usr/local/lib/systemd/system-generators",
	"/usr/lib/systemd/system-generators", "/lib/systemd/system-generators",
	"/run/systemd/system-environment-generators", "/etc/systemd/system-environment-generators",
	"/usr/local/lib/systemd/system-environment-generators", "/usr/lib/systemd/system-environment-generators",
}

// mailUnits are the units of mail systems and of the filters that they ask, by
// their names without suffix and instance.
var mailUnits = set("postfix postfix-resolvconf postfix-policyd-spf-python exim exim4 exim4-base exim-gencert exim-queue sendmail sm-client opensmtpd smtpd courier courier-mta courier-msa " +
	"courier-authdaemon courier-filter courierfilter qmail mailman mailman3 mailman3-web dovecot dovecot-init cyrus-imapd cyrus-imap rspamd rspamd-proxy opendkim opendmarc openarc clamav-milter " +
	"clamav-daemon clamd clamsmtp spamassassin spamd spamass-milter spamassassin-maintenance sa-update amavis amavisd amavisd-new amavis-mc amavisd-milter saslauthd postgrey " +
	"policyd-spf pyspf-milter dkimpy-milter milter-greylist mimedefang mimedefang-multiplexor milter-regex sqlgrey postsrsd pfixtools postlicyd pfix-srsd policyd-weight bogofilter dspam nullmailer dma " +
	"msmtpd fetchmail getmail sympa schleuder p3scan proxsmtp avmilter greylistd spf-milter dk-filter zeyple gromox haraka stalwart-mail maddy postfwd mtpolicyd policyd-rate-limit cbpolicyd postfix-cluebringer")

func set(list string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(list) {
		m[w] = true
	}
	return m
}

// unitDir is one directory of the unit path with its names.
type unitDir struct {
	path  waxseal.Path
	names []string
	has   map[string]bool
}

// manager is what systemd would know.
type manager struct {
	*reader
	dirs    []unitDir
	files   map[waxseal.Path]unitFile
	wanted  map[string]bool     // units that a .wants or .requires directory names
	beside  map[string]bool     // units that one of a mail system starts with itself
	pulls   map[string][]string // unit -> units that it starts
	aliases map[string][]string // unit -> its other names
	said    map[waxseal.Path]bool
}

// unit is one unit with everything that counts for it.
type unit struct {
	name      string // "postfix@-.service"
	fragment  waxseal.Path
	masked    bool
	dropIns   []waxseal.Path
	effective []assignment
	vendor    map[string]bool // section, key and value of what counts without foreign files
	active    bool
	triggers  []string
}

func (r *reader) units() {
	m := &manager{reader: r, files: map[waxseal.Path]unitFile{}, wanted: map[string]bool{}, beside: map[string]bool{}, pulls: map[string][]string{}, aliases: map[string][]string{}, said: map[waxseal.Path]bool{}}
	m.index()
	all := m.names()
	m.graph(all)
	m.companions(all)
	reached := m.reached()
	for _, name := range all {
		u := m.load(name)
		if !m.concernsMail(u) {
			continue
		}
		u.active = !u.masked && (reached[name] || isMailUnit(name) || m.beside[name])
		u.triggers = m.triggersOf(name, all)
		m.partsOf(u)
		m.hooksOf(u)
	}
	m.forEveryService(all)
	m.managerConfig()
	m.generators()
}

// forEveryService reads the drop-ins for all services (systemd.unit(5) "service.d/")
// where the tree, which may be a part of a host, has no service of mail that they would
// be found with.
func (m *manager) forEveryService(all []string) {
	if slices.ContainsFunc(all, func(n string) bool { return isMailUnit(n) && unitType(n) == ".service" }) {
		return
	}
	u := unit{name: "each service", dropIns: m.dropIns([]string{".service"}), vendor: map[string]bool{}, active: true}
	var list []assignment
	for _, p := range u.dropIns {
		f, _ := m.file(p)
		list = append(list, f.assignments...)
	}
	if u.effective = merge(list); len(u.effective) > 0 && m.partial() {
		m.partsOf(u)
		m.hooksOf(u)
	}
}

// index lists the unit path, each directory once: /lib may be a link to /usr/lib.
func (m *manager) index() {
	seen := map[waxseal.Path]bool{}
	for _, dir := range unitPath {
		f, err := m.tree.Stat(dir)
		if err != nil || f.Type != waxseal.Directory {
			continue
		}
		at := dir
		if f.Resolved != "" {
			at = f.Resolved
		}
		if seen[at] {
			continue
		}
		seen[at] = true
		d := unitDir{path: dir, names: m.list(dir), has: map[string]bool{}}
		for _, n := range d.names {
			d.has[n] = true
		}
		m.dirs = append(m.dirs, d)
	}
}

// names lists every unit there is: by file, by a drop-in directory for an
// instance, by a link that wants an instance. The primary instance of Debian's
// Postfix is wanted by what a generator makes at boot only.
func (m *manager) names() []string {
	found := map[string]bool{}
	add := func(name string) {
		if unitType(name) != "" && !isTemplate(name) && len(found) < maxNames {
			found[name] = true
		}
	}
	for _, d := range m.dirs {
		for _, n := range d.names {
			add(n)
			// A drop-in makes no unit, but that of a mail system may lie outside a tree
			// that is only a part of a host.
			if base, ok := strings.CutSuffix(n, ".d"); ok && (template(base) != "" || isMailUnit(base) && m.partial()) {
				add(base)
			}
			if strings.HasSuffix(n, ".wants") || strings.HasSuffix(n, ".requires") || strings.HasSuffix(n, ".upholds") {
				for _, w := range m.list(d.path + "/" + waxseal.Path(n)) {
					add(w)
					m.wanted[w] = true
					if isMailUnit(strings.TrimSuffix(n, path.Ext(n))) {
						m.beside[w] = true
					}
				}
			}
		}
		if d.has["postfix@.service"] || d.has["postfix@.service.d"] {
			add("postfix@-.service")
			m.wanted["postfix@-.service"] = true
		}
	}
	all := make([]string, 0, len(found))
	for n := range found {
		all = append(all, n)
	}
	slices.Sort(all)
	return all
}

// find is the file that defines a unit: the first of its name in the path, else
// that of its template.
func (m *manager) find(name string) (waxseal.Path, bool) {
	for _, n := range []string{name, template(name)} {
		if n == "" {
			continue
		}
		for _, d := range m.dirs {
			if d.has[n] {
				return d.path + "/" + waxseal.Path(n), true
			}
		}
	}
	return "", false
}

// file parses a file once. An empty one is as good as /dev/null.
func (m *manager) file(p waxseal.Path) (unitFile, bool) {
	if u, ok := m.files[p]; ok {
		return u, len(u.assignments) > 0
	}
	var u unitFile
	content, err := m.tree.ReadFile(p, maxUnit)
	if err == nil {
		u = parseUnit(p, string(content))
	}
	m.files[p] = u
	return u, len(u.assignments) > 0
}

// load puts a unit together.
func (m *manager) load(name string) unit {
	u := unit{name: name, vendor: map[string]bool{}}
	var all, vendors []assignment
	if p, ok := m.find(name); ok {
		u.fragment = p
		u.masked = m.masked(p)
		f, _ := m.file(p)
		all = f.assignments
	}
	u.dropIns = m.dropIns(m.namesOf(name, u.fragment))
	for _, p := range u.dropIns {
		f, _ := m.file(p)
		all = append(all[:len(all):len(all)], f.assignments...)
	}
	u.effective = merge(all)
	if !m.concernsMail(u) {
		return u
	}
	if p, ok := m.findVendors(name); ok {
		f, _ := m.file(p)
		vendors = f.assignments
	}
	for _, p := range u.dropIns {
		if m.vendors(p, waxseal.RoleConfig) {
			f, _ := m.file(p)
			vendors = append(vendors[:len(vendors):len(vendors)], f.assignments...)
		}
	}
	for _, a := range merge(vendors) {
		u.vendor[a.section+"\x00"+a.key+"\x00"+a.value] = true
	}
	return u
}

// findVendors is the file that would define the unit if only vendors had one.
func (m *manager) findVendors(name string) (waxseal.Path, bool) {
	for _, n := range []string{name, template(name)} {
		for _, d := range m.dirs {
			p := d.path + "/" + waxseal.Path(n)
			if n != "" && d.has[n] && m.vendors(p, waxseal.RoleConfig) {
				return p, true
			}
		}
	}
	return "", false
}

// starters are the settings by which a unit starts another one.
var starters = set("Wants Requires Requisite BindsTo Upholds OnFailure OnSuccess Unit Service Sockets")

// graph notes which unit starts which, and which names are aliases.
func (m *manager) graph(all []string) {
	for _, name := range all {
		p, ok := m.find(name)
		if !ok {
			continue
		}
		if f, err := m.tree.Lstat(p); err == nil && f.Type == waxseal.Symlink {
			if target := path.Base(f.Link); target != name && unitType(target) != "" {
				m.aliases[target] = append(m.aliases[target], name)
				m.pulls[name] = append(m.pulls[name], target)
			}
		}
		f, _ := m.file(p)
		named := false
		for _, a := range f.assignments {
			if !starters[a.key] {
				continue
			}
			named = named || a.key == "Unit" || a.key == "Service"
			m.pulls[name] = append(m.pulls[name], strings.Fields(expandSpecifiers(a.value, name))...)
		}
		// A timer, path or socket starts the service of its name.
		if t := unitType(name); t != ".service" && !named {
			m.pulls[name] = append(m.pulls[name], strings.TrimSuffix(name, t)+".service")
		}
	}
}

// companions notes the units that a unit of a mail system starts with itself, or
// when it fails, by what a drop-in says: what they run, runs with mail.
func (m *manager) companions(all []string) {
	for _, name := range all {
		if !isMailUnit(name) {
			continue
		}
		fragment, _ := m.find(name)
		for _, p := range m.dropIns(m.namesOf(name, fragment)) {
			f, _ := m.file(p)
			for _, a := range f.assignments {
				if starters[a.key] && a.section == "Unit" {
					for _, n := range strings.Fields(expandSpecifiers(a.value, name)) {
						m.beside[n] = true
						m.pulls[name] = append(m.pulls[name], n)
					}
				}
			}
		}
	}
}

// reached lists the units that something enabled leads to.
func (m *manager) reached() map[string]bool {
	reached := map[string]bool{}
	var queue []string
	for n := range m.wanted {
		queue = append(queue, n)
	}
	for _, d := range m.dirs { // what runs when the host starts or stops has names of its own
		for _, n := range d.names {
			if isMailUnit(n) {
				queue = append(queue, n)
			}
		}
	}
	for len(queue) > 0 {
		n := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if reached[n] {
			continue
		}
		reached[n] = true
		queue = append(queue, m.pulls[n]...)
		queue = append(queue, m.aliases[n]...)
	}
	return reached
}

// triggersOf lists the timers, paths and sockets that start a service.
func (m *manager) triggersOf(name string, all []string) []string {
	if unitType(name) != ".service" {
		return nil
	}
	var list []string
	for _, n := range all {
		if unitType(n) != ".service" && slices.Contains(m.pulls[n], name) {
			list = append(list, n)
		}
	}
	return list
}

// concernsMail reports whether a unit is of a mail system: by name, by the
// programs it runs, or because it starts one that is.
func (m *manager) concernsMail(u unit) bool {
	if isMailUnit(u.name) || m.beside[u.name] {
		return true
	}
	for _, a := range u.effective {
		if strings.HasPrefix(a.key, "Exec") && a.section != "Install" && (namesMailProgram(a.value) || m.altersMail(a)) {
			return true
		}
		if (a.key == "Environment" || a.key == "PassEnvironment") && strings.Contains(a.value, "MAIL_CONFIG") {
			return true
		}
	}
	for _, n := range m.pulls[u.name] {
		if unitType(u.name) != ".service" && n != u.name && isMailUnit(n) {
			return true
		}
	}
	return false
}

// altersMail reports whether a command that no package's unit has, or a script that it
// runs, touches what mail is decided by.
func (m *manager) altersMail(a assignment) bool {
	if slices.ContainsFunc(vendorDirs, func(d string) bool { return strings.HasPrefix(string(a.source.Path), d) }) {
		return false
	}
	if errand.AltersMail(a.value) {
		return true
	}
	script := m.scriptOf(strings.TrimLeft(a.value, "-@+!:|"))
	if script == "" || m.about(script, waxseal.RoleScript).PackageState == waxseal.PackageUnmodified {
		return false
	}
	text, _ := m.scriptText(script)
	line, _ := errand.FirstAltering(text)
	return line > 0
}

// mailPrograms are commands and daemons of mail systems and filters. A unit, job
// or script that runs one is part of what happens to mail.
var mailPrograms = set("postfix postmulti postconf postmap postalias postsuper postcat postdrop postqueue postkick postlog master sendmail sendmail.postfix sendmail.sendmail exim exim4 smtpd smtpctl " +
	"newaliases makemap dovecot doveadm dovecot-lda deliver rspamd rspamadm rspamc opendkim opendmarc clamav-milter spamd sa-update sa-learn spamass-milter amavisd amavisd-new amavisd-milter " +
	"saslauthd postgrey procmail maildrop fetchmail getmail mailman mimedefang mimedefang-multiplexor postsrsd postlicyd pfix-srsd policyd-spf update-exim4.conf configure-instance.sh")

// namesMailProgram reports whether a command line names one of mailPrograms as a
// word or as the end of a path.
func namesMailProgram(command string) bool {
	for word := range strings.FieldsFuncSeq(command, func(c rune) bool { return strings.ContainsRune(" \t\"';|&(){}@:!+-=<>`", c) && c != '-' }) {
		if base := path.Base(strings.TrimLeft(word, "-")); mailPrograms[base] && (base != "master" || strings.Contains(word, "/")) {
			return true
		}
	}
	return false
}
