package mimedefang

import "strings"

// passed is a variable of the start, and the option behind which its value is put: the
// init script and the units write `echo "-F $SUBFILTER"` without quotes, so that a value of
// several words is several words.
type passed struct{ variable, option string }

// What the two programs are given, in that order (Debian's /etc/init.d/mimedefang and
// units). Options without a value of their own are left out.
var (
	toMultiplexor = []passed{
		{"SPOOLDIR", "-z"}, {"FILTER", "-f"}, {"SYSLOG_FACILITY", "-S"}, {"SUBFILTER", "-F"}, {"MX_MINIMUM", "-m"}, {"MX_MAXIMUM", "-x"}, {"MX_MAP_SOCKET", "-N"}, {"MX_LOG_WORKER_STATUS_INTERVAL", "-L"},
		{"MX_USER", "-U"}, {"MX_IDLE", "-i"}, {"MX_BUSY", "-b"}, {"MX_REQUESTS", "-r"}, {"MX_WORKER_DELAY", "-w"}, {"MX_MIN_WORKER_DELAY", "-W"}, {"MX_MAX_RSS", "-R"}, {"MX_MAX_AS", "-M"}, {"MX_QUEUE_SIZE", "-q"},
		{"MX_QUEUE_TIMEOUT", "-Q"}, {"MX_NOTIFIER", "-O"}, {"MX_RECIPOK_PERDOMAIN_LIMIT", "-y"}, {"MX_SOCKET", "-s"},
	}
	toMilter = []passed{{"LOOPBACK_RESERVED_CONNECTIONS", "-R"}, {"MX_SOCKET", "-m"}, {"SPOOLDIR", "-z"}, {"MX_USER", "-U"}, {"SYSLOG_FACILITY", "-S"}, {"MD_EXTRA", ""}, {"SOCKET", "-p"}}
)

// The options that take a value (mimedefang-multiplexor(8), mimedefang(8)).
const (
	multiplexorTakes = "abcfFiILmMnNopPqQrRsStUVwWxXyYzO"
	milterTakes      = "abmopPRSUxz"
)

// usual are the values of variables that nothing sets.
func usual() map[string]option {
	return map[string]option{"SPOOLDIR": {value: spool}, "MX_USER": {value: "defang"}, "SOCKET": {value: "$SPOOLDIR/mimedefang.sock"}, "MX_SOCKET": {value: "$SPOOLDIR/mimedefang-multiplexor.sock"}}
}

// word is one word of a command line, and the variable that it is from.
type word struct {
	text string
	from option
}

// argv is the command line that the start makes of variables.
func argv(list []passed, variables map[string]option) (words []word) {
	for _, p := range list {
		v, ok := variables[p.variable]
		if d := usual()[p.variable]; !ok || v.value == "" && strings.HasSuffix(p.variable, "SOCKET") {
			v.value = inSpool(d.value, variables) // of a socket an empty value is none: ${SOCKET:=…}
		}
		if v.value == "" {
			continue
		}
		for _, w := range strings.Fields(p.option + " " + v.value) {
			words = append(words, word{w, v})
		}
	}
	return words
}

// inSpool expands the one variable that the start's own values name, as it is by then.
func inSpool(value string, variables map[string]option) string {
	dir := spool
	if v, ok := variables["SPOOLDIR"]; ok {
		dir = v.value
	}
	return strings.NewReplacer("${SPOOLDIR}", dir, "$SPOOLDIR", dir).Replace(value)
}

// options reads a command line as getopt(3) does: of each option the last value counts.
func options(words []word, takes string) map[byte]option {
	found := map[byte]option{}
	for i := 0; i < len(words); i++ {
		w := words[i]
		if w.text == "--" {
			break
		}
		for j := 1; strings.HasPrefix(w.text, "-") && j < len(w.text); j++ {
			c := w.text[j]
			if strings.IndexByte(takes, c) < 0 {
				continue
			}
			value := w.text[j+1:]
			if value == "" && i+1 < len(words) {
				i++
				value = words[i].text
			}
			found[c] = option{value, w.from.name, w.from.source}
			break
		}
	}
	return found
}
