package agent

import (
	"fmt"
	"slices"

	"waxseal"
	"waxseal/internal/store"
)

// Problem says a problem in one line.
func Problem(p waxseal.Problem) string {
	if p.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", p.Path, p.Line, p.Message)
	}
	return fmt.Sprintf("%s: %s", p.Path, p.Message)
}

const auditWasOff = "audit was off"

// setAuditWasOff lets a later run, or doctor --clean, switch audit off again
// after this one was killed.
func (a *Agent) setAuditWasOff(yes bool) {
	err := a.books.Append(func(tx *store.Tx) error {
		if yes {
			return tx.SetValue(auditWasOff, "yes")
		}
		return tx.DeleteValue(auditWasOff)
	})
	if err != nil {
		a.opts.Warn("can't remember that audit was off: " + err.Error())
	}
}

// AuditWasOff reports whether an agent that used this state directory switched
// audit on.
func (b *Books) AuditWasOff() bool {
	v, err := b.Value(auditWasOff)
	return err == nil && v == "yes"
}

// Logs lists the logs that an agent would follow and that exist.
func Logs(tree waxseal.Tree, s waxseal.State, more []waxseal.Path) []waxseal.Path {
	found := []waxseal.Path{}
	for _, p := range logPaths(s, more) {
		if f, err := tree.Stat(p); err == nil && f.Type == waxseal.Regular {
			found = append(found, p)
		}
	}
	return found
}

// notAmong are those of a list that are not in another one.
func notAmong(list, other []waxseal.Path) []waxseal.Path {
	return slices.DeleteFunc(list, func(p waxseal.Path) bool { return slices.Contains(other, p) })
}

// logPaths are the logs of the distribution, of the mail systems, and those that
// the configuration adds.
func logPaths(s waxseal.State, more []waxseal.Path) []waxseal.Path {
	logs := slices.Concat(defaultLogs, more)
	for _, st := range s.Stacks {
		logs = append(logs, st.Logs...)
	}
	slices.Sort(logs)
	return slices.Compact(logs)
}
