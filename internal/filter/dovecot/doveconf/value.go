package doveconf

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// says is what Dovecot says of what it does not take, in its own words.
type says string

func (s says) Error() string { return string(s) }

// canonical checks a value and writes it as doveconf(1) does: "60 s" is "1 mins",
// "2048" is "2 k" (doc.dovecot.org, "Settings types").
func (e entry) canonical(v string) (string, error) {
	switch e.Type {
	case "bool":
		return boolean(v)
	case "uint", "octal", "port":
		return e.number(v)
	case "time":
		return interval(v, 1)
	case "msecs":
		return interval(v, 1000)
	case "size":
		return size(v)
	}
	if words, ok := strings.CutPrefix(e.Type, "enum:"); ok && !slices.Contains(strings.Split(words, ","), v) {
		return "", says("Invalid value: " + v)
	}
	return v, nil
}

func boolean(v string) (string, error) {
	switch {
	case strings.EqualFold(v, "yes"), strings.EqualFold(v, "y"), v == "1":
		return "yes", nil
	case strings.EqualFold(v, "no"):
		return "no", nil
	}
	return "", says("Invalid boolean value: " + v + " (use yes or no)")
}

func (e entry) number(v string) (string, error) {
	bits, base := 32, 10
	switch {
	case e.Type == "port":
		bits = 16
	case e.Type == "octal" && strings.HasPrefix(v, "0"):
		base, bits = 8, 64
	}
	if v == "" || v[0] < '0' || v[0] > '9' {
		return "", says("Invalid number " + v)
	}
	n, err := strconv.ParseUint(v, base, bits)
	if err != nil {
		return "", says("Invalid number " + v)
	}
	if e.Type == "octal" {
		return "0" + strconv.FormatUint(n&math.MaxUint32, 8), nil
	}
	return strconv.FormatUint(n, 10), nil
}

// leading reads the number at the start of a value, and the unit after it.
func leading(v string) (n uint64, unit string, ok bool) {
	end := strings.IndexFunc(v, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(v)
	}
	n, err := strconv.ParseUint(v[:end], 10, 64)
	return n, strings.TrimLeft(v[end:], " "), err == nil
}

// units of time; each may be shortened: "d", "day", "days".
var units = []struct {
	name    string
	seconds uint64
}{
	{"secs", 1}, {"seconds", 1}, {"mins", 60}, {"minutes", 60}, {"hours", 3600}, {"days", 86400}, {"weeks", 604800},
}

func interval(v string, perSecond uint64) (string, error) {
	n, unit, ok := leading(v)
	wrong := says("Invalid time interval: " + v)
	if !ok || unit == "" && n != 0 {
		return "", wrong
	}
	multiply := uint64(0)
	low := strings.ToLower(unit)
	for _, u := range units {
		if unit != "" && strings.HasPrefix(u.name, low) {
			multiply = u.seconds * perSecond
			break
		}
	}
	if multiply == 0 && unit != "" {
		for _, name := range []string{"msecs", "mseconds", "millisecs", "milliseconds"} {
			if strings.HasPrefix(name, low) && (perSecond == 1000 || n%1000 == 0) {
				n, multiply = n*perSecond/1000, 1
				break
			}
		}
	}
	if multiply == 0 && unit != "" || multiply > 0 && n > math.MaxUint32/multiply {
		return "", wrong
	}
	return duration(n*multiply, perSecond), nil
}

// duration writes seconds, or thousandths of them, in the largest unit that fits.
func duration(n, perSecond uint64) string {
	if n%perSecond != 0 {
		return strconv.FormatUint(n, 10) + " ms"
	}
	n /= perSecond
	if n == 0 {
		return "0"
	}
	unit := "secs"
	for _, step := range []struct {
		by   uint64
		unit string
	}{{60, "mins"}, {60, "hours"}, {24, "days"}, {7, "weeks"}} {
		if n%step.by != 0 {
			break
		}
		n /= step.by
		unit = step.unit
	}
	return strconv.FormatUint(n, 10) + " " + unit
}

func size(v string) (string, error) {
	n, unit, ok := leading(v)
	wrong := says("Invalid size: " + v)
	if !ok {
		return "", wrong
	}
	multiply := uint64(1)
	if unit != "" {
		power := strings.IndexByte("BKMGT", unit[0]&^0x20)
		if power < 0 {
			return "", wrong
		}
		multiply = 1 << (10 * power)
		unit = unit[1:]
		if power > 0 && unit != "" && unit[0]&^0x20 == 'I' {
			unit = unit[1:]
		}
		if power > 0 && unit != "" && unit[0]&^0x20 == 'B' {
			unit = unit[1:]
		}
	}
	if unit != "" || n > math.MaxUint64/multiply {
		return "", wrong
	}
	return bytesIn(n * multiply), nil
}

// bytesIn writes a size in the largest unit that fits.
func bytesIn(n uint64) string {
	if n == 0 {
		return "0"
	}
	unit := 0
	for unit < 4 && n%1024 == 0 {
		n /= 1024
		unit++
	}
	return strconv.FormatUint(n, 10) + " " + []string{"B", "k", "M", "G", "T"}[unit]
}
