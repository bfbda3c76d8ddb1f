package milters

import (
	"strings"

	"waxseal/internal/mta"
)

// ParseSocket reads where a milter listens, as libmilter takes it (smfi_setconn):
// unix:PATH, local:PATH, a path alone, inet:PORT@HOST, inet6:PORT@HOST. It is written
// as the target of a mail system that hands mail there; without a host that is every
// address.
func ParseSocket(spec string) (socket string, ok bool) {
	kind, rest, found := strings.Cut(strings.TrimSpace(spec), ":")
	if !found {
		kind, rest = "unix", kind
	}
	if rest == "" {
		return "", false
	}
	switch strings.ToLower(kind) {
	case "unix", "local":
		return "unix:" + string(mta.Clean(rest)), true
	case "inet", "inet6":
		port, host, _ := strings.Cut(rest, "@")
		host = strings.Trim(host, "[]")
		if host == "" {
			host = map[string]string{"inet": "0.0.0.0", "inet6": "::"}[strings.ToLower(kind)]
		}
		return mta.InetSocket(host, port).Value, port != ""
	}
	return "", false
}
