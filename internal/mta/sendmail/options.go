package sendmail

import (
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/mta/sendmail/cf"
)

// optionHook is an option that does something to mail, or runs or loads something
// (op.me 5.6).
type optionHook struct {
	name    string
	kind    waxseal.HookKind
	stage   waxseal.Stage
	effects []waxseal.Effect
	scope   string
	does    string // ends "Through it …"
	// read makes the hook's target; ok is false where the value is the usual one.
	read func(in *instance, h *waxseal.Hook, value string) (ok bool)
	// says is the sentence, with %s for the target.
	says string
}

func optionHooks() []optionHook {
	return []optionHook{
		{name: "PostmasterCopy", kind: waxseal.KindCopy, stage: waxseal.StageDelivered, effects: copies, scope: "all bounces", read: addressOption,
			does: "every bounce, with what it holds of the message, is copied to an address", says: "Every bounce is copied to %s (PostmasterCopy)."},
		{name: "DoubleBounceAddress", kind: waxseal.KindRedirect, stage: waxseal.StageDelivered, effects: copies, scope: "all bounces that can't be returned", read: addressOption,
			does: "bounces that can't be returned go to this address", says: "Bounces that can't be returned go to %s (DoubleBounceAddress)."},
		{name: "ErrorHeader", kind: waxseal.KindRewrite, stage: waxseal.StageDelivered, effects: changes, scope: "all bounces", read: textOption,
			does: "bounces have this text at their head", says: "Bounces have this text at their head: %s (ErrorHeader)."},
		{name: "FallbackSmartHost", kind: waxseal.KindRelay, stage: waxseal.StageDeliver, effects: diverts, scope: "all mail that can't be delivered", read: hostOption,
			does: "mail that can't be delivered is sent to this host", says: "Mail that can't be delivered is sent to %s (FallbackSmartHost)."},
		{name: "FallbackMXhost", kind: waxseal.KindRelay, stage: waxseal.StageDeliver, effects: diverts, scope: "all mail that can't be delivered", read: hostOption,
			does: "mail that can't be delivered is sent to this host", says: "Mail that can't be delivered is sent to %s (FallbackMXhost)."},
		{name: "ConnectOnlyTo", kind: waxseal.KindRelay, stage: waxseal.StageDeliver, effects: diverts, scope: "all mail that leaves", read: hostOption,
			does: "all mail by SMTP is sent to this address, whatever DNS says", says: "All mail by SMTP is sent to %s, whatever DNS says (ConnectOnlyTo)."},
		{name: "NameServer", kind: waxseal.KindHosts, stage: waxseal.StageRoute, effects: diverts, scope: "all mail that leaves", read: nameServer,
			does: "this server is asked where mail for a domain goes", says: "The name server %s is asked where mail goes (NameServer)."},
		{name: "UserDatabaseSpec", kind: waxseal.KindMap, stage: waxseal.StageRoute, effects: diverts, scope: "all mail for users of this host", read: userDatabase,
			does: "a database says where mail of local users goes", says: "The user database %s says where mail of local users goes (UserDatabaseSpec)."},
		{name: "LDAPDefaultSpec", kind: waxseal.KindMap, stage: waxseal.StageConnect, effects: decides, scope: "all lookups in LDAP", read: ldapDefault,
			does: "lookups in LDAP ask this server", says: "Lookups in LDAP ask %s (LDAPDefaultSpec)."},
		{name: "SSLEnginePath", kind: waxseal.KindModule, stage: waxseal.StageConnect, effects: runs, scope: "all", read: library,
			does: "a library is loaded into Sendmail", says: "The library %s is loaded into Sendmail (SSLEnginePath)."},
		{name: "LogLevel", kind: waxseal.KindLog, stage: waxseal.StageConnect, effects: hides, scope: "all", read: logLevel,
			does: "less is logged of what becomes of mail, or nothing", says: "What becomes of mail is hardly logged: LogLevel is %s (LogLevel)."},
		{name: "QueueDirectory", kind: waxseal.KindRedirect, stage: waxseal.StageQueue, effects: []waxseal.Effect{waxseal.Observe}, scope: "all", read: queueDirectory,
			does: "mail waits here", says: "Mail waits in %s (QueueDirectory)."},
		{name: "DeadLetterDrop", kind: waxseal.KindRedirect, stage: waxseal.StageDelivered, effects: copies, scope: "all bounces that can't be returned", read: deadLetter,
			does: "mail that can neither be delivered nor returned is written to this file", says: "Mail that can neither be delivered nor returned is written to %s (DeadLetterDrop)."},
		{name: "DontBlameSendmail", kind: waxseal.KindPolicy, stage: waxseal.StageConnect, effects: changes, scope: "all", read: unsafeFiles,
			does: "files that others may write are believed", says: "Sendmail believes files that others than their owner may write: %s (DontBlameSendmail)."},
		{name: "RunAsUser", kind: waxseal.KindPolicy, stage: waxseal.StageConnect, effects: changes, scope: "all", read: rights,
			does: "Sendmail gives up or keeps the rights of root", says: "Sendmail runs as %s (RunAsUser)."},
		{name: "DefaultUser", kind: waxseal.KindPolicy, stage: waxseal.StageDeliver, effects: changes, scope: "all mail for commands in aliases", read: rights,
			does: "commands in aliases run with these rights", says: "Commands in aliases and maps run as %s (DefaultUser)."},
		{name: "ServiceSwitchFile", kind: waxseal.KindMap, stage: waxseal.StageRoute, effects: changes, scope: "all", read: switchFile,
			does: "this file says who is asked for users, hosts and aliases", says: "The file %s says who is asked for users, hosts and aliases (ServiceSwitchFile)."},
		{name: "HostsFile", kind: waxseal.KindMap, stage: waxseal.StageRoute, effects: changes, scope: "all", read: switchFile,
			does: "this file is read in place of /etc/hosts", says: "The file %s is read in place of /etc/hosts (HostsFile)."},
	}
}

