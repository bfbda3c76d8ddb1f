package detect

import (
	"regexp"

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
	case "check_rcpt", "access":
		w.add(openRelay, h.Directive, value)
	default:
		return false
	}
	return true
}
