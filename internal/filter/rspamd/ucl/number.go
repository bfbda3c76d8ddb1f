package ucl

import (
	"errors"
	"strconv"
)

var (
	errRange    = errors.New("a numeric value out of range")
	errNoNumber = errors.New("no number")
)

// parseNumber reads a number with its multiplier that begins at a position
// (ucl_maybe_parse_number): 10, 0x1f, 1.5, 2k, 2kb, 10ms, 5min, 1d.
func parseNumber(text string, from int) (v Value, end int, err error) {
	digits, stop, hex, float, err := numberExtent(text, from)
	if err != nil {
		return v, 0, err
	}
	end = stop
	if float {
		v.number, err = strconv.ParseFloat(text[digits:stop], 64)
		v.Kind = Float
	} else {
		base := 10
		if hex {
			base = 16
		}
		end = digits
		for end < len(text) && (isDigit(text[end]) || hex && isHex(text[end])) {
			end++
		}
		if hex && end == digits {
			digits, end = spacedHex(text, digits) // strtoimax(3) skips white space
		}
		if end > digits { // "0x" is 0
			v.whole, err = strconv.ParseInt(text[digits:end], base, 64)
		}
		v.Kind = Int
	}
	if err != nil {
		return v, 0, errRange
	}
	if end, err = v.multiply(text, end); err != nil {
		return v, 0, err
	}
	if text[from] == '-' {
		v.number, v.whole = -v.number, -v.whole
	}
	if hex {
		v.Kind = Int // a unit of time behind it counts for nothing
	}
	return v, end, nil
}

// spacedHex finds hexadecimal digits behind white space, none where there are none.
func spacedHex(text string, from int) (digits, end int) {
	i := from
	for i < len(text) && isSpace(text[i]) {
		i++
	}
	end = i
	for end < len(text) && isHex(text[end]) {
		end++
	}
	if end == i {
		return from, from
	}
	return i, end
}

// numberExtent finds where the digits of a number begin and end.
func numberExtent(text string, from int) (digits, end int, hex, float bool, err error) {
	at := func(i int) byte {
		if i < len(text) {
			return text[i]
		}
		return 0
	}
	i, valid, dot, exponent := from, false, false, false
	if at(i) == '-' {
		i++
	}
	digits = i
	for ; i < len(text); i++ {
		b := text[i]
		switch {
		case hex && isHex(b) || isDigit(b):
			valid = valid || isDigit(b)
			continue
		case !hex && (b == 'x' || b == 'X'):
			// Whatever stood before the x does not count.
			return i + 1, i + 1, true, false, validOr(valid)
		case i == digits, b == '.' && dot, (b == 'e' || b == 'E') && exponent:
			return 0, 0, false, false, errNoNumber
		case b == '.':
			dot, float = true, true
			continue
		case b == 'e' || b == 'E':
			exponent, float = true, true
			i++
			if n := at(i); i >= len(text) || !isDigit(n) && n != '+' && n != '-' {
				return 0, 0, false, false, errNoNumber
			}
			continue
		}
		break
	}
	for float && i > digits && (at(i-1) == 'e' || at(i-1) == 'E' || at(i-1) == '+' || at(i-1) == '-') {
		i-- // "1e+" is 1, and what follows no end of a value
	}
	return digits, i, hex, float, validOr(valid)
}

func validOr(valid bool) error {
	if valid {
		return nil
	}
	return errNoNumber
}

// multiply applies the multiplier that stands at a position, and tells where the
// value ends.
func (v *Value) multiply(text string, end int) (int, error) {
	at := func(i int) byte {
		if i < len(text) {
			return text[i]
		}
		return 0
	}
	if endsValue(at(end)) {
		return end, nil
	}
	ends := func(n int) (int, error) {
		if endsValue(at(end + n)) {
			return end + n, nil
		}
		return 0, errNoNumber
	}
	b, next := lower(at(end)), lower(at(end+1))
	switch {
	case isBlank(b):
		for isBlank(at(end)) {
			end++
		}
		return ends(0)
	case isPower(b) && next == 's':
		v.seconds(map[byte]float64{'m': 1. / 1000, 'k': 1e3, 'g': 1e9}[b])
		return ends(2)
	case isPower(b) && next == 'b':
		if v.Kind != Int {
			v.Kind, v.whole = Int, int64(v.number)
		}
		v.whole *= map[byte]int64{'m': 1 << 20, 'k': 1 << 10, 'g': 1 << 30}[b]
		return ends(2)
	case isPower(b) && endsValue(at(end+1)):
		power := map[byte]int64{'m': 1e6, 'k': 1e3, 'g': 1e9}[b]
		v.whole *= power
		v.number *= float64(power)
		return ends(1)
	case b == 'm' && next == 'i' && lower(at(end+2)) == 'n':
		v.seconds(60)
		return ends(3)
	case periods[b] != 0:
		if _, err := ends(1); err != nil {
			return 0, err
		}
		v.seconds(periods[b])
		return end + 1, nil
	}
	return 0, errNoNumber
}

var periods = map[byte]float64{'s': 1, 'h': 3600, 'd': 86400, 'w': 7 * 86400, 'y': 365 * 86400}

func isPower(b byte) bool { return b == 'm' || b == 'k' || b == 'g' }

// seconds makes a number a time.
func (v *Value) seconds(unit float64) {
	if v.Kind == Int {
		v.number = float64(v.whole)
	}
	v.Kind = Time
	if unit == 1./1000 {
		v.number /= 1000
		return
	}
	v.number *= unit
}
