package spamassassin

import (
	"path"
	"regexp"
	"strings"

	"waxseal"
	"waxseal/internal/host/errand"
	"waxseal/internal/mta"
)

// updates tells of what runs and what is fetched when rules are renewed.
func (r *reader) updates() {
	if r.conf.Site != "" {
		r.updateHooks(r.conf.Site + "/sa-update-hooks.d")
		r.channels(r.conf.Site + "/channel.d")
	}
	for _, s := range r.o.Starts {
		if path.Base(s.Argv[0]) == "sa-update" {
			r.channelsOf(parseOptions(s.Argv[1:], updateOptions), s)
		}
	}
}

// hookName is what run-parts(8) --lsbsysinit runs.
var hookName = regexp.MustCompile(`^([a-z0-9]+|_?([a-z0-9_.]+-)+[a-z0-9]+|[a-zA-Z0-9_-]+)$`)

// updateHooks are scripts that Debian's spamassassin-maint(8) runs as root when there
// were new rules.
func (r *reader) updateHooks(dir waxseal.Path) {
	for _, n := range r.hookNames() {
		p := mta.Clean(string(dir) + "/" + n)
		f, err := r.Tree.Stat(p)
		if err != nil || f.Type != waxseal.Regular {
			continue
		}
		h := waxseal.Hook{
			ID: id(MTA, p, "sa-update-hooks.d"), Kind: waxseal.KindScript, Stage: waxseal.StageConnect, Effects: []waxseal.Effect{waxseal.Execute}, Target: waxseal.Target{Type: waxseal.TargetCommand, Value: string(p)},
			Scope: "all", RunsAs: "root", Active: true, Source: waxseal.Source{Path: p}, Directive: "sa-update-hooks.d", Closure: []waxseal.Part{{Path: p, Role: waxseal.RoleScript}},
			Explain: string(p) + " runs as root when SpamAssassin has fetched new rules.",
		}
		if text, ok := r.ReadUpTo(p, "a script that runs after updates", 1<<20); ok && errand.OnlyRestarts(text) {
			mta.Modify(&h, "only", "starts services anew")
		}
		switch {
		case f.Mode&0o111 == 0 || !hookName.MatchString(n):
			mta.Inactive(&h, "run-parts(8) passes it over, by its name or mode")
		case !r.maintained():
			mta.Inactive(&h, "nothing fetches new rules by itself: neither the timer nor CRON is set")
		}
		r.Emit(h)
	}
}

// maintained reports whether rules are renewed by the clock; where the tree does not
// have the scripts that would tell, yes.
func (r *reader) maintained() bool {
	if !r.Exists("/usr/sbin/spamassassin-maint") || r.Exists("/etc/systemd/system/timers.target.wants/spamassassin-maintenance.timer") {
		return true
	}
	for _, p := range []waxseal.Path{"/etc/default/spamassassin", "/etc/cron.daily/spamassassin"} {
		if text, ok := r.Read(p, "whether rules are fetched"); ok {
			if cron, set := assignments(text)["CRON"]; set {
				return cron.value != "0"
			}
		}
	}
	return false
}

// channels are files that Fedora's sa-update.cron sources, one for each place from
// which rules come.
func (r *reader) channels(dir waxseal.Path) {
	names, err := r.Tree.ReadDir(dir)
	if err != nil {
		return
	}
	for _, n := range names[:min(len(names), maxBeside)] {
		p := mta.Clean(string(dir) + "/" + n)
		text, ok := r.ReadUpTo(p, "a channel of rules", 1<<20)
		if !ok || !strings.HasSuffix(n, ".conf") {
			continue
		}
		r.Part(p, waxseal.RoleConfig)
		if url, ok := assignments(text)["CHANNELURL"]; ok {
			r.channel(url.value, waxseal.Source{Path: p, Line: url.line}, true, false)
		}
		for i, line := range strings.Split(text, "\n") {
			if t := strings.TrimSpace(line); t != "" && t[0] != '#' && !plainSet.MatchString(t) {
				h := waxseal.Hook{
					ID: id(MTA, p, "channel.d"), Kind: waxseal.KindScript, Stage: waxseal.StageConnect, Effects: []waxseal.Effect{waxseal.Execute}, Target: waxseal.Target{Type: waxseal.TargetCommand, Value: t},
					Scope: "all", RunsAs: "root", Active: true, Source: waxseal.Source{Path: p, Line: i + 1}, Directive: "channel.d", Closure: r.CommandParts(mta.ShellWords(t)),
					Explain: "The shell that fetches rules for SpamAssassin runs " + mta.Clip(t) + ".",
				}
				r.Emit(h)
				break
			}
		}
	}
}

var plainSet = regexp.MustCompile("^(?:export\\s+)?[A-Za-z_]\\w*=(?:'[^']*'|\"[^\"`$]*\"|[^\\s;&|`$<>()'\"]*)\\s*(?:#.*)?$")

// ownChannel is that of SpamAssassin itself.
const ownChannel = "updates.spamassassin.org"

func (r *reader) channelsOf(o options, s mta.Start) {
	for _, c := range o["channel"] {
		r.channel(c, s.Source, s.Active, o.has("allowplugins", "reallyallowplugins"))
	}
	if o.has("nogpg") {
		r.Setting("", "sa-update:nogpg", "1", s.Source)
	}
}

// channel tells of rules that come from elsewhere; code comes with them where the
// command line allows it (sa-update(1p) --allowplugins).
func (r *reader) channel(name string, source waxseal.Source, active, code bool) {
	if name == ownChannel && !code {
		return
	}
	h := waxseal.Hook{
		ID: id(MTA, source.Path, "channel", name), Kind: waxseal.KindMap, Stage: waxseal.StageConnect, Effects: []waxseal.Effect{waxseal.Observe}, Target: waxseal.Target{Type: waxseal.TargetTable, Value: "channel:" + name},
		Scope: "all", Active: true, Source: source, Directive: "channel", External: true, Modifiers: map[string]string{"hosts": "localhost"},
		Explain: "SpamAssassin gets rules from the channel " + mta.Clip(name) + ".",
	}
	if code && name != ownChannel {
		h.Kind, h.Effects = waxseal.KindPlugin, anything
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: "channel:" + name, Remote: true}
		h.Explain = "SpamAssassin gets rules from the channel " + mta.Clip(name) + ", and code with them (sa-update(1p) --allowplugins)."
	}
	if !active {
		mta.Inactive(&h, "nothing starts what fetches them")
	}
	r.Emit(h)
}
