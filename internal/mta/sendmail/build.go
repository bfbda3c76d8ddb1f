package sendmail

import "waxseal/internal/mta/sendmail/cf"

// build is what an .mc would be built into.
type build struct {
	text   string
	config *cf.Config
}

func (r *reader) buildOf(f found) *build { return nil }

func (in *instance) drift() {}
