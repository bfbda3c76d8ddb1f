package postfix

import (
	"strings"
	"unicode/utf8"
)

// otherForm writes an internationalised domain in its other form: xn--… for one
// with letters beyond ASCII, and those for xn--… (RFC 5890). Both name one domain,
// though Postfix compares lists of domains as they are written. It is "" where
// there is no other form.
func otherForm(domain string) string {
	labels := strings.Split(domain, ".")
	changed := false
	for i, l := range labels {
		other, ok := "", false
		if rest, ace := strings.CutPrefix(l, "xn--"); ace {
			other, ok = fromPunycode(rest)
		} else if len(l) < 64 && utf8.ValidString(l) && strings.ContainsFunc(l, func(r rune) bool { return r >= utf8.RuneSelf }) {
			other, ok = "xn--"+toPunycode(l), true
		}
		if ok {
			labels[i], changed = other, true
		}
	}
	if !changed {
		return ""
	}
	return strings.Join(labels, ".")
}

// The parameters of RFC 3492, section 5.
const (
	punyBase, punyMin, punyMax = 36, 1, 26
	punySkew, punyDamp         = 38, 700
	punyBias, punyFirst        = 72, 128
	punyDigits                 = "abcdefghijklmnopqrstuvwxyz0123456789"
)

// adapt is the bias after one character (RFC 3492, section 6.1).
func adapt(delta, count int, first bool) int {
	if delta /= 2; first {
		delta = delta * 2 / punyDamp
	}
	delta += delta / count
	k := 0
	for ; delta > (punyBase-punyMin)*punyMax/2; k += punyBase {
		delta /= punyBase - punyMin
	}
	return k + (punyBase-punyMin+1)*delta/(delta+punySkew)
}

func threshold(k, bias int) int { return min(max(k-bias, punyMin), punyMax) }

func toPunycode(label string) string {
	runes := []rune(label)
	var out []byte
	for _, r := range runes {
		if r < punyFirst {
			out = append(out, byte(r))
		}
	}
	done := len(out)
	basic := done
	if basic > 0 {
		out = append(out, '-')
	}
	for n, delta, bias := rune(punyFirst), 0, punyBias; done < len(runes); n++ {
		next := rune(utf8.MaxRune)
		for _, r := range runes {
			if r >= n {
				next = min(next, r)
			}
		}
		delta += int(next-n) * (done + 1)
		n = next
		for _, r := range runes {
			if r < n {
				delta++
			}
			if r != n {
				continue
			}
			q, k := delta, punyBase
			for ; q >= threshold(k, bias); k += punyBase {
				t := threshold(k, bias)
				out = append(out, punyDigits[t+(q-t)%(punyBase-t)])
				q = (q - t) / (punyBase - t)
			}
			out = append(out, punyDigits[q])
			bias = adapt(delta, done+1, done == basic)
			delta = 0
			done++
		}
		delta++
	}
	return string(out)
}

func fromPunycode(text string) (string, bool) {
	var out []rune
	if i := strings.LastIndexByte(text, '-'); i >= 0 {
		out, text = []rune(text[:i]), text[i+1:]
	}
	if len(text) > 63 {
		return "", false
	}
	for n, at, bias := punyFirst, 0, punyBias; text != ""; at++ {
		before, weight := at, 1
		for k := punyBase; ; k += punyBase {
			if text == "" || weight > 1<<40 {
				return "", false
			}
			digit := strings.IndexByte(punyDigits, text[0])
			text = text[1:]
			if digit < 0 {
				return "", false
			}
			at += digit * weight
			t := threshold(k, bias)
			if digit < t {
				break
			}
			weight *= punyBase - t
		}
		bias = adapt(at-before, len(out)+1, before == 0)
		n += at / (len(out) + 1)
		at %= len(out) + 1
		if n > utf8.MaxRune || n < 0 {
			return "", false
		}
		out = append(out[:at], append([]rune{rune(n)}, out[at:]...)...)
	}
	return string(out), true
}
