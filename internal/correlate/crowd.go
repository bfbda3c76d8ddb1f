package correlate

import (
	"slices"
	"strings"
	"time"

	"waxseal"
)

const (
	// many mailboxes changed by one hand within manyFor are one deed: five users do not
	// ask the same administrator in ten minutes, and an intruder's script does not wait.
	many    = 5
	manyFor = 10 * time.Minute
	// sameAddress is how many mailboxes hand mail to one foreign address before that is
	// somebody's collection.
	sameAddress = 3
	maxCrowd    = 1 << 12
)

// Crowd remembers which hands changed the rules of which mailboxes lately, and when
// those became one deed.
type Crowd struct {
	hands map[string][]waxseal.Gathered
}

// NewCrowd returns a crowd of nobody.
func NewCrowd() *Crowd { return &Crowd{hands: map[string][]waxseal.Gathered{}} }

// Add notes a change, and returns all of the hand's within ten minutes if they
// concern many mailboxes.
func (c *Crowd) Add(hand string, g waxseal.Gathered) []waxseal.Gathered {
	if len(c.hands) > maxCrowd {
		clear(c.hands)
	}
	lately := slices.DeleteFunc(c.hands[hand], func(old waxseal.Gathered) bool { return g.Time.Sub(old.Time) > manyFor })
	lately = append(bounded(lately, maxCrowd), g)
	c.hands[hand] = lately
	if Mailboxes(lately) < many {
		return nil
	}
	return lately
}

// Mailboxes counts the mailboxes of a list.
func Mailboxes(list []waxseal.Gathered) int {
	names := map[string]bool{}
	for _, g := range list {
		names[g.Mailbox] = true
	}
	return len(names)
}

// Collected lists the mailboxes that hand mail to a foreign address by rules of their
// own, if they are too many for a user who collects his own mail. mailbox says whose
// mail a hook meets.
func Collected(hooks []waxseal.Hook, address string, mailbox func(waxseal.Hook) string) []waxseal.Gathered {
	var list []waxseal.Gathered
	seen := map[string]bool{}
	for _, h := range hooks {
		if !h.Active || h.Target.Type != waxseal.TargetAddress || !strings.EqualFold(h.Target.Value, address) {
			continue
		}
		if box := mailbox(h); box != "" && !seen[box] {
			seen[box] = true
			list = append(list, waxseal.Gathered{Mailbox: box, Path: h.Source.Path, Title: h.Explain})
		}
	}
	if len(list) < sameAddress {
		return nil
	}
	return list
}
