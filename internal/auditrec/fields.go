package auditrec

import (
	"encoding/hex"
	"strings"
)

// encoded are the fields that the kernel (audit_log_untrustedstring) or libaudit
// (audit_encode_nv_string) writes quoted where they are plain and in hexadecimal
// where they hold blanks, quotes or control characters. Anything else that looks
// like hexadecimal is a number and stays as it is.
var encoded = map[string]bool{
	"comm": true, "exe": true, "name": true, "cwd": true, "proctitle": true,
	"key": true, "acct": true, "cmd": true, "data": true, "path": true,
	"dir": true, "ocomm": true, "file": true,
	"watch": true, "vm": true, "grp": true, "new_group": true,
}

// parseFields splits the pairs of one record of the given type. The second map
// is nil unless the record carries msg='…'.
func parseFields(typ, s string) (fields, claims map[string]string) {
	fields = map[string]string{}
	for {
		key, rest, ok := nextKey(s)
		if !ok {
			return fields, claims
		}
		if inner, isMessage := strings.CutPrefix(rest, "'"); isMessage && key == "msg" {
			// The text is the process's own and may hold quotes itself: what ends it is
			// the last quote of the record.
			inner = strings.TrimRight(inner, " ")
			inner = strings.TrimSuffix(inner, "'")
			claims, _ = parseFields("", inner)
			return fields, claims
		}
		var value string
		value, s = nextValue(typ, key, rest)
		if _, twice := fields[key]; !twice { // the first is the kernel's
			fields[key] = value
		}
	}
}

// nextKey finds the next "key=" and returns what follows it. Words without "="
// are prose ("avc:  denied") and are passed over.
func nextKey(s string) (key, rest string, ok bool) {
	for {
		s = strings.TrimLeft(s, " ,")
		end := strings.IndexAny(s, " =")
		switch {
		case end < 0:
			return "", "", false
		case s[end] == '=' && end > 0:
			return s[:end], s[end+1:], true
		default:
			s = s[end+1:]
		}
	}
}

// nextValue reads one value and returns what follows it.
func nextValue(typ, key, s string) (value, rest string) {
	if strings.HasPrefix(s, `"`) {
		if end := strings.IndexByte(s[1:], '"'); end >= 0 {
			return s[1 : end+1], s[end+2:]
		}
	}
	value, rest, _ = strings.Cut(s, " ")
	if encoded[key] || typ == "EXECVE" && isArgument(key) {
		value = decode(value)
	}
	return value, rest
}

// decode undoes the kernel's hexadecimal of a string. What is no hexadecimal is
// returned as it is.
func decode(s string) string {
	if s == "(null)" {
		return ""
	}
	b, err := hex.DecodeString(s)
	if err != nil || len(b) == 0 {
		return s
	}
	return string(b)
}

// isArgument reports whether an EXECVE key holds argument text: "a0", "a12",
// "a1[0]"; not "argc" or "a1_len".
func isArgument(key string) bool {
	_, _, ok := argument(key)
	return ok
}

// argument splits the key of an argument into its index and, for a part of a
// long argument, the number of the part; -1 for a whole one.
func argument(key string) (index, part int, ok bool) {
	digits, isArg := strings.CutPrefix(key, "a")
	if !isArg {
		return 0, 0, false
	}
	digits, inner, long := strings.Cut(digits, "[")
	part = -1
	if long {
		inner, closed := strings.CutSuffix(inner, "]")
		if part, ok = small(inner); !ok || !closed {
			return 0, 0, false
		}
	}
	index, ok = small(digits)
	return index, part, ok
}

// small reads a decimal index of at most seven digits.
func small(s string) (int, bool) {
	if s == "" || len(s) > 7 {
		return 0, false
	}
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}