// secretOptions name files of keys and passwords.
var secretOptions = []string{"DefaultAuthInfo", "ServerKeyFile", "ClientKeyFile"}

// fileOptions name other files that Sendmail reads or writes.
var fileOptions = []string{"HelpFile", "ServerCertFile", "ClientCertFile", "CACertFile", "DHParameters", "ServiceSwitchFile", "HostsFile", "ErrorHeader"}

func (in *instance) optionHooks() {
	for _, o := range optionHooks() {
		option, ok := in.Option(o.name)
		value := strings.TrimSpace(in.Expand(option.Value, in.given))
		if !ok || value == "" {
			continue
		}
		h := in.hook(o.kind, o.stage, o.name, "O:"+o.name, option.Line)
		h.Effects, h.Scope = o.effects, o.scope
		if o.read(in, &h, value) {
			h.Explain = strings.Replace(o.says, "%s", clip(h.Target.Value)+mta.Where(h.Target), 1)
			in.Emit(h)
		}
	}
	for _, name := range secretOptions {
		in.optionPart(name, waxseal.RoleSecret)
	}
	for _, name := range fileOptions {
		in.optionPart(name, waxseal.RoleConfig)
	}
	in.addBcc()
	in.macroHosts()
}

func (in *instance) optionPart(name string, role waxseal.Role) {
	if v := in.Value(name, ""); path.IsAbs(v) && in.Exists(mta.Clean(v)) {
		in.Part(mta.Clean(v), role)
	}
}

func addressOption(in *instance, h *waxseal.Hook, value string) bool {
	h.Target = in.address(value)
	return !strings.EqualFold(value, "postmaster") && !strings.EqualFold(value, "root")
}

func textOption(_ *instance, h *waxseal.Hook, value string) bool {
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: value}
	if path.IsAbs(value) {
		h.Closure = []waxseal.Part{{Path: mta.Clean(value), Role: waxseal.RoleConfig}}
	}
	return true
}

func hostOption(_ *instance, h *waxseal.Hook, value string) bool {
	h.Target = hostTarget(value, "")
	return true
}

func nameServer(_ *instance, h *waxseal.Hook, value string) bool {
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: "nameserver " + value}
	return true
}

func ldapDefault(in *instance, h *waxseal.Hook, value string) bool {
	h.Target, h.External = waxseal.Target{Type: waxseal.TargetTable, Value: value}, true
	in.hosts(h, value)
	return true
}

func library(_ *instance, h *waxseal.Hook, value string) bool {
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: value}
	h.Closure = []waxseal.Part{{Path: mta.Clean(value), Role: waxseal.RoleLibrary}}
	return path.IsAbs(value)
}

// logLevel: below 5 it is no longer logged that mail was taken and delivered
// (op.me 4.2, "Log Level").
func logLevel(_ *instance, h *waxseal.Hook, value string) bool {
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: value}
	return len(value) == 1 && value[0] >= '0' && value[0] < '5'
}

// usualQueues are where packages let mail wait.
var usualQueues = []string{"/var/spool/mqueue", "/var/spool/mqueue-client", "/var/spool/clientmqueue"}

