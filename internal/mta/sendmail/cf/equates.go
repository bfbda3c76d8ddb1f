package cf

import "strings"

// Mailer is an M line: "Mlocal, P=/usr/sbin/sensible-mda, F=lsDFM, A=sensible-mda $u".
type Mailer struct {
	Name      string
	Path      string // P=: a program, [IPC], [FILE], [LPC]
	Flags     string // F=
	Argv      []string
	User      string // U=: "mail:mail"
	Directory string // D=
	Root      string // /=
	// Rulesets are those of S= and R=, as written.
	Sender, Recipient string
	Fields            map[byte]string // all equates
	Line              int
}

// maxMailers is MAXMAILERS; prog, *file* and *include* are among them.
const maxMailers = 25

// Runs reports whether the mailer starts a program.
func (m Mailer) Runs() bool { return m.Path != "" && !strings.HasPrefix(m.Path, "[") }

// Has reports whether the mailer has a flag.
func (m Mailer) Has(flag byte) bool { return strings.IndexByte(m.Flags, flag) >= 0 }

// Rulesets are the names in S= or R=: one for envelopes, one for headers.
func Rulesets(field string) []string {
	return strings.FieldsFunc(field, func(r rune) bool { return r == '/' || r == ' ' || r == '\t' })
}

// Filter is an X line: "Xopendkim, S=inet:8891@localhost, F=T".
type Filter struct {
	Name    string
	Socket  string // S=
	Flags   string // F=
	Timeout string // T=
	Line    int
}

// maxFilters is more than anybody has; Sendmail uses 25.
const maxFilters = 500

// named takes the name off the front of an M, X or Q line.
func named(body string) (name, rest string) {
	i := strings.IndexFunc(body, func(r rune) bool { return r == ',' || strings.ContainsRune(blanks, r) })
	if i < 0 {
		return body, ""
	}
	return body[:i], body[i+1:]
}

// equates reads "X=value, Y=value" (makemailer in readcf.c). ok is false where an
// equals sign is missing.
func equates(s string) (fields map[byte]string, ok bool) {
	fields = map[byte]string{}
	for {
		s = strings.TrimLeft(s, ","+blanks)
		if s == "" {
			return fields, true
		}
		code := s[0]
		i := strings.IndexAny(s, "=,")
		if i < 0 || s[i] == ',' {
			return fields, false
		}
		var value string
		value, s = munch(strings.TrimLeft(s[i+1:], blanks), ',')
		fields[code] = value
	}
}

func (r *reading) mailer(l line, body string) {
	name, rest := named(body)
	fields, ok := equates(rest)
	m := Mailer{Name: name, Line: l.number, Fields: fields, Path: fields['P'], Flags: squeeze(fields['F']), Argv: strings.Fields(fields['A']), User: fields['U'],
		Directory: fields['D'], Root: fields['/'], Sender: fields['S'], Recipient: fields['R']}
	switch {
	case name == "":
		r.problem(l.number, "a mailer without a name")
		return
	case !ok:
		r.problem(l.number, "mailer "+clip(name)+": an equals sign is missing, so that the line is not used")
		return
	case len(m.Argv) == 0:
		r.problem(l.number, "mailer "+clip(name)+": A= is missing, so that the line is not used")
		return
	case m.Path == "":
		r.problem(l.number, "mailer "+clip(name)+": P= is missing, so that the line is not used")
		return
	}
	for _, field := range []string{m.Sender, m.Recipient} {
		for _, n := range Rulesets(field) {
			r.ruleset(n, l.number)
		}
	}
	for i := range r.Mailers { // a later line takes the place of an earlier one
		if equalFold(r.Mailers[i].Name, name) {
			r.Mailers[i] = m
			return
		}
	}
	if len(r.Mailers) >= maxMailers {
		r.problem(l.number, "more mailers than Sendmail takes (25)")
		return
	}
	r.Mailers = append(r.Mailers, m)
}

// squeeze takes the blanks out of flags.
func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

func (r *reading) filter(l line, body string) {
	name, rest := named(body)
	fields, ok := equates(rest)
	if name == "" || !ok {
		r.problem(l.number, "a mail filter without a name or with an equals sign missing is not used: "+clip(body))
		return
	}
	if len(r.Filters) >= maxFilters {
		r.problem(l.number, "more mail filters than are read")
		return
	}
	for _, f := range r.Filters {
		if equalFold(f.Name, name) {
			r.problem(l.number, "the mail filter "+clip(name)+" is defined twice, and the first counts")
			return
		}
	}
	r.Filters = append(r.Filters, Filter{Name: name, Socket: fields['S'], Flags: squeeze(fields['F']), Timeout: fields['T'], Line: l.number})
}

func (r *reading) queue(l line, body string) {
	name, rest := named(body)
	fields, ok := equates(rest)
	if name == "" || !ok {
		r.problem(l.number, "a queue group without a name or with an equals sign missing is not used: "+clip(body))
		return
	}
	r.Queues = append(r.Queues, Queue{Name: name, Fields: fields, Line: l.number})
}
