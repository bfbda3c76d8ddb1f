// Package opensmtpd reads a whole OpenSMTPD out of a tree: what it would do with mail, in the
// order in which mail meets it.
package opensmtpd

import (
	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
)

// MTA is the name under which OpenSMTPD appears in stacks and hooks.
const MTA waxseal.StackName = "opensmtpd"

// Read reads the OpenSMTPD of the tree. The result is empty where there is none.
func Read(tree waxseal.Tree, m *mask.Masker, o mta.Options) mta.Result {
	return mta.NewBook(MTA, tree, m).Result()
}

// Places lists every sort of hook that this package finds, in the order in which
// mail meets them.
func Places() []waxseal.Place { return nil }
