package spamassassin

import (
	"maps"
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
)

// milterFiles are where the options of spamass-milter stand: Debian's init script
// sources the first, Fedora's unit the second.
var milterFiles = []string{"/etc/default/spamass-milter:OPTIONS", "/etc/sysconfig/spamass-milter:EXTRA_FLAGS"}

// milter is the reading of spamass-milter(1).
type milter struct {
	*mta.Book
	domains mta.Domains
	command
	set map[string]assignment
}

func readMilter(tree waxseal.Tree, m *mask.Masker, o mta.Options) mta.Result {
	b := mta.NewBook(Milter, tree, m)
	r := &milter{Book: b, domains: ownDomains(b, o), command: started(b, o, "spamass-milter", milterOptions, milterFiles...), set: map[string]assignment{}}
	var config []waxseal.Path
	for _, f := range milterFiles {
		file, _, _ := strings.Cut(f, ":")
		p := mta.Clean(file)
		if text, ok := b.Read(p, "the options of spamass-milter"); ok {
			config = append(config, p)
			r.Part(p, waxseal.RoleConfig)
			set := assignments(text)
			for _, name := range slices.Sorted(maps.Keys(set)) {
				a := set[name]
				r.set[name] = a
				r.Setting("", name, a.value, waxseal.Source{Path: p, Line: a.line})
			}
		}
	}
	const program = waxseal.Path("/usr/sbin/spamass-milter")
	if !r.known && len(config) == 0 && !b.Exists(program) {
		return mta.Result{}
	}
	if r.source.Path == "" && len(config) > 0 {
		r.source.Path = config[0]
	}
	r.hooks()
	r.AddStack(waxseal.Stack{MTA: Milter, Version: o.Version("spamass-milter"), Config: config})
	s := mta.Service{Stack: Milter, Title: "spamass-milter", Sockets: r.sockets(), Uses: []waxseal.StackName{MTA}, User: r.user(), Source: r.source}
	if b.Exists(program) {
		s.Daemon = program
		r.Part(program, waxseal.RoleBinary)
	}
	result := r.Result()
	result.Services = []mta.Service{s}
	return result
}

// user is who it runs as: Debian's init script has a user of its own.
func (r *milter) user() string {
	if a, ok := r.set["RUNAS"]; ok {
		return a.value
	}
	if r.Exists("/etc/init.d/spamass-milter") {
		return "spamass-milter"
	}
	return ""
}

// sockets are where it listens (-p), or where Debian's init script lets it.
func (r *milter) sockets() []string {
	at := r.one("p")
	if a, ok := r.set["SOCKET"]; ok && (at == "" || strings.Contains(at, "$")) {
		at = a.value
	}
	if at == "" || strings.Contains(at, "$") {
		queue := []string{"unix:/var/spool/postfix/spamass/spamass.sock", "unix:spamass/spamass.sock"}
		run := []string{"unix:/run/spamass/spamass.sock", "unix:/var/run/spamass/spamass.sock"}
		switch postfix := r.Exists("/usr/sbin/postfix") || r.Exists("/etc/postfix/main.cf"); {
		case postfix && r.Exists("/etc/init.d/spamass-milter"):
			return queue
		case postfix: // a part of a host: what starts it may say otherwise
			return append(queue, run...)
		}
		return run
	}
	for _, local := range []string{"local:", "unix:"} {
		at = strings.TrimPrefix(at, local)
	}
	if port, ok := strings.CutPrefix(at, "inet:"); ok { // libmilter: inet:port@host
		port, host, _ := strings.Cut(port, "@")
		if host == "" {
			host = "0.0.0.0"
		}
		return []string{mta.InetSocket(host, port).Value}
	}
	if path.IsAbs(at) {
		return []string{"unix:" + at}
	}
	return nil
}

const toMilter = "all mail that spamass-milter sees"

func (r *milter) begin(option string) waxseal.Hook {
	return waxseal.Hook{ID: id(Milter, r.source.Path, "-"+option), Stage: waxseal.StageData, Scope: toMilter, RunsAs: r.user(), Active: true, Source: r.source, Directive: "-" + option}
}

func (r *milter) hooks() {
	for _, name := range sortedKeys(r.options) {
		if name != "" && name != "P" && name != "f" {
			r.Setting("", "-"+strings.TrimPrefix(name, "-"), strings.Join(r.options[name], " "), r.source)
		}
	}
	r.address("b", waxseal.KindRedirect, waxseal.Divert, "goes to %s and not to its recipients")
	r.address("B", waxseal.KindCopy, waxseal.Copy, "is copied to %s")
	r.ignored()
	if sendmail := r.one("S"); sendmail != "" {
		h := r.begin("S")
		h.Kind, h.Effects, h.Target = waxseal.KindPipe, []waxseal.Effect{waxseal.Execute}, waxseal.Target{Type: waxseal.TargetCommand, Value: sendmail}
		h.Closure = r.CommandParts(mta.ShellWords(sendmail))
		h.Explain = "spamass-milter runs " + mta.Clip(sendmail) + " with the address of each recipient (-S with -x)."
		if !r.has("x") {
			mta.Inactive(&h, "without -x no address is looked up")
		}
		r.Emit(h)
	}
	spamc := parseOptions(r.options["--"], spamcOptions)
	if d := r.one("D"); d != "" {
		spamc["D"] = []string{d}
	}
	for _, h := range handedTo(Milter, spamc, r.source, toMilter, "spamc") {
		r.Emit(h)
	}
}

// address tells of an address that gets what is called spam.
func (r *milter) address(option string, kind waxseal.HookKind, effect waxseal.Effect, does string) {
	to := r.one(option)
	if to == "" {
		return
	}
	h := r.begin(option)
	h.Kind, h.Effects, h.Target, h.Scope = kind, []waxseal.Effect{effect}, r.domains.Address(to), "mail that SpamAssassin calls spam"
	h.Explain = "Mail that SpamAssassin calls spam " + strings.Replace(does, "%s", mta.Clip(to)+mta.Where(h.Target), 1) + " (spamass-milter(1) -" + option + ")."
	r.Emit(h)
}

// ignored tells of networks whose mail is not looked at.
func (r *milter) ignored() {
	for _, list := range r.options["i"] {
		for net := range strings.SplitSeq(list, ",") {
			bits, ok := bitsOf(strings.TrimSpace(net))
			if !ok || bits >= 8 {
				continue
			}
			h := r.begin("i")
			h.ID = id(Milter, r.source.Path, "-i", net)
			h.Kind, h.Target = waxseal.KindRewrite, waxseal.Target{Type: waxseal.TargetText, Value: net}
			h.Modifiers = map[string]string{"lets_pass": partPasses}
			if bits <= 1 {
				h.Modifiers["lets_pass"] = allPasses
			}
			h.Explain = "spamass-milter does not look at mail from the hosts " + mta.Clip(net) + " (spamass-milter(1) -i)."
			r.Emit(h)
		}
	}
}
