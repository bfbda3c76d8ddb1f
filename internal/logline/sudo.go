package logline

import (
	"encoding/json"
	"strings"
)

// sudoEvent reads an event that sudo logs as JSON (sudoers(5), log_format). What it
// refused, alerts and the end of a command are none. Syslog may cut the text: the fields
// that are whole count, and the environment, which is long, comes last.
func sudoEvent(text string) (Became, bool) {
	b := Became{Program: "sudo"}
	d := json.NewDecoder(strings.NewReader(text))
	for _, name := range []string{"sudo", "accept"} {
		if !opens(d, '{') || !next(d, name) {
			return b, false
		}
	}
	if !opens(d, '{') {
		return b, false
	}
	var argv []string
	fields := map[string]any{"submituser": &b.User, "runuser": &b.To, "ttyname": &b.TTY, "command": &b.Command, "runargv": &argv}
	for d.More() {
		key, err := d.Token()
		name, isName := key.(string)
		if err != nil || !isName {
			break
		}
		into, wanted := fields[name]
		if !wanted {
			into = new(json.RawMessage)
		}
		if d.Decode(into) != nil {
			break
		}
	}
	if len(argv) > 1 {
		b.Command += " " + strings.Join(argv[1:], " ")
	}
	if b.User == "" || b.To == "" {
		return Became{Program: "sudo"}, false
	}
	return b, true
}

func opens(d *json.Decoder, delim json.Delim) bool {
	token, err := d.Token()
	return err == nil && token == delim
}

func next(d *json.Decoder, name string) bool {
	token, err := d.Token()
	return err == nil && token == name
}
