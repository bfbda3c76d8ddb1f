package kaudit

import (
	"fmt"
	"slices"
	"strings"
)

// Where the configuration of audit is locked until the next boot (auditctl -e 2), the
// rules that are loaded are used as they are.

// openLocked says which watches none of the loaded rules serves.
func (s *Sensor) openLocked() error {
	present, err := s.control.rules()
	if err != nil {
		return fmt.Errorf("list audit rules: %s", explain(err))
	}
	s.blocked = obstacles(present)
	s.notes = append(s.notes, lockedNote(present, s.options.Watches))
	s.notes = append(s.notes, s.blocked...)
	for _, path := range s.options.Watches {
		if validPath(path) == nil {
			s.watches[path] = &watch{} // recognised where another rule reports it
		}
	}
	return nil
}

const maxNamed = 8

func lockedNote(present []rule, paths []string) string {
	blind := slices.DeleteFunc(slices.Clone(paths), func(p string) bool {
		return slices.ContainsFunc(present, func(r rule) bool { return r.serves(p) })
	})
	note := fmt.Sprintf("audit rules are locked until the next boot (auditctl -e 2): no rules were added, and %d of %d watched paths are reported by rules that are loaded", len(paths)-len(blind), len(paths))
	if len(blind) == 0 {
		return note
	}
	more := ""
	if len(blind) > maxNamed {
		more = fmt.Sprintf(" and %d more", len(blind)-maxNamed)
	}
	return note + "; who changes these is not proven: " + strings.Join(blind[:min(len(blind), maxNamed)], ", ") + more
}

// serves reports whether a rule reports writes at or below a path, by whomever.
func (r rule) serves(path string) bool {
	if r.list() != filterExit || r.action() != alwaysAct {
		return false
	}
	at := false
	for _, f := range r.fields() {
		switch f.id {
		case fieldDir:
			at = path == f.text || strings.HasPrefix(path, strings.TrimSuffix(f.text, "/")+"/")
		case fieldWatch:
			at = path == f.text || path == Entries(f.text)
		case fieldPerm:
			if f.value&permWrite == 0 {
				return false
			}
		case fieldKey, fieldArch:
		default:
			return false // it reports some of them only
		}
	}
	return at
}
