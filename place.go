package waxseal

// Place is one sort of hook: where it is written, and what whoever writes it
// there can do to mail.
type Place struct {
	MTA       StackName
	Directive string // as in Hook.Directive: "smtpd_milters", "REDIRECT"
	Where     string // "main.cf, or -o in master.cf"
	Kind      HookKind
	Stage     Stage
	Effects   []Effect
	// Does ends the sentence "Through it …": "every message that arrives by SMTP
	// is handed to these programs".
	Does string
	// Manual is the page that documents it: "postconf(5)".
	Manual string
}
