package spamassassin

import (
	"strings"

	"waxseal"
	"waxseal/internal/calls"
	"waxseal/internal/filter/spamassassin/saconf"
	"waxseal/internal/mta"
)

// load makes a hook of each plug-in that a configuration loads.
func (r *reader) load(c *saconf.Config, from preferences) {
	for _, p := range c.Plugins {
		if p.Again && p.Unless == "" {
			continue // the line does nothing
		}
		h := r.plugin(p, from.code)
		if !from.passed && h.Active {
			r.plugins[p.Package] = true
		}
		if from.passed {
			mta.Modify(&h, "read_by", passedOver)
			h.Explain = "When " + from.runsAs + " has spamassassin(1) filter mail, the code in " + string(p.File) + " runs (" + in(p.Line) + "). spamd(8p) passes the line over."
		}
		r.Emit(h)
		if h.Active && h.Closure[0].Role == waxseal.RoleScript {
			r.calls(p, from)
		}
	}
}

// calls tells of what code does by what it calls, where no package brought it.
func (r *reader) calls(p saconf.Plugin, from preferences) {
	if r.code[p.File] {
		return
	}
	r.code[p.File] = true
	text, ok := r.Read(p.File, "a plug-in of SpamAssassin")
	if !ok {
		return
	}
	r.Code(mta.Code{
		Path: p.File, Text: text, Language: calls.Perl, Domains: r.domains, Directive: p.Key, Stage: waxseal.StageData, Scope: from.code, RunsAs: r.loads, Role: waxseal.RoleScript,
		Runs: "SpamAssassin loads it as the plug-in " + p.Package,
	})
}

// passedOver says who acts on what preferences of a user may not say.
const passedOver = "spamassassin(1); spamd(8p) passes it over"

// anything that code may do with mail.
var anything = []waxseal.Effect{waxseal.Observe, waxseal.Copy, waxseal.Modify, waxseal.Execute}

func (r *reader) plugin(p saconf.Plugin, scope string) waxseal.Hook {
	h := waxseal.Hook{
		ID: id(MTA, p.Source.Path, p.Key, p.Package), Kind: waxseal.KindPlugin, Stage: waxseal.StageData, Effects: anything, Target: waxseal.Target{Type: waxseal.TargetFile, Value: string(p.File)},
		Scope: scope, RunsAs: r.loads, Active: true, Source: p.Source, Directive: p.Key, Closure: []waxseal.Part{{Path: p.File, Role: moduleRole(p)}},
		Explain: "SpamAssassin loads the plug-in " + p.Package + " from " + string(p.File) + ", and with each message that it looks at that code may do what it likes (" + in(p.Line) + ").",
	}
	if p.Named == "" && saconf.IsStock(p.Package) && saconf.StockFile(p.File) {
		h.Explain = "SpamAssassin loads its own plug-in " + p.Package[strings.LastIndexByte(p.Package, ':')+1:] + " (" + in(p.Line) + ")."
	}
	if p.Package == "Mail::SpamAssassin::Plugin::Rule2XSBody" {
		h.Closure = append(h.Closure, r.compiled(compiledDir, 0)...)
	}
	switch {
	case p.Unless != "":
		mta.Inactive(&h, p.Unless)
	case p.Missing && (p.Key == "tryplugin" || p.Named == "" && !strings.HasPrefix(string(p.File), "/etc/")) && r.whole:
		mta.Inactive(&h, "there is no such file")
	}
	return h
}

const (
	// compiledDir has rules that sa-compile(1p) made into code, for Rule2XSBody to load.
	compiledDir = "/var/lib/spamassassin/compiled"
	maxCompiled = 200
)

// compiled lists the code made of rules. It changes with each update, so that its
// parts are no programs of their own.
func (r *reader) compiled(dir string, depth int) (parts []waxseal.Part) {
	names, err := r.Tree.ReadDir(mta.Clean(dir))
	if err != nil || depth > 8 {
		return nil
	}
	for _, n := range names[:min(len(names), maxCompiled)] {
		p := mta.Clean(dir + "/" + n)
		f, err := r.Tree.Lstat(p)
		switch {
		case err != nil || len(parts) >= maxCompiled:
		case f.Type == waxseal.Directory:
			parts = append(parts, r.compiled(string(p), depth+1)...)
		case strings.HasSuffix(n, ".pm") || strings.HasSuffix(n, ".so"):
			parts = append(parts, waxseal.Part{Path: p, Role: waxseal.RoleInclude})
		}
	}
	return parts[:min(len(parts), maxCompiled)]
}

// moduleRole: what lies where packages put Perl is kept by digest, as all of Perl is;
// other code is a script, whose own modules count.
func moduleRole(p saconf.Plugin) waxseal.Role {
	if p.Named == "" && (strings.HasPrefix(string(p.File), "/usr/share/perl5/") || strings.HasPrefix(string(p.File), "/usr/lib")) || saconf.StockFile(p.File) {
		return waxseal.RoleModule
	}
	return waxseal.RoleScript
}

// storeModules are settings that name a module for a database, with those that
// SpamAssassin comes with (Mail::SpamAssassin::Conf(3) bayes_store_module,
// auto_welcomelist_factory).
var storeModules = map[string][]string{
	"bayes_store_module":       {"DBM", "SDBM", "BDB", "SQL", "MySQL", "PgSQL", "Redis"},
	"auto_welcomelist_factory": {"DBBasedAddrList", "SQLBasedAddrList"},
	"txrep_factory":            {"DBBasedAddrList", "SQLBasedAddrList"},
}

// store makes a hook of a module that keeps what was learned.
func (r *reader) store(l saconf.Line, w whose) {
	last := l.Value[strings.LastIndexByte(l.Value, ':')+1:]
	if strings.HasPrefix(l.Value, "Mail::SpamAssassin::") {
		for _, known := range storeModules[l.Key] {
			if known == last {
				return // its own, which is no news
			}
		}
	}
	file := r.conf.File(l.Value)
	h := r.begin(l, w, "")
	h.Kind, h.Effects, h.Target = waxseal.KindPlugin, anything, waxseal.Target{Type: waxseal.TargetFile, Value: string(file)}
	h.RunsAs, h.Closure = r.loads, []waxseal.Part{{Path: file, Role: moduleRole(saconf.Plugin{File: file})}}
	h.Explain = "SpamAssassin loads the module " + mta.Clip(l.Value) + " to keep what it learns (" + in(l) + ")."
	r.Emit(h)
}
