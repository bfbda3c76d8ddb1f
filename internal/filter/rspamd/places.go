package rspamd

import "waxseal"

// Places lists every sort of hook that this package finds.
func Places() []waxseal.Place { return nil }
