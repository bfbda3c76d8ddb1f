package eximconf

import (
	"strconv"
	"strings"
)

// Show writes a value as "exim -bP" does, so that two spellings of one value are
// equal: "604800" and "7d" are "1w", "1024K" is "1M".
func Show(o Option) string {
	switch o.Type {
	case Integer, Size, Octal:
		if n, ok := integer(o.Value, o.Type == Octal); ok {
			return showInteger(n, o.Type)
		}
	case KSize:
		if n, ok := integer(o.Value, false); ok {
			return showK(n, strings.ContainsAny(o.Value, "kKmMgGtT"))
		}
	case Fixed:
		return showFixed(o.Value)
	case Time:
		if n, ok := seconds(o.Value); ok {
			return showTime(n)
		}
	case Times:
		return showTimes(o.Value)
	}
	return o.Value
}

// integer reads a number as strtol(3) does, with K, M, G or T behind it.
func integer(s string, octal bool) (int64, bool) {
	base := 0
	if octal {
		base = 8
	}
	s = strings.TrimRight(s, blanks)
	if s == "" {
		return 0, false
	}
	factor := int64(1)
	if i := strings.IndexByte("kmgt", s[len(s)-1]|0x20); i >= 0 && isAlpha(s[len(s)-1]) {
		factor, s = 1<<(10*(i+1)), s[:len(s)-1]
	}
	if strings.ContainsAny(s, "_oObB") && !strings.HasPrefix(s, "0x") {
		return 0, false // what Go takes for numbers and C does not
	}
	n, err := strconv.ParseInt(s, base, 64)
	return n * factor, err == nil
}

func showInteger(n int64, t Type) string {
	switch {
	case t == Octal && n == 0:
		return "0"
	case t == Octal:
		return "0" + strconv.FormatInt(n, 8)
	case t == Size && n != 0 && n%1024 == 0:
		if n >>= 10; n%1024 == 0 {
			return strconv.FormatInt(n>>10, 10) + "M"
		}
		return strconv.FormatInt(n, 10) + "K"
	}
	return strconv.FormatInt(n, 10)
}

// showK shows a size that is held in kilobytes.
func showK(n int64, suffixed bool) string {
	if !suffixed {
		n += 512
	}
	n /= 1024
	switch {
	case n == 0:
		return "0"
	case n&(1<<30-1) == 0:
		return strconv.FormatInt(n>>30, 10) + "T"
	case n&(1<<20-1) == 0:
		return strconv.FormatInt(n>>20, 10) + "G"
	case n&(1<<10-1) == 0:
		return strconv.FormatInt(n>>10, 10) + "M"
	}
	return strconv.FormatInt(n, 10) + "K"
}

// showFixed shows a number with up to three decimals.
func showFixed(s string) string {
	whole, fraction, _ := strings.Cut(strings.TrimRight(s, blanks), ".")
	n, err := strconv.Atoi(strings.TrimLeft(whole, blanks))
	if err != nil {
		return s
	}
	fraction = strings.TrimRight((fraction + "000")[:3], "0")
	if fraction == "" {
		fraction = "0"
	}
	return strconv.Itoa(n) + "." + fraction
}

var timeUnits = []struct {
	letter  byte
	seconds int64
}{{'w', 604800}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}}

// seconds reads "1w2d3h4m5s": each number wants its letter (spec 6.16).
func seconds(s string) (int64, bool) {
	total, digits := int64(0), ""
	s = strings.TrimRight(s, blanks)
	for i := range len(s) {
		if isDigit(s[i]) {
			digits += s[i : i+1]
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 32)
		unit := int64(0)
		for _, u := range timeUnits {
			if u.letter == s[i] {
				unit = u.seconds
			}
		}
		if err != nil || unit == 0 {
			return 0, false
		}
		total, digits = total+n*unit, ""
	}
	return total, s != "" && digits == ""
}

func showTime(n int64) string {
	if n == 0 {
		return "0s"
	}
	var b strings.Builder
	if n < 0 {
		b.WriteByte('-')
		n = -n
	}
	for _, u := range timeUnits {
		if n >= u.seconds {
			b.WriteString(strconv.FormatInt(n/u.seconds, 10))
			b.WriteByte(u.letter)
			n %= u.seconds
		}
	}
	return b.String()
}

func showTimes(s string) string {
	var shown []string
	for item := range strings.SplitSeq(s, ":") {
		n, ok := seconds(strings.Trim(item, blanks))
		if !ok {
			return s
		}
		shown = append(shown, showTime(n))
	}
	return strings.Join(shown, ":")
}

// valid reports whether a value is of its option's type.
func valid(o Option) bool {
	ok := true
	switch o.Type {
	case Integer, Size, KSize, Octal:
		_, ok = integer(o.Value, o.Type == Octal)
	case Fixed:
		ok = o.Value != "" && isDigit(o.Value[0])
	case Time:
		_, ok = seconds(o.Value)
	case Times:
		for item := range strings.SplitSeq(o.Value, ":") {
			_, good := seconds(strings.Trim(item, blanks))
			ok = ok && (good || o.Value == "")
		}
	}
	return ok
}
