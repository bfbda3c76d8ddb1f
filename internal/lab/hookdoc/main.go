// Hookdoc writes docs/hooks.md: every sort of hook, where it is found, what it
// can do, and for each a harmless and a malicious example with what Waxseal says
// of it. The sorts come from the readers themselves, and the judgements from
// really running the examples:
//
//	go run ./internal/lab/hookdoc
//
// An example is an archive in examples/MTA/ that bears the name of the directive;
// see example.go. The servers that examples change are in servers.go.
package main

import (
	"fmt"
	"os"
	"slices"

	"waxseal"
	"waxseal/internal/filter/amavis"
	"waxseal/internal/filter/delivery"
	"waxseal/internal/filter/dovecot"
	"waxseal/internal/filter/fetch"
	"waxseal/internal/filter/lists"
	"waxseal/internal/filter/mailman"
	"waxseal/internal/filter/milters"
	"waxseal/internal/filter/mimedefang"
	"waxseal/internal/filter/nullclient"
	"waxseal/internal/filter/others"
	"waxseal/internal/filter/policy"
	"waxseal/internal/filter/rspamd"
	"waxseal/internal/filter/spamassassin"
	around "waxseal/internal/host"
	"waxseal/internal/mta/exim"
	"waxseal/internal/mta/opensmtpd"
	"waxseal/internal/mta/postfix"
	"waxseal/internal/mta/sendmail"
	"waxseal/internal/surroundings"
)

func main() {
	text, err := page("internal/lab/hookdoc/examples")
	if err == nil {
		err = os.WriteFile("docs/hooks.md", []byte(text), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "hookdoc:", err)
		os.Exit(1)
	}
}

// places are the sorts of hook of every reader.
func places() []waxseal.Place {
	return slices.Concat(postfix.Places(), exim.Places(), sendmail.Places(), opensmtpd.Places(), dovecot.Places(), milters.Places(), spamassassin.Places(), policy.Places(), mailman.Places(), lists.Places(), nullclient.Places(), fetch.Places(), delivery.Places(), others.Places(), rspamd.Places(), around.Sorts(), amavis.Places(), mimedefang.Places(), surroundings.Sorts())
}
