package exim

import "strings"

// whoseMail turns a scope into the start of a sentence: "All mail that leaves",
// "Mail for alice@example.test", "Mail for the domain partner.example".
func whoseMail(scope string) string {
	switch kind, key, _ := strings.Cut(scope, " "); {
	case scope == "":
		return "All mail"
	case kind == "recipient" && strings.HasPrefix(key, "@"):
		return "Mail for the domain " + key[1:]
	case kind == "recipient":
		return "Mail for " + key
	case kind == "sender":
		return "Mail from " + key
	}
	return strings.ToUpper(scope[:1]) + scope[1:]
}
