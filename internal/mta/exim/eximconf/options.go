package eximconf

import (
	_ "embed"
	"strings"
	"sync"
)

// Type is what an option's value is.
type Type string

// The types of options (readconf.c, opt_…).
const (
	Text      Type = "string"
	Switch    Type = "bool"
	Verify    Type = "verify" // a switch that stands for two: verify_sender and verify_recipient
	Expanded  Type = "xbool"  // a switch, or a string that is expanded to one
	Condition Type = "condition"
	Several   Type = "list" // settings add up
	Integer   Type = "int"
	Size      Type = "size"  // shown in K or M
	KSize     Type = "ksize" // held in K
	Octal     Type = "octal"
	Fixed     Type = "fixed"
	Time      Type = "time"
	Times     Type = "times"
	User      Type = "user"
	Group     Type = "group"
	Users     Type = "users"
	Groups    Type = "groups"
)

// optionText lists every option of releases 4.92 to 4.99, and local_scan_path, which
// a patch of Debian and others adds: class or class/driver,
// name, type, and the default as "exim -bP" of release 4.96 shows it. It says
// nothing of a default that depends on the host.
//
//go:embed options.txt
var optionText string

type optionKey struct{ class, name string }

type optionRow struct {
	kind    Type
	value   string
	hasNone bool // no default is known
}

var optionTable = sync.OnceValue(func() map[optionKey]optionRow {
	table := make(map[optionKey]optionRow, 700)
	for line := range strings.Lines(optionText) {
		f := strings.SplitN(strings.TrimRight(line, "\n"), " ", 4)
		row := optionRow{kind: Type(f[2]), hasNone: len(f) < 4}
		if len(f) == 4 {
			row.value = f[3]
		}
		table[optionKey{f[0], f[1]}] = row
	}
	return table
})

// lookUp finds an option: among those of its driver, whose defaults may be others,
// then in its class.
func lookUp(class, driver, name string) (row optionRow, known bool) {
	if driver != "" {
		row, known = optionTable()[optionKey{class + "/" + driver, name}]
	}
	if !known {
		row, known = optionTable()[optionKey{class, name}]
	}
	return row, known
}

// Default is the value that an option has where it is not set.
func Default(class, driver, name string) string {
	row, _ := lookUp(class, driver, name)
	return row.value
}

// IsDefault reports whether an option is set to what it would be anyway.
func IsDefault(class, driver string, o Option) bool {
	row, ok := lookUp(class, driver, o.Name)
	return ok && !row.hasNone && Show(o) == row.value
}

// option reads a line that sets one (readconf.c readconf_handle_option).
func (r *reader) option(class, driver string, line Line, list *[]Option) {
	text, hide := cutHide(line.Text)
	name, rest := readName(text)
	if name == "" {
		r.problem(line.Place, "an option is expected: "+clip(text))
		return
	}
	o := Option{Place: line.Place, Name: name, Hide: hide}
	row, known := lookUp(class, driver, name)
	negated := false
	for _, prefix := range []string{"no_", "not_"} {
		if bare, ok := strings.CutPrefix(name, prefix); ok && !known {
			row, known = lookUp(class, driver, bare)
			o.Name, negated = bare, true
		}
	}
	if !known {
		r.unknown(class, driver, o)
	}
	o.Type = row.kind
	value, assigned := strings.CutPrefix(rest, "=")
	o.Value = strings.TrimLeft(value, blanks)
	if message := o.complete(negated, assigned, known); message != "" {
		r.problem(line.Place, message)
	}
	r.put(o, list)
}

func (r *reader) unknown(class, driver string, o Option) {
	switch {
	case class != "main" && driver == "":
		r.problem(o.Place, "the option "+o.Name+" stands before the driver")
	default:
		r.problem(o.Place, "no option is called "+o.Name)
	}
}

// complete interprets what stands behind the name.
func (o *Option) complete(negated, assigned, known bool) (message string) {
	isSwitch := o.Type == Switch || o.Type == Verify || o.Type == Expanded
	switch {
	case isSwitch && !assigned:
		o.Value = truth(!negated)
		return ""
	case isSwitch:
		return o.switched()
	case negated:
		return "only a switch can be negated: " + o.Name
	case !assigned && known:
		return "= is missing behind " + o.Name
	case !assigned:
		o.Value = truth(!negated)
	case strings.HasPrefix(o.Value, `"`):
		text, rest, closed := Unquote(o.Value)
		o.Value = text
		if !closed {
			return "a quote is missing at the end of " + o.Name
		}
		if rest != "" {
			return "extra characters follow the string of " + o.Name
		}
	case !valid(*o):
		return "no value for " + o.Name + ": " + clip(o.Value)
	}
	return ""
}

func truth(on bool) string {
	if on {
		return "true"
	}
	return "false"
}

func (o *Option) switched() string {
	if o.Type == Expanded && strings.Contains(o.Value, "$") {
		if text, _, closed := Unquote(o.Value); strings.HasPrefix(o.Value, `"`) && closed {
			o.Value = text
		}
		return ""
	}
	switch strings.ToLower(o.Value) {
	case "true", "yes":
		o.Value = "true"
	case "false", "no":
		o.Value = "false"
	case "":
		o.Value = "true"
	default:
		return "a switch is true or false: " + o.Name + " = " + clip(o.Value)
	}
	return ""
}

// put adds a setting. Conditions that are set twice must both hold, lists add up;
// anything else that is set twice stops Exim.
func (r *reader) put(o Option, list *[]Option) {
	if r.indexed != list || len(r.index) > len(*list) {
		r.indexed, r.index = list, map[string]int{}
	}
	i, twice := r.index[o.Name]
	if !twice || i >= len(*list) || (*list)[i].Name != o.Name {
		r.index[o.Name] = len(*list)
		if o.Type == Several {
			o.Value = strings.Join(addends(o.Value, separatorOf(o.Name)), string(separatorOf(o.Name)))
		}
		*list = append(*list, o)
		return
	}
	switch old := &(*list)[i]; o.Type {
	case Condition, Several:
		if len(old.Value) > maxAdded {
			r.problem(o.Place, "the option "+o.Name+" is set more often than is read")
			return
		}
		old.add(o)
	default:
		r.problem(o.Place, "the option "+o.Name+" is set for the second time")
		old.Value, old.Place = o.Value, o.Place
	}
}

// maxAdded bounds the settings of one option that add up.
const maxAdded = 64 << 10

// add joins another setting of the same option.
func (o *Option) add(more Option) {
	if o.Type == Condition {
		o.Value = "${if and{{bool_lax{" + o.Value + "}}{bool_lax{" + more.Value + "}}}}"
		return
	}
	separator := separatorOf(o.Name)
	o.Value += string(separator) + strings.Join(addends(more.Value, separator), string(separator))
}

// separatorOf is what stands between the settings of an option that add up.
func separatorOf(name string) byte {
	switch {
	case strings.HasPrefix(name, "headers_add"):
		return '\n'
	case strings.HasPrefix(name, "set"):
		return ';'
	}
	return ':'
}

// addends are the items of one setting, with a separator inside an item doubled
// (string.c string_append_listele).
func addends(value string, separator byte) []string {
	items := SplitAt(value, separator)
	if s := strings.TrimLeft(value, blanks); len(s) > 1 && s[0] == '<' && isPunct(s[1]) {
		items = SplitAt(s[2:], s[1])
	}
	for i, item := range items {
		items[i] = strings.ReplaceAll(item, string(separator), strings.Repeat(string(separator), 2))
	}
	return items
}

func clip(s string) string {
	const most = 80
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
