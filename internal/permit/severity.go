package permit

import "waxseal"

// Severity is what is left of the severity of a change where the evidence says this
// much for it. Nothing is hidden: a dangerous change in a mere window stays where
// somebody looks at it, and one beside its permit is told louder than it would be.
func (v Verdict) Severity(s waxseal.Severity, ch waxseal.Change) waxseal.Severity {
	switch {
	case s == waxseal.None:
		return s
	case v.Alert:
		return max(s, waxseal.Medium)
	}
	switch v.Rung {
	case waxseal.RungContentAnnounced, waxseal.RungPackageVerified:
		return min(s, waxseal.Info)
	case waxseal.RungPermit:
		return min(s, waxseal.Low)
	case waxseal.RungWindow:
		if ch.Dangerous() {
			return max(min(s, waxseal.Medium), s-1)
		}
		return min(s, waxseal.Low)
	}
	return s
}
