package postfix

import (
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/mapdb"
	"waxseal/internal/mta"
)

// daemons are the programs that Postfix brings (postfix-files(5)).
var daemons = map[string]bool{
	"anvil": true, "bounce": true, "cleanup": true, "discard": true, "dnsblog": true, "error": true, "flush": true,
	"lmtp": true, "local": true, "nqmgr": true, "nbdb_reindexd": true, "oqmgr": true, "pickup": true, "pipe": true,
	"postlogd": true, "postscreen": true, "proxymap": true, "qmgr": true, "qmqpd": true, "scache": true, "showq": true,
	"smtp": true, "smtpd": true, "spawn": true, "tlsmgr": true, "tlsproxy": true, "trivial-rewrite": true,
	"verify": true, "virtual": true,
}

// serviceHooks makes the hooks that are services: commands that pipe(8) and
// spawn(8) run, and programs that are not Postfix's own. It runs last, when it is
// known which services something leads mail to.
func (in *instance) serviceHooks() {
	in.reachByName()
	for i := range in.services {
		svc := &in.services[i]
		switch svc.Command {
		case "pipe", "spawn":
			in.externalHook(svc)
		default:
			in.binaryHook(svc)
		}
	}
}

// reachByName marks services that a *_service_name parameter or a built-in name
// leads to.
func (in *instance) reachByName() {
	for _, name := range in.main.Order {
		if strings.HasSuffix(name, "_service_name") {
			in.reached[in.view.Value(name)+"/unix"] = true
		}
	}
	for i := range in.services {
		for _, o := range in.services[i].Overrides {
			if strings.HasSuffix(o.Name, "_service_name") {
				in.reached[o.Raw+"/unix"] = true
			}
		}
	}
	// Services that other daemons connect to under fixed names.
	for _, name := range []string{"cleanup", "bounce", "defer", "trace", "rewrite", "verify", "error", "retry", "smtp", "relay", "local", "virtual", "pickup", "qmgr"} {
		in.reached[name+"/unix"] = true
	}
}

// serviceHook starts a hook that is a service itself.
func (in *instance) serviceHook(svc *service, directive string) waxseal.Hook {
	return waxseal.Hook{
		ID:     waxseal.HookID(string(MTA) + ":" + string(in.dir) + "/master.cf:" + clip(svc.Key()) + ":" + directive),
		Stage:  waxseal.StageDeliver,
		Scope:  scopeOf(svc),
		Source: waxseal.Source{Path: in.dir + "/master.cf", Line: svc.Line}, Directive: directive,
		Active: (in.reached[svc.Key()] || svc.Type == "inet") && !in.disabled(svc),
	}
}

func (in *instance) externalHook(svc *service) {
	x := svc.External()
	h := in.serviceHook(svc, svc.Command)
	h.Kind, h.Effects, h.RunsAs = waxseal.KindPipe, runsAll, x.User
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: commandLine(x.Argv)}
	h.Closure = in.CommandParts(x.Argv)
	mta.Modify(&h, "flags", x.Flags)
	mta.Modify(&h, "directory", x.Directory)
	h.Explain = "The service " + clip(svc.Name) + " hands mail to the command " + clip(h.Target.Value) + ", run as " + mta.OrUnknown(x.User) + "."
	if svc.Command == "spawn" {
		h.Stage = waxseal.StageSession
		h.Explain = "The service " + clip(svc.Name) + " runs the command " + clip(h.Target.Value) + " as " + mta.OrUnknown(x.User) + " for whoever connects to it."
	}
	if !h.Active {
		h.Explain += " Nothing in this configuration leads to it."
	}
	in.emit(h)
}

