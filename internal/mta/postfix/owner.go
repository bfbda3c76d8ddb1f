package postfix

import (
	"strings"

	"waxseal/internal/mapdb"
)

// errorsOf says what else an alias named owner-NAME is: the sender of what goes to the
// alias NAME, so that notices of errors come here (aliases(5), postconf(5)
// owner_request_special). With expand_owner_alias what the owner's alias says is the
// sender, and not its name.
func (x following) errorsOf(key string) string {
	name, ok := strings.CutPrefix(mapdb.Fold(key), "owner-")
	if !ok || name == "" || x.view.Value("owner_request_special") != "yes" {
		return ""
	}
	if x.view.Value("expand_owner_alias") == "yes" {
		return ", which stands as sender on what goes to " + clip(name) + " and gets its notices of errors,"
	}
	return ", and with it each notice of an error in mail for " + clip(name) + ","
}
