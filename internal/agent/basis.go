package agent

import (
	"fmt"

	"waxseal"
	"waxseal/internal/logline"
)

// basis remembers where the ledger has what a later finding may rest on: audited
// operations, and how sessions were opened.
type basis map[string][]*waxseal.Index

// maxBasis bounds it; what is forgotten is still in the ledger, only not pointed
// at.
const maxBasis = 1 << 13

func (b basis) add(key string, index *waxseal.Index) {
	if len(b) > maxBasis {
		clear(b)
	}
	if len(b[key]) < maxRelated {
		b[key] = append(b[key], index)
	}
}

func touchKey(e *waxseal.AuditEvent) string { return fmt.Sprintf("audit %d", e.Serial) }

func sessionKey(session uint32) string { return fmt.Sprintf("session %d", session) }

func peerKey(address string, port int) string { return fmt.Sprintf("peer %s %d", address, port) }

// originKey is under what an observation about a login is found again, "" for
// any other. These are few, and each enters the ledger as it comes: a session
// may be opened long before it does harm.
func originKey(o waxseal.Observation) string {
	switch {
	case o.Audit != nil && o.Audit.Session != waxseal.Unset:
		switch o.Audit.Type {
		case "LOGIN", "USER_LOGIN":
			return sessionKey(o.Audit.Session)
		}
	case o.Log != nil:
		if l, ok := logline.Parse(o.Log.Text); ok {
			if accepted, ok := logline.ParseAccepted(l); ok {
				return peerKey(accepted.Address, accepted.Port)
			}
		}
	}
	return ""
}

// of lists what is known of an actor's operation, session and connection.
func (b basis) of(touch *waxseal.AuditEvent, a waxseal.Actor) []*waxseal.Index {
	var list []*waxseal.Index
	if touch != nil {
		list = append(list, b[touchKey(touch)]...)
	}
	if a.Login.Session != waxseal.Unset {
		list = append(list, b[sessionKey(a.Login.Session)]...)
	}
	if a.Origin.Address != "" {
		list = append(list, b[peerKey(a.Origin.Address, a.Origin.Port)]...)
	}
	return list
}
