package expand

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
)

// operators are those that need nothing but their argument.
var operators = map[string]func(string) string{
	"lc":     lowered,
	"uc":     raised,
	"strlen": func(s string) string { return strconv.Itoa(len(s)) },
	"base64": func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"md5": func(s string) string {
		sum := md5.Sum([]byte(s))
		return hex.EncodeToString(sum[:])
	},
	"sha1": func(s string) string {
		sum := sha1.Sum([]byte(s))
		return strings.ToUpper(hex.EncodeToString(sum[:]))
	},
	"listcount": func(s string) string { return strconv.Itoa(len(List(s))) },
	"rxquote":   quoteExpression,
	"quote":     quoteString,
	"str2b64":   func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
}

// operate applies an operator.
func operate(name, arg string) (string, Outcome) {
	if op, ok := operators[name]; ok {
		return op(arg), Known
	}
	base, numbers, _ := strings.Cut(name, "_")
	switch base {
	case "length", "l":
		return substring("0_"+numbers, arg)
	case "substr", "s":
		return substring(numbers, arg)
	}
	return "", Unknown
}

// lowered and raised know ASCII letters only, as tolower(3) in the C locale.
func lowered(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func raised(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}

// substring cuts by "offset_length" (expand.c extract_substr): a negative offset
// counts from the end, and without a length the rest follows, or what stands
// before it.
func substring(numbers, s string) (string, Outcome) {
	first, second, both := strings.Cut(numbers, "_")
	offset, err := strconv.Atoi(first)
	if err != nil {
		return "", Broken
	}
	length := -1
	if both {
		if length, err = strconv.Atoi(second); err != nil || length < 0 {
			return "", Broken
		}
	}
	from, until := span(offset, length, len(s))
	return s[from:until], Known
}

func span(offset, length, n int) (from, until int) {
	if offset >= 0 {
		from = min(offset, n)
		if length < 0 {
			return from, n
		}
		return from, min(from+length, n)
	}
	from = n + offset
	if length < 0 {
		return 0, max(from, 0)
	}
	until = from + length
	return max(from, 0), max(min(until, n), max(from, 0))
}

func quoteExpression(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if !isAlpha(s[i]) && !isDigit(s[i]) {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// quoteString puts quotes round what is more than letters, digits, "_", "-" and
// ".".
func quoteString(s string) string {
	plain := s != ""
	for i := range len(s) {
		plain = plain && (isAlpha(s[i]) || isDigit(s[i]) || strings.IndexByte("_-.", s[i]) >= 0)
	}
	if plain {
		return s
	}
	return `"` + strings.NewReplacer("\n", `\n`, "\r", `\r`, `\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
