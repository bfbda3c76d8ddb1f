package expand

import (
	"regexp"
	"strconv"
	"strings"
)

// holds evaluates a condition.
func (v *evaluation) holds(c *Condition) (bool, Outcome) {
	yes, o := v.test(c)
	return yes != c.Negated, o
}

func (v *evaluation) test(c *Condition) (bool, Outcome) {
	switch c.Name {
	case "and", "or":
		return v.combined(c)
	case "def":
		value, o := v.variable(c.Of)
		return value != "", o
	}
	if strings.HasPrefix(c.Name, "forany") || strings.HasPrefix(c.Name, "forall") {
		return v.iterated(c)
	}
	var args []string
	for _, a := range c.Args {
		text, o := v.expand(a)
		if o != Known {
			return false, o
		}
		args = append(args, text)
	}
	switch len(args) {
	case 1:
		return v.single(c.Name, args[0])
	case 2:
		return v.double(c.Name, args[0], args[1])
	}
	return false, Unknown
}

func (v *evaluation) combined(c *Condition) (bool, Outcome) {
	unknown := false
	for i := range c.Subs {
		yes, o := v.holds(&c.Subs[i])
		switch {
		case o == Unknown:
			unknown = true
		case o != Known:
			return false, o
		case yes == (c.Name == "or") && !unknown:
			return yes, Known
		}
	}
	if unknown {
		return false, Unknown
	}
	return c.Name == "and", Known
}

func (v *evaluation) iterated(c *Condition) (bool, Outcome) {
	if len(c.Args) != 1 || len(c.Subs) != 1 || strings.Contains(c.Name, "json") {
		return false, Unknown
	}
	list, o := v.expand(c.Args[0])
	if o != Known {
		return false, o
	}
	before, any := v.item, c.Name == "forany"
	defer func() { v.item = before }()
	items := List(list)
	for _, item := range items {
		v.item = &item
		yes, o := v.holds(&c.Subs[0])
		if o != Known || yes == any {
			return yes, o
		}
	}
	return !any && len(items) > 0, Known // of no items not even all are
}

func (v *evaluation) single(name, arg string) (bool, Outcome) {
	switch name {
	case "exists":
		if v.world.Exists == nil {
			return false, Unknown
		}
		if yes, known := v.world.Exists(arg); known {
			return yes, Known
		}
	case "bool", "bool_lax":
		yes, ok := truth(arg, name == "bool_lax")
		if !ok {
			return false, Broken
		}
		return yes, Known
	}
	return false, Unknown
}

// truth is what a string is taken for: by bool strictly, by bool_lax and by the
// condition of a router so that all but a few words are true.
func truth(s string, lax bool) (yes, ok bool) {
	s = strings.Trim(s, blanks)
	switch lower := strings.ToLower(s); {
	case s == "" || lower == "false" || lower == "no":
		return false, true
	case lower == "true" || lower == "yes":
		return true, true
	case strings.Trim(strings.TrimPrefix(s, "-"), "0123456789") == "":
		n, _ := strconv.Atoi(s) // beyond the range it is some number
		return n != 0 || lax && len(s) > 1, true
	}
	return lax, lax
}

// Holds reports whether a router's condition is true: empty, "0", "no" and "false"
// are not (spec 3.12 and 15, "condition").
func Holds(value string) bool {
	s := strings.ToLower(value)
	return s != "" && s != "0" && s != "no" && s != "false"
}

func (v *evaluation) double(name, a, b string) (bool, Outcome) {
	if strings.IndexByte("<>=", name[0]) >= 0 {
		return compareNumbers(name, a, b)
	}
	order := strings.Compare(a, b)
	if bare := strings.TrimSuffix(name, "i"); bare != name && len(bare) == 2 {
		name, order = bare, compareFolded(a, b)
	}
	switch name {
	case "eq":
		return order == 0, Known
	case "lt":
		return order < 0, Known
	case "le":
		return order <= 0, Known
	case "gt":
		return order > 0, Known
	case "ge":
		return order >= 0, Known
	case "inlist", "inlisti":
		for _, item := range List(b) {
			if item == a || name == "inlisti" && strings.EqualFold(item, a) {
				v.value = &item
				return true, Known
			}
		}
		return false, Known
	case "match":
		re, err := regexp.Compile(b)
		if err != nil || strings.Contains(b, `\`) {
			return false, Unknown
		}
		m := re.FindStringSubmatchIndex(a)
		if m != nil {
			v.groups = groupsOf(a, m)
		}
		return m != nil, Known
	}
	return false, Unknown
}

// compareFolded compares as Exim's strcmpic() does: a string that the other begins
// with comes behind it.
func compareFolded(a, b string) int {
	a, b = lowered(a), lowered(b)
	if len(a) < len(b) && strings.HasPrefix(b, a) {
		return 1
	}
	return strings.Compare(a, b)
}

func compareNumbers(name, a, b string) (bool, Outcome) {
	x, okX := integer(a)
	y, okY := integer(b)
	if !okX || !okY {
		return false, Broken
	}
	switch name {
	case "=", "==":
		return x == y, Known
	case "<":
		return x < y, Known
	case "<=":
		return x <= y, Known
	case ">":
		return x > y, Known
	case ">=":
		return x >= y, Known
	}
	return false, Broken
}

// integer reads a number with K, M or G behind it; an empty string is nought
// (expand.c expanded_string_integer).
func integer(s string) (int64, bool) {
	s = strings.TrimRight(strings.TrimLeft(s, blanks), blanks)
	if s == "" {
		return 0, true
	}
	factor := int64(1)
	if i := strings.IndexByte("kmg", s[len(s)-1]|0x20); i >= 0 {
		factor, s = 1<<(10*(i+1)), s[:len(s)-1]
	}
	n, err := strconv.ParseInt(s, 10, 32)
	return n * factor, err == nil
}

// List splits a list as Exim does.
func List(s string) []string {
	s = strings.TrimLeft(s, blanks)
	separator := ":"
	if len(s) > 1 && s[0] == '<' && s[1] > ' ' && s[1] < 0x7f && !isAlpha(s[1]) && !isDigit(s[1]) {
		separator, s = s[1:2], s[2:]
	}
	const doubled = "\x00\x00"
	var items []string
	s = strings.ReplaceAll(s, separator+separator, doubled)
	for s = strings.TrimLeft(s, blanks); s != ""; s = strings.TrimLeft(s, blanks) {
		var item string
		item, s, _ = strings.Cut(s, separator)
		items = append(items, strings.ReplaceAll(trimmed(item), doubled, separator))
	}
	return items
}

// trimmed takes white space off the end of an item, but not what a backslash stands
// before (string.c string_nextinlist).
func trimmed(item string) string {
	n := len(item)
	for n > 0 && strings.IndexByte(blanks, item[n-1]) >= 0 && (n < 2 || item[n-2] != '\\') {
		n--
	}
	return item[:n]
}