// binaryHook makes a hook of a service whose program Postfix did not bring. The
// command is appended to daemon_directory as it stands, so that ../ leads out of
// it (master(5), seen to work).
func (in *instance) binaryHook(svc *service) {
	directory := path.Clean("/" + in.view.Value("daemon_directory"))
	p := mta.Clean(directory + "/" + svc.Command)
	inside := path.Dir(string(p)) == directory
	if inside && daemons[path.Base(string(p))] {
		in.rootDaemon(svc)
		return
	}
	h := in.serviceHook(svc, "command")
	h.Kind, h.Effects, h.Stage = waxseal.KindBinary, runs, waxseal.StageConnect
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: strings.TrimSpace(string(p) + " " + commandLine(svc.Args))}
	h.Closure = append([]waxseal.Part{{Path: p, Role: waxseal.RoleBinary}}, in.argumentParts(svc)...)
	h.RunsAs = in.view.Value("mail_owner")
	if svc.Unpriv == "n" {
		h.RunsAs = "root"
	}
	// Unlike a pipe, such a program is started by master(8) itself: when someone
	// connects, or by the wakeup timer.
	woken := strings.TrimRight(svc.Wakeup, "?") != "0" && svc.Wakeup != "-"
	h.Active = !in.disabled(svc) && (woken || svc.Type == "inet" || in.reached[svc.Key()] || !inside)
	mta.Modify(&h, "unpriv", svc.Unpriv)
	if woken {
		mta.Modify(&h, "wakeup", svc.Wakeup)
	}
	h.Explain = "master.cf starts " + clip(string(p)) + ", which is no daemon of Postfix, as " + h.RunsAs
	if woken {
		h.Explain += ", every " + clip(svc.Wakeup) + " seconds"
	}
	h.Explain += " (service " + clip(svc.Key()) + ")."
	in.emit(h)
}

func (in *instance) argumentParts(svc *service) []waxseal.Part {
	return in.CommandParts(append([]string{""}, svc.Args...))
}

// moduleHooks lists the table types that dynamicmaps.cf adds: each is a library
// that any Postfix program loads as soon as a table of the type is named
// (postfix dynamicmaps.cf comments, postconf(5) shlib_directory).
func (in *instance) moduleHooks() {
	directory := mta.Clean(in.view.Value("meta_directory"))
	files := []waxseal.Path{mta.Clean(string(directory) + "/dynamicmaps.cf")}
	if names, err := in.Tree.ReadDir(mta.Clean(string(directory) + "/dynamicmaps.cf.d")); err == nil {
		for _, n := range names {
			if strings.HasSuffix(n, ".cf") && len(files) < 1000 {
				files = append(files, mta.Clean(string(directory)+"/dynamicmaps.cf.d/"+n))
			}
		}
	}
	for _, p := range files {
		if text, ok := in.Read(p, "the list of table modules"); ok {
			in.Part(p, waxseal.RoleConfig)
			in.modules(p, text)
		}
	}
}

func (in *instance) modules(p waxseal.Path, text string) {
	shlib := in.view.Value("shlib_directory")
	for n, line := range strings.Split(text, "\n") {
		f := strings.Fields(line)
		if len(f) == 0 || strings.HasPrefix(f[0], "#") {
			continue
		}
		if len(f) < 3 || len(f) > 4 {
			in.Problem(p, n+1, "expected type, library, function and perhaps another function")
			continue
		}
		so := f[1]
		if !path.IsAbs(so) {
			so = path.Join("/", shlib, so)
		}
		h := waxseal.Hook{
			ID:   waxseal.HookID(string(MTA) + ":" + string(p) + ":dynamicmaps:" + clip(f[0])),
			Kind: waxseal.KindModule, Stage: waxseal.StageConnect, Effects: runs, Scope: "all", RunsAs: "root", Active: true,
			Source: waxseal.Source{Path: p, Line: n + 1}, Directive: "dynamicmaps.cf",
			Target:  waxseal.Target{Type: waxseal.TargetFile, Value: so},
			Closure: []waxseal.Part{{Path: mta.Clean(so), Role: waxseal.RoleLibrary}},
			Explain: "Postfix loads the library " + clip(so) + " into its programs, as root too, as soon as a table of type " + clip(f[0]) + " is named.",
		}
		mta.Modify(&h, "function", strings.Join(f[2:], " "))
		in.emit(h)
	}
}

// listed splits a parameter's list.
func (in *instance) listed(name string) []string { return mapdb.Fields(in.view.Value(name)) }
