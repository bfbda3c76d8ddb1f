package dovecot

import (
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// everybody is who logs in where a database says the same of all users.
const everybody = "whoever logs in, as any user,"

// unlocked makes a hook of what a password database says so that a password does not
// count: nopassword, or one password for all (doc.dovecot.org, "Password database
// extra fields", "Static password database"). A proxy leaves the question to the host
// behind it.
func (d database) unlocked(fields []string, at waxseal.Source, place, who string) {
	said := map[string]string{}
	for _, f := range fields {
		name, value, given := strings.Cut(f, "=")
		if !given {
			value = "yes"
		}
		said[name] = value
	}
	isProxy := isYes(said["proxy"]) || isYes(said["proxy_maybe"])
	if d.section.Kind != "passdb" || isProxy || d.section.Value("deny") == "yes" {
		return
	}
	h := waxseal.Hook{ID: d.id(place, "nopassword"), Kind: waxseal.KindPolicy, Stage: waxseal.StageSession, Effects: copies, Directive: "passdb", Scope: who, Active: true, Source: at,
		Target: waxseal.Target{Type: waxseal.TargetText, Value: "nopassword"}, Explain: "The password database lets " + who + " in whatever the password, and whoever is in reads that mail (passdb " + d.driver + ")."}
	if nets := said["allow_nets"]; nets != "" {
		mta.Modify(&h, "depends", nets)
	}
	switch {
	case isYes(said["nopassword"]):
		d.Emit(h)
	case d.driver == "static" && who == everybody && said["password"] != "":
		h.Kind, h.Stage = waxseal.KindMap, waxseal.StageDelivered
		h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: "one password for all users"}
		h.Explain = "Whoever knows one password may read the mail of every user (passdb static)."
		mta.Modify(&h, "reads", "every mailbox")
		d.Emit(h)
	}
}

func isYes(value string) bool {
	return value != "" && value != "n" && value != "no"
}