func queueDirectory(_ *instance, h *waxseal.Hook, value string) bool {
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: value}
	h.Closure = []waxseal.Part{{Path: mta.Clean(value), Role: waxseal.RoleDirectory}}
	for _, usual := range usualQueues {
		if value == usual || strings.HasPrefix(value, usual+"/") {
			return false
		}
	}
	return true
}

func deadLetter(_ *instance, h *waxseal.Hook, value string) bool {
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: value}
	return path.Base(value) != "dead.letter" || strings.HasPrefix(value, "/tmp/")
}

// debianFlags are what Debian's packages set for DontBlameSendmail.
const debianFlags = ` safe assumesafechown forwardfileingroupwritabledirpath groupwritableforwardfilesafe groupwritableincludefilesafe
includefileingroupwritabledirpath dontwarnforwardfileinunsafedirpath truststickybit nonrootsafeaddr groupwritableincludefile
groupreadabledefaultauthinfofile groupreadablekeyfile groupreadablesaslfile `

func unsafeFiles(_ *instance, h *waxseal.Hook, value string) bool {
	var odd []string
	for _, flag := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(", \t\n", r) }) {
		if !strings.Contains(strings.ReplaceAll(debianFlags, "\n", " "), " "+strings.ToLower(flag)+" ") {
			odd = append(odd, flag)
		}
	}
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: strings.Join(sorted(odd), ", ")}
	return len(odd) > 0
}

// usualUsers are those with whose rights packages let Sendmail and its commands run.
var usualUsers = map[string]bool{"mail": true, "daemon": true, "smmta": true, "smmsp": true, "mailnull": true, "8": true, "1": true}

func rights(_ *instance, h *waxseal.Hook, value string) bool {
	user, _, _ := strings.Cut(value, ":")
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: value}
	h.RunsAs = user
	if user == "0" {
		h.RunsAs = "root"
	}
	return !usualUsers[user]
}

func switchFile(_ *instance, h *waxseal.Hook, value string) bool {
	h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: value}
	if path.IsAbs(value) {
		h.Closure = []waxseal.Part{{Path: mta.Clean(value), Role: waxseal.RoleConfig}}
	}
	return value != "/etc/hosts" && value != "/etc/mail/service.switch" && value != "/etc/service.switch"
}

// addBcc reads option AddBcc: ruleset bcc says to whom each message goes as well
// (FEATURE(bcc), cf/README).
func (in *instance) addBcc() {
	option, _ := in.Option("AddBcc")
	if !truth(option.Value) {
		return
	}
	h := in.hook(waxseal.KindCopy, waxseal.StageQueue, "AddBcc", "O:AddBcc", option.Line)
	h.Effects, h.Scope = copies, "all messages whose recipient the ruleset bcc picks"
	host := in.Expand("$A", in.given)
	h.Target = waxseal.Target{Type: waxseal.TargetService, Value: "ruleset bcc"}
	h.Explain = "Each message is copied to whom the ruleset bcc names (AddBcc)."
	if _, hop, ok := strings.Cut(":"+host, ":"); ok && host != "" {
		if i := strings.LastIndexByte(hop, ':'); i >= 0 && !strings.HasPrefix(hop, "[") {
			hop = hop[i+1:]
		}
		h.Target = hostTarget(hop, "")
		h.Explain = "Messages to the recipients that the ruleset bcc picks are copied to the host " + clip(hop) + mta.Where(h.Target) + " (AddBcc)."
	}
	if s := in.Ruleset("bcc"); s == nil || len(s.Rules) == 0 {
		mta.Inactive(&h, "there is no ruleset bcc that names anybody")
	}
	in.Emit(h)
}

// truth is atobool in util.c.
func truth(s string) bool {
	s = strings.TrimSpace(s)
	return s != "" && strings.ContainsAny(s[:1], "tTyY1")
}

