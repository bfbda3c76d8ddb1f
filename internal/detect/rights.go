package detect

import (
	"regexp"
	"strings"

	"waxseal"
)

// anyones are flags of DontBlameSendmail by which a file counts that anyone may
// write, or that lies where anyone may replace it (op.me 5.6, cf/README).
var anyones = regexp.MustCompile(`(?i)WorldWritable|InUnsafeDirPath|RunWritableProgram`)

// rights weighs what says with whose rights mail is handled, whom to believe, and
// who may send it.
// It reports whether a hook is of that sort.
func (c *Context) rights(h waxseal.Hook, w *weight) bool {
	value := clip(h.Target.Value)
	switch h.Directive {
	case "RunAsUser", "DefaultUser", "UserID", "User", "user", "DatabaseOwner":
		w.add(pick(runsAsRoot(h), rightsOfRoot, rightsSet), h.Directive, value)
	case "DontBlameSendmail":
		w.add(pick(anyones.MatchString(h.Target.Value), anyoneBelieved, othersBelieved), h.Directive, value)
	case "T user":
		w.add(sendsAsAnybody, value)
	case "check_rcpt", "access", "SRS_SECRET":
		w.add(openRelay, h.Directive, value)
	case "pam_permit", "pwcheck_method", "passdb":
		w.add(pick(h.Modifiers["depends"] != "", somePassword, anyPassword), clip(h.Scope), value)
	default:
		return false
	}
	return true
}

// mayRun weighs a rule of sudo(8) by who may run what: accounts of services have no
// business as root, and anybody's mistake or break-in there is root's.
func (c *Context) mayRun(h waxseal.Hook, w *weight) {
	what, program := clip(h.Target.Value), waxseal.Part{}
	if len(h.Closure) > 1 {
		program = h.Closure[0]
	}
	name := firstWord(h.Target.Value)
	everything := what == "ALL" || name == "sudoedit" && h.Modifiers["touches"] != "" || h.Modifiers["editor"] != "" || isGeneralTool(name) || strings.Contains(name, "*")
	strange := !everything && program.PackageState != waxseal.PackageUnmodified && (program.PackageState != waxseal.PackageUnknown || !inPackagedDir(name))
	switch h.Modifiers["who"] {
	case "anyone":
		w.add(anyoneAsRoot, h.RunsAs, what)
	case "service":
		if everything || strange || h.Modifiers["touches"] != "" {
			w.add(serviceAsRoot, h.Scope, h.RunsAs, what)
		} else {
			w.add(serviceCommand, h.Scope, h.RunsAs, orNothing(program.Package), what)
			return
		}
	default:
		w.add(pick(h.Modifiers["touches"] != "", personSteers, personAsRoot), factsOf(h, what)...)
		return
	}
	c.whereItLies(program, name, w)
}

func factsOf(h waxseal.Hook, what string) []any {
	if h.Modifiers["touches"] != "" {
		return []any{h.Scope, h.RunsAs, what}
	}
	return []any{h.Scope, h.RunsAs}
}

// told weighs an address that gets the log of mail, or lines of it.
func (c *Context) told(h waxseal.Hook, w *weight) {
	to := clip(h.Target.Value)
	switch {
	case h.Directive == "destemail":
		w.add(bansTold, to)
	case c.foreignAddress(h.Target.Value):
		w.add(logSentAway, to)
	default:
		w.add(logSentTo, to)
	}
}

// inMemory weighs code that a daemon has in its memory. That its package brought
// another since tells of an update, and nobody restarted the daemon.
func (c *Context) inMemory(h waxseal.Hook, file waxseal.Part, w *weight) {
	who, what := h.Modifiers["program"], clip(h.Target.Value)
	switch h.Modifiers["state"] {
	case "memory":
		w.add(loadedMemory, who, what)
	case "stranger":
		w.add(loadedStranger, who, what)
	case "gone":
		if h.Modifiers["package"] != "" && hiding(h.Target.Value) == "" {
			w.add(loadedOld, who, what, h.Modifiers["package"])
			return
		}
		w.add(loadedGone, who, what)
	default:
		if file.PackageState == waxseal.PackageUnmodified {
			w.add(loadedOld, who, what, file.Package)
			return
		}
		w.add(loadedOther, who, what)
	}
	c.whereItLies(file, h.Target.Value, w)
	if runsAsRoot(h) {
		w.add(rootCommand)
	}
}

// heldOpen weighs a file that a daemon holds open, and that the files of the disk don't
// tell of.
func (c *Context) heldOpen(h waxseal.Hook, w *weight) {
	who, what := h.Modifiers["program"], clip(h.Target.Value)
	why := hiding(h.Target.Value)
	switch state := h.Modifiers["descriptor"]; {
	case state == "memory":
		w.add(openMemory, who, what)
		return
	case state == "written" && why != "":
		w.add(openHidden, who, what)
	case state == "written":
		w.add(openWritten, who, what)
	case state == "gone":
		w.add(openGone, who, what)
	case state == "later":
		w.add(openLater, who, what)
	default:
		w.add(openEarlier, who, what)
		return
	}
	if why != "" {
		w.add(badPlace, h.Target.Value, why)
	}
	if runsAsRoot(h) {
		w.add(rootCommand)
	}
}
