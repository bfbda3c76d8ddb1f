package spamassassin

import (
	"maps"
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/filter/spamassassin/saconf"
	"waxseal/internal/mta"
)

// daemon is spamd(8p), as it is started.
type daemon struct{ command }

func (r *reader) findDaemon() daemon {
	d := daemon{started(r.Book, r.o, "spamd", spamdOptions, "/etc/default/spamd:OPTIONS", "/etc/default/spamassassin:OPTIONS", "/etc/sysconfig/spamassassin:SPAMDOPTIONS")}
	d.known = d.known || r.Exists("/usr/sbin/spamd")
	return d
}

// lines are those of an option that gives lines of configuration.
func (d daemon) lines(option string) []saconf.Given {
	var list []saconf.Given
	for _, text := range d.options[option] {
		list = append(list, saconf.Given{Text: text, Source: d.source})
	}
	return list
}

// usualPort is that of spamd(8p) "-p".
const usualPort = "783"

// sockets are where it listens (spamd(8p) "-i").
func (d daemon) sockets() []string {
	port := usualPort
	if p := d.one("port"); p != "" {
		port = p
	}
	var list []string
	if p := d.one("socketpath"); p != "" {
		list = append(list, "unix:"+string(mta.Clean(p)))
	}
	for _, at := range d.options["listen"] {
		at = strings.TrimPrefix(at, "ssl:")
		if path.IsAbs(at) {
			list = append(list, "unix:"+at)
			continue
		}
		host, own := mta.SplitHostPort(at)
		if own == "" {
			own = port
		}
		if host == "" || host == "*" {
			host = "0.0.0.0"
		}
		list = append(list, mta.InetSocket(host, own).Value)
	}
	if len(list) == 0 {
		list = []string{mta.InetSocket("127.0.0.1", port).Value, mta.InetSocket("::1", port).Value}
	}
	return list
}

// daemonHooks tells of what the command line of spamd changes.
func (r *reader) daemonHooks() {
	d := r.spamd
	for _, name := range sortedKeys(d.options) {
		if name != "pidfile" && name != "" {
			r.Setting("", "spamd:--"+name, strings.Join(d.options[name], " "), d.source)
		}
	}
	if d.has("local") {
		r.hole(saconf.Line{Key: "--local", Value: "--local", Source: d.source}, all, partPasses, "spamd", "SpamAssassin asks no server for "+all.who+" (spamd(8p) -L)")
	}
	if s := d.one("syslog"); s == "null" || d.one("syslog-socket") == "none" && s == "" || s == "/dev/null" {
		h := r.start("syslog")
		h.Kind, h.Effects, h.Target = waxseal.KindLog, []waxseal.Effect{waxseal.Silence}, waxseal.Target{Type: waxseal.TargetFile, Value: "/dev/null"}
		h.Explain = "What spamd does with mail is not logged (" + d.why + ")."
		r.Emit(h)
	}
	for _, name := range []string{"siteconfigpath", "configpath", "virtual-config-dir"} {
		if dir := d.one(name); dir != "" {
			h := r.start(name)
			h.Kind, h.Effects, h.Target = waxseal.KindScript, []waxseal.Effect{waxseal.Observe, waxseal.Modify}, waxseal.Target{Type: waxseal.TargetFile, Value: string(mta.Clean(dir))}
			h.Closure = []waxseal.Part{{Path: mta.Clean(dir), Role: waxseal.RoleInclude}}
			h.Explain = "SpamAssassin reads its configuration from " + mta.Clip(dir) + " (--" + name + ", " + d.why + ")."
			r.Emit(h)
		}
	}
}

// start begins a hook for an option of spamd's command line.
func (r *reader) start(option string) waxseal.Hook {
	return waxseal.Hook{
		ID: id(MTA, r.spamd.source.Path, "spamd", option), Stage: waxseal.StageData, Scope: everything, RunsAs: r.runsAs, Active: true, Source: r.spamd.source, Directive: "--" + option,
	}
}

func sortedKeys(o options) []string { return slices.Sorted(maps.Keys(o)) }

// spamcFile has options of spamc(1) that count for every call (-F).
const spamcFile = waxseal.Path("/etc/spamassassin/spamc.conf")

// client reads what spamc(1) is told by its own file: where mail goes to be looked at.
func (r *reader) client() {
	for _, p := range []waxseal.Path{spamcFile, "/etc/mail/spamassassin/spamc.conf"} {
		text, ok := r.ReadUpTo(p, "the options of spamc", 1<<20)
		if !ok {
			continue
		}
		n := 0
		for line := range strings.Lines(text) {
			n++
			line, _, _ = strings.Cut(line, "#")
			o := parseOptions(mta.ShellWords(line), spamcOptions)
			source := waxseal.Source{Path: p, Line: n}
			for _, name := range sortedKeys(o) {
				r.Setting("", "spamc:"+name, strings.Join(o[name], " "), source)
			}
			for _, h := range handedTo(MTA, o, source, "all mail that is handed to spamc", "spamc") {
				r.Emit(h)
			}
		}
		return // the other name is a link
	}
}

// handedTo makes hooks of where options of spamc(1) send mail.
func handedTo(stack waxseal.StackName, o options, source waxseal.Source, scope, who string) []waxseal.Hook {
	port := usualPort
	if p := o.one("port"); p != "" {
		port = p
	}
	var hooks []waxseal.Hook
	add := func(option string, t waxseal.Target, closure ...waxseal.Part) {
		hooks = append(hooks, waxseal.Hook{
			ID: id(stack, source.Path, who, option), Kind: waxseal.KindPolicy, Stage: waxseal.StageData, Effects: []waxseal.Effect{waxseal.Observe, waxseal.Copy, waxseal.Modify}, Target: t,
			Scope: scope, Active: true, Source: source, Directive: option, Closure: closure, External: t.Remote,
			Explain: capital(scope) + " is sent to " + mta.Clip(t.Value) + mta.Where(t) + " to be looked at, and comes back as that answers (" + option + ").",
		})
	}
	for _, hosts := range append(slices.Clone(o["dest"]), o["D"]...) {
		for host := range strings.SplitSeq(hosts, ",") {
			if host = strings.Trim(host, "[] "); host != "" {
				add("-d", mta.InetSocket(host, port))
			}
		}
	}
	if p := o.one("socket"); p != "" {
		t, part := mta.UnixSocket(mta.Clean(p))
		add("-U", t, part)
	}
	return hooks
}