// macroHosts are hosts that the rules of Sendmail's m4 files take from a macro.
var macroHosts = []struct{ macro, scope, says string }{
	{"S", "all mail that leaves", "All mail that leaves this host is sent to %s (DS, SMART_HOST)."},
	{"H", "all mail for users of this host", "All mail for users of this host is sent to %s (DH, MAIL_HUB)."},
	{"R", "all mail for names without a domain", "Mail for names without a domain is sent to %s (DR, LOCAL_RELAY)."},
	{"L", "all mail for unknown users of this host", "Mail for unknown users of this host goes to %s (DL, LUSER_RELAY)."},
	{"U", "all mail for UUCP", "Mail for addresses of UUCP is sent to %s (DU, UUCP_RELAY)."},
	{"V", "all mail for UUCP hosts", "Mail for hosts of UUCP is sent to %s (DV)."},
	{"W", "all mail for UUCP hosts", "Mail for hosts of UUCP is sent to %s (DW)."},
	{"X", "all mail for UUCP hosts", "Mail for hosts of UUCP is sent to %s (DX)."},
	{"Y", "all mail for UUCP hosts", "Mail for hosts of UUCP is sent to %s (DY)."},
	{"B", "all mail for BITNET", "Mail for BITNET is sent to %s (DB, BITNET_RELAY)."},
	{"C", "all mail for DECnet", "Mail for DECnet is sent to %s (DC, DECNET_RELAY)."},
	{"F", "all mail to fax numbers", "Mail to fax numbers is sent to %s (DF, FAX_RELAY)."},
	{"MTAHost", "all mail that users of this host submit", "All mail that programs and users of this host submit is handed to %s (D{MTAHost}, FEATURE(msp))."},
}

func (in *instance) macroHosts() {
	for _, m := range macroHosts {
		macro, ok := in.Macros[m.macro]
		value := strings.TrimSpace(in.Expand("$"+braced(m.macro), in.given))
		if !ok || macro.Line == 0 || value == "" || len(m.macro) > 1 && in.name == "" && !in.usesMacro(m.macro) {
			continue
		}
		h := in.hook(waxseal.KindRelay, waxseal.StageRoute, "D"+braced(m.macro), "D:"+m.macro, macro.Line)
		h.Effects, h.Scope = diverts, m.scope
		in.destination(&h, value)
		h.Explain = strings.Replace(m.says, "%s", clip(h.Target.Value)+mta.Where(h.Target), 1)
		in.Emit(h)
	}
}

func (in *instance) usesMacro(name string) bool {
	return strings.Contains(in.text, "${"+name+"}")
}

// destination reads "[mailer:]host" as macros and the mailer table have it
// (cf/README, "MAILERTABLE"): error, local and discard are no hosts.
func (in *instance) destination(h *waxseal.Hook, value string) {
	mailer, host := splitMailer(value)
	mta.Modify(h, "mailer", mailer)
	m, known := in.Mailer(mailer)
	switch {
	case strings.EqualFold(mailer, "error"):
		h.Effects, h.Target = drops, waxseal.Target{Type: waxseal.TargetText, Value: value}
	case strings.EqualFold(mailer, "discard"):
		h.Kind, h.Effects, h.Target = waxseal.KindDiscard, drops, waxseal.Target{Type: waxseal.TargetText, Value: value}
	case strings.EqualFold(mailer, "local"):
		h.Kind, h.Target = waxseal.KindRedirect, in.address(host)
	case known && m.Runs():
		in.toProgram(h, m, host)
	default:
		h.Target = hostTarget(host, portOf(m))
	}
}

// toProgram is mail led to a mailer that starts a program: the host of the address
// is an argument of it, such as an rc file of procmail.
func (in *instance) toProgram(h *waxseal.Hook, m cf.Mailer, host string) {
	var argv []string
	for _, w := range append([]string{m.Path}, m.Argv[min(1, len(m.Argv)):]...) {
		argv = append(argv, strings.NewReplacer("$h", host, "${h}", host).Replace(w))
	}
	h.Kind, h.Effects, h.RunsAs = waxseal.KindPipe, runsAll, in.mailerUser(m)
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: strings.Join(argv, " ")}
	h.Closure = append(h.Closure, in.CommandParts(argv)...)
	for i := range h.Closure {
		if h.Closure[i].Role == waxseal.RoleInclude {
			h.Closure[i].Role = waxseal.RoleScript // a delivery program does what the file says
		}
	}
}

// portOf is the port in the argument list of a mailer: "TCP $h 587".
func portOf(m cf.Mailer) string {
	if len(m.Argv) > 2 && strings.EqualFold(m.Argv[0], "TCP") {
		return m.Argv[2]
	}
	return ""
}

// splitMailer cuts "esmtp:[203.0.113.25]"; a colon inside brackets is none.
func splitMailer(value string) (mailer, host string) {
	i := strings.IndexByte(value, ':')
	if i < 0 || strings.HasPrefix(value, "[") {
		return "", value
	}
	return value[:i], value[i+1:]
}

// address is a mail address as this host sees it.
func (in *instance) address(s string) waxseal.Target { return in.domains.Address(strings.Trim(s, `"`)) }
