package sieve

import (
	"strconv"
	"strings"
)

// Mailto lists the addresses that a notification by a mailto address goes to; ok is
// false where Pigeonhole takes it for no mailto address. RFC 6068 has
// "mailto:alice@example.test?cc=bob@example.test&subject=Hello%20you"; a comma
// between addresses is written %2C. A Bcc is ignored (RFC 5436 section 2.7).
func Mailto(uri string) (to []string, ok bool) {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok || !strings.EqualFold(scheme, "mailto") {
		return nil, false
	}
	path, query, _ := strings.Cut(rest, "?")
	if path != "" {
		text, good := unescape(path, ":;,")
		if to, ok = addressList(text); !ok || !good {
			return nil, false
		}
	}
	for query != "" {
		var field string
		field, query, _ = strings.Cut(query, "&")
		name, value, _ := strings.Cut(field, "=")
		name, good := unescape(name, "")
		value, alsoGood := unescape(value, "")
		if !good || !alsoGood || strings.ContainsAny(name, " :\r\n\t") {
			return nil, false
		}
		if strings.EqualFold(name, "to") || strings.EqualFold(name, "cc") {
			more, good := addressList(value)
			if !good {
				return nil, false
			}
			to = append(to, more...)
		}
	}
	return to, true
}

// unescape decodes %40; what means something in an address of this kind, and the
// characters of not, are not to stand there as they are.
func unescape(s, not string) (text string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '%':
			v, err := strconv.ParseUint(s[i+1:min(len(s), i+3)], 16, 8)
			if err != nil || v == 0 || i+2 >= len(s) {
				return "", false
			}
			c, i = byte(v), i+2
		case strings.IndexByte(not, c) >= 0:
			return "", false
		case c >= '0' && c <= '9', letter(c), strings.IndexByte("!$'()*+,-.:;@~=", c) >= 0:
		default:
			return "", false
		}
		b.WriteByte(c)
	}
	return b.String(), true
}

func addressList(s string) (list []string, ok bool) {
	for _, a := range strings.Split(s, ",") {
		if !validAddress(a) {
			return nil, false
		}
		list = append(list, strings.TrimSpace(a))
	}
	return list, true
}
