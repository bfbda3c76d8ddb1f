// Package exim reads a whole Exim out of a tree: what it would do with mail, in the
// order in which mail meets it.
package exim

import (
	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
)

// MTA is the name under which Exim appears in stacks and hooks.
const MTA waxseal.StackName = "exim"

// Read reads the Exim of the tree. The result is empty where there is none.
func Read(tree waxseal.Tree, m *mask.Masker, o mta.Options) mta.Result {
	return mta.NewBook(MTA, tree, m).Result()
}

// Places lists every sort of hook that this package finds, in the order in which
// mail meets them.
func Places() []waxseal.Place { return nil }
