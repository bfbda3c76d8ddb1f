package debian

import (
	"regexp"
	"strings"
)

// macros are the definitions that the answers make, in the order in which
// update-exim4.conf writes them.
func (s Sources) macros(kind string) []line {
	m := &macroList{settings: s.Settings}
	m.add("##############################################")
	m.add("# the following macro definitions were created")
	m.add("# dynamically by /usr/sbin/update-exim4.conf")
	v := s.Settings.Value
	interfaces, nets, domains := separated(v("dc_local_interfaces")), separated(v("dc_relay_nets")), separated(v("dc_relay_domains"))
	if interfaces != "" {
		m.seed("MAIN_LOCAL_INTERFACES", interfaces, "dc_local_interfaces")
	}
	if v("dc_minimaldns") == "true" {
		m.seed("DC_minimaldns", "1", "dc_minimaldns")
		if strings.Contains(s.FQDN, ".") {
			m.seed("MAIN_HARDCODE_PRIMARY_HOSTNAME", s.FQDN, "dc_minimaldns")
		}
	}
	readHost := answer(v("dc_readhost"))
	if (kind == "satellite" || kind == "smarthost") && answer(v("dc_hide_mailname")) == "true" && readHost != "" {
		m.seed("HIDE_MAILNAME", "1", "dc_hide_mailname")
	}
	m.seed("MAIN_PACKAGE_VERSION", s.Version, "")
	m.seed("MAIN_LOCAL_DOMAINS", localDomains(answer(v("dc_other_hostnames"))), "dc_other_hostnames")
	m.seed("MAIN_RELAY_TO_DOMAINS", domains, "dc_relay_domains")
	m.seed("ETC_MAILNAME", mailName(s.MailName), "")
	delivery := v("dc_localdelivery")
	if delivery == "" {
		delivery = "mail_spool"
	}
	m.seed("LOCAL_DELIVERY", delivery, "dc_localdelivery")
	if nets = answer(nets); strings.HasPrefix(nets, "<;") {
		nets += " ; 127.0.0.1 ; ::1"
	} else {
		nets += " : 127.0.0.1 : ::::1"
	}
	m.seed("MAIN_RELAY_NETS", nets, "dc_relay_nets")
	m.seed("DCreadhost", readHost, "dc_readhost")
	m.seed("DCsmarthost", strings.ReplaceAll(answer(v("dc_smarthost")), ";", ":"), "dc_smarthost")
	m.seed("DC_eximconfig_configtype", kind, "dc_eximconfig_configtype")
	m.seed("DCconfig_"+kind, "1", "dc_eximconfig_configtype")
	m.capitals()
	m.add("##############################################")
	m.add("") // its text ends with a line end
	return m.lines
}

type macroList struct {
	settings Settings
	lines    []line
}

// add writes what stands in the replacement of a sed(1) command: "&" is the line
// that is replaced (a null byte marks it), a backslash takes away a meaning.
func (m *macroList) add(text string) { m.addFrom(text, Origin{Path: settingsPath}) }

func (m *macroList) addFrom(text string, origin Origin) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '&':
			b.WriteByte(0)
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	m.lines = append(m.lines, line{b.String(), origin})
}

// seed defines a macro where the sources have not defined it.
func (m *macroList) seed(name, value, variable string) {
	m.define(name, value, Origin{settingsPath, m.settings.Line(variable)})
}

func (m *macroList) define(name, value string, origin Origin) {
	for _, text := range []string{".ifndef " + name, name + "=" + answer(value), ".endif"} {
		m.addFrom(text, origin)
	}
}

// capitals makes macros of lines that start with a capital, as they stand.
func (m *macroList) capitals() {
	n := 0
	for text := range strings.Lines(m.settings.Text) {
		n++
		text = strings.Join(strings.Fields(strings.TrimRight(text, "\n")), " ")
		if text == "" || text[0] < 'A' || text[0] > 'Z' || strings.HasPrefix(text, "CFILEMODE=") {
			continue
		}
		left, right, ok := strings.Cut(text, "=")
		if !ok {
			right = text
		}
		m.define(left, right, Origin{settingsPath, n})
	}
}

// separated puts the sign of another separator before a list with semicolons.
func separated(list string) string {
	if strings.Contains(list, ";") && !strings.HasPrefix(strings.TrimLeft(list, blanks), "<") {
		return "<; " + list
	}
	return list
}

var trailing = regexp.MustCompile(`[;: ]*$`)

func localDomains(others string) string {
	list := trailing.ReplaceAllString("@:localhost:"+others, "")
	if i := strings.IndexByte(list, ' '); i == 0 {
		list = strings.TrimLeft(list, " ")
	}
	return strings.ReplaceAll(list, ";", ":")
}

var mailNameWord = regexp.MustCompile(`([-a-zA-Z0-9@.\\]+).*`)

// mailName is the first word of the first line.
func mailName(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	if at := mailNameWord.FindStringSubmatchIndex(first); at != nil {
		first = first[:at[0]] + first[at[2]:at[3]]
	}
	return answer(first)
}

// unsafe is what the program takes for a sign outside ASCII: its expression asks
// for a bracket behind it.
var unsafe = regexp.MustCompile(`[^-0-9A-Za-z/.!*@_~:;< \[\\]\]`)

// answer is how each value goes through the shell: in lower case, with blanks
// folded, and backslashes interpreted by echo(1).
func answer(value string) string {
	s := words(echo(lower(value)))
	return words(echo(unsafe.ReplaceAllString(s, "_")))
}

func lower(value string) string {
	b := []byte(echo(words(value)))
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func words(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' }), " ")
}

var echoed = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\t`, "\t", `\r`, "\r", `\a`, "\a", `\b`, "\b", `\f`, "\f", `\v`, "\v")

func echo(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return echoed.Replace(s)
}
