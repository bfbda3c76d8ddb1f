package others

import (
	"regexp"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// qmail looks in /var/qmail, and in /etc/qmail where Debian's package has its
// control files.
func qmail(x *other) {
	here := x.Exists("/var/qmail/control") || x.Exists("/var/qmail/bin/qmail-send") || x.Exists("/etc/qmail/me")
	d := delivery{manual: "dot-qmail(5)", addressSignal: "&"}
	if !here && !x.alone {
		d.inactive = "no qmail is set up here"
	}
	if here {
		for _, dir := range []waxseal.Path{"/var/qmail/control", "/etc/qmail", "/var/qmail/users"} {
			x.directory(dir, 1, secretive)
		}
		x.routes("/var/qmail/control/smtproutes")
		x.routes("/etc/qmail/smtproutes")
		x.defaultDelivery()
		x.queuePrograms()
		x.qmailAliases(d)
		x.own = mta.NewDomains()
		for _, name := range []string{"me", "locals", "rcpthosts", "defaultdomain"} {
			if text, err := x.Tree.ReadFile(waxseal.Path("/var/qmail/control/"+name), maxFile); err == nil {
				for word := range strings.FieldsSeq(string(text)) {
					x.own.Add(word)
					x.domains.Add(word)
				}
			}
		}
		for _, p := range []waxseal.Path{"/var/qmail/bin/qmail-queue", "/var/qmail/bin/qmail-local", "/var/qmail/bin/qmail-smtpd", "/var/qmail/bin/qmail-send", "/var/qmail/rc"} {
			x.part(p, waxseal.RoleBinary)
		}
	}
	x.homes(".qmail", here, d)
}

func (x *other) qmailAliases(d delivery) {
	const dir = "/var/qmail/alias"
	for _, name := range x.names(dir) {
		key, ok := strings.CutPrefix(name, ".qmail")
		if !ok {
			continue
		}
		one := d
		one.path, one.home, one.runsAs = mta.Clean(dir+"/"+name), dir, "alias"
		key = strings.TrimPrefix(key, "-")
		one.whose, one.scope = "Mail for "+mta.Clip(key), "recipient "+mta.Clip(key)
		if key == "default" {
			one.whose, one.scope = "Mail for names that nobody has", "all mail for unknown names"
		}
		x.part(one.path, waxseal.RoleAliases)
		x.deliveries(one)
	}
}

// routes reads "domain:host:port"; no domain is all mail (qmail-remote(8)).
func (x *other) routes(p waxseal.Path) {
	text, ok := x.ReadUpTo(p, "routes of qmail", maxFile)
	if !ok {
		return
	}
	n := 0
	for line := range strings.Lines(text) {
		n++
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) < 2 || f[1] == "" || strings.HasPrefix(f[0], "#") {
			continue
		}
		h := x.hook(p, n, "smtproutes", f[0])
		h.Kind, h.Stage, h.Effects, h.Scope = waxseal.KindRelay, waxseal.StageRoute, []waxseal.Effect{waxseal.Observe, waxseal.Divert}, "all mail that leaves"
		if f[0] != "" {
			h.Kind, h.Scope = waxseal.KindTransport, "recipient domain "+mta.Clip(f[0])
		}
		value := strings.Trim(f[1], "[]")
		if len(f) == 3 && f[2] != "" {
			port, _, _ := strings.Cut(f[2], " ") // user and password may follow
			value = "[" + value + "]:" + port
		}
		h.Target = waxseal.Target{Type: waxseal.TargetHost, Value: value, Remote: !mta.IsLoopback(strings.Trim(f[1], "[]"))}
		h.Explain = "Mail to " + orAny(f[0]) + " goes by " + mta.Clip(value) + mta.Where(h.Target) + " (smtproutes)."
		x.Emit(h)
	}
}

func orAny(domain string) string {
	if domain == "" {
		return "every domain"
	}
	return mta.Clip(domain)
}

// defaultDelivery is what qmail-local does for users without a .qmail.
func (x *other) defaultDelivery() {
	for _, p := range []waxseal.Path{"/var/qmail/control/defaultdelivery", "/etc/qmail/defaultdelivery"} {
		x.deliveries(delivery{path: p, whose: "Mail for users without a .qmail file", scope: "all mail for users without a .qmail file", runsAs: "recipient", manual: "defaultdelivery", addressSignal: "&"})
	}
}

var queueProgram = regexp.MustCompile(`QMAILQUEUE=["']?([^"'\s,;]+)`)

// queuePrograms are programs that take mail in the place of qmail-queue
// (QMAILQUEUE in run scripts and the rules of tcpserver).
func (x *other) queuePrograms() {
	files := []waxseal.Path{"/etc/tcp.smtp", "/etc/tcprules.d/tcp.smtp", "/var/qmail/rc", "/etc/default/qmail", "/etc/xinetd.d/smtp_psa"}
	for _, dir := range []string{"/service", "/var/qmail/supervise", "/etc/service", "/etc/sv"} {
		for _, name := range x.names(waxseal.Path(dir)) {
			files = append(files, mta.Clean(dir+"/"+name+"/run"))
		}
	}
	for _, p := range files[:min(len(files), 500)] {
		text, ok := x.ReadUpTo(p, "a start script", maxFile)
		if !ok {
			continue
		}
		x.part(p, waxseal.RoleInclude)
		for n, g := range queueProgram.FindAllStringSubmatchIndex(text, 20) {
			program := text[g[2]:g[3]]
			h := x.hook(p, 1+strings.Count(text[:g[0]], "\n"), "QMAILQUEUE", strconv.Itoa(n+1))
			h.Stage, h.Scope, h.RunsAs = waxseal.StageQueue, "all mail that comes in there", ""
			if program == "/var/qmail/bin/qmail-queue" || program == "bin/qmail-queue" {
				continue
			}
			x.command(h, waxseal.KindContentFilter, program, "Mail goes through "+mta.Clip(program)+" instead of qmail-queue (QMAILQUEUE in "+string(p)+").")
		}
	}
}
