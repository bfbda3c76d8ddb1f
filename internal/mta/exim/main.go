package exim

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/mta/exim/eximconf"
)

// mainOption is an option of the main section that is more than a setting.
type mainOption struct {
	name  string
	kind  waxseal.HookKind
	stage waxseal.Stage
	does  string // for Places
	make  func(in *instance, o eximconf.Option, h waxseal.Hook)
}

// mainTable lists them in the order in which mail meets them.
func mainTable() []mainOption {
	const connect, session, data, queue, deliver = waxseal.StageConnect, waxseal.StageSession, waxseal.StageData, waxseal.StageQueue, waxseal.StageDeliver
	return []mainOption{
		{"perl_startup", waxseal.KindPlugin, connect, "Perl code is loaded into Exim, which strings call", perlStartup},
		{"local_scan_path", waxseal.KindModule, data, "a library is loaded that sees every message before it is accepted, and may change or drop it", loaded},
		{"exim_path", waxseal.KindBinary, connect, "another program is run where Exim runs itself", otherBinary},
		{"keep_environment", waxseal.KindEnvironment, connect, "variables of whoever calls Exim get into every process", environment},
		{"add_environment", waxseal.KindEnvironment, connect, "variables get into every process of Exim", environment},
		{"exim_user", waxseal.KindEnvironment, connect, "what runs as the user of Exim runs as somebody else", eximUser},
		{"trusted_users", waxseal.KindRewrite, session, "these users may send mail under any sender and from any host", trusted},
		{"trusted_groups", waxseal.KindRewrite, session, "users of these groups may send mail under any sender and from any host", trusted},
		{"admin_groups", waxseal.KindRewrite, queue, "users of these groups may read and change the queue", trusted},
		{"smtp_etrn_command", waxseal.KindPipe, session, "a command runs when a client says ETRN", command},
		{"bi_command", waxseal.KindPipe, connect, "a command runs in place of newaliases", command},
		{"av_scanner", waxseal.KindPolicy, data, "this scanner is asked about every message that an ACL has scanned", scanner},
		{"spamd_address", waxseal.KindPolicy, data, "this program is asked about every message that an ACL has checked for spam", spamd},
		{"system_filter", waxseal.KindScript, queue, "a filter decides about every message: it may copy, divert, rewrite or drop it, and run commands", systemFilter},
		{"errors_copy", waxseal.KindCopy, deliver, "bounces are copied to these addresses", errorsCopy},
		{"errors_reply_to", waxseal.KindRewrite, deliver, "answers to bounces go to this address", addressed},
		{"freeze_tell", waxseal.KindCopy, queue, "notices of messages that are stuck go to these addresses", freezeTell},
		{"bounce_message_file", waxseal.KindMap, deliver, "bounces have the text of this file", textFile},
		{"warn_message_file", waxseal.KindMap, deliver, "warnings have the text of this file", textFile},
		{"log_file_path", waxseal.KindLog, connect, "the log is written elsewhere, or nowhere", logFile},
		{"log_selector", waxseal.KindLog, connect, "deliveries and other things are left out of the log", logSelector},
		{"write_rejectlog", waxseal.KindLog, connect, "what was rejected is not logged", switchedOff},
		{"message_logs", waxseal.KindLog, connect, "what happened to a message is not kept beside it", switchedOff},
		{"hosts_connection_nolog", waxseal.KindLog, connect, "connections of these hosts are not logged", noLog},
		{"syslog_facility", waxseal.KindLog, connect, "the log goes where other rules hold", logName},
		{"syslog_processname", waxseal.KindLog, connect, "the log has another name, which those who look for it miss", logName},
		{"hostlist", waxseal.KindPolicy, session, "clients of the whole Internet may send mail anywhere through this host", nil},
	}
}

// mainOptions makes the hooks of the main section.
func (in *instance) mainOptions() {
	table := map[string]mainOption{}
	for _, row := range mainTable() {
		table[row.name] = row
	}
	for _, o := range in.conf.Main {
		s := spot{place: "main:" + o.Name, at: o.Place, stage: waxseal.StageSession, runsAs: in.user, where: o.Name, scope: "all"}
		row, ok := table[o.Name]
		if ok {
			s.stage = row.stage
		}
		if strings.Contains(o.Value, "$") {
			in.scan(s, o.Value)
		}
		if ok && row.make != nil && !eximconf.IsDefault("main", "", o) {
			h := in.hook("main:"+o.Name, o.Place)
			h.Kind, h.Stage, h.Directive = row.kind, row.stage, o.Name
			row.make(in, o, h)
		}
		if strings.HasPrefix(o.Name, "tls_") && path.IsAbs(o.Value) && !strings.ContainsAny(o.Value, "$:") {
			in.keyFile(o)
		}
	}
	in.implied()
	for _, l := range in.conf.Lists {
		s := spot{place: "list:" + l.Name, at: l.Place, stage: waxseal.StageSession, runsAs: in.user, where: l.Kind + " " + l.Name, scope: "all"}
		in.scan(s, l.Value)
		in.listTables(s, l.Kind, l.Value)
		in.openRelay(l)
	}
}

// implied makes the hooks of options that count without being set.
func (in *instance) implied() {
	if _, set := in.conf.Get("spamd_address"); !set && in.checks("spam") {
		h := in.hook("main:spamd_address", eximconf.Place{Path: in.conf.Path})
		h.Kind, h.Stage, h.Directive = waxseal.KindPolicy, waxseal.StageData, "spamd_address"
		spamd(in, eximconf.Option{Value: eximconf.Default("main", "", "spamd_address")}, h)
	}
}

func (in *instance) keyFile(o eximconf.Option) {
	role := waxseal.RoleInclude
	if o.Name == "tls_privatekey" || o.Name == "tls_certificate" {
		role = waxseal.RoleSecret // a certificate may stand in the file of its key
	}
	if p := mta.Clean(o.Value); in.Exists(p) {
		in.part(p, role)
	}
}

// eximUser is the account that Exim runs as when it is not root.
func (in *instance) eximUser() string {
	if o, ok := in.conf.Get("exim_user"); ok && o.Value != "" {
		return o.Value
	}
	for _, name := range []string{"Debian-exim", "exim", "mailnull"} {
		if slices.ContainsFunc(in.users(), func(u mta.Account) bool { return u.Name == name }) {
			return name
		}
	}
	if strings.HasPrefix(string(in.conf.Path), "/var/lib/exim4") || strings.HasPrefix(string(in.conf.Path), "/etc/exim4") {
		return "Debian-exim"
	}
	return "exim"
}

// perlFiles are the files that perl_startup loads: "do '/etc/exim/x.pl'".
func (in *instance) perlFiles() []waxseal.Part {
	var parts []waxseal.Part
	for _, w := range mta.PathWords(in.conf.Value("perl_startup")) {
		parts = append(parts, waxseal.Part{Path: mta.Clean(w), Role: waxseal.RoleScript})
	}
	return parts
}

func perlStartup(in *instance, o eximconf.Option, h waxseal.Hook) {
	h.Effects, h.RunsAs, h.Closure = runsAll, in.user, in.perl
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: o.Value}
	if len(in.perl) > 0 {
		h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: string(in.perl[0].Path)}
	}
	h.Explain = "Perl code is loaded into Exim: " + mta.Clip(o.Value) + " (perl_startup)."
	in.emit(h)
}

func loaded(in *instance, o eximconf.Option, h waxseal.Hook) {
	h.Effects, h.RunsAs = runsAll, in.user
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: o.Value}
	h.Closure = []waxseal.Part{{Path: mta.Clean(o.Value), Role: waxseal.RoleLibrary}}
	h.Explain = "Exim loads the library " + mta.Clip(o.Value) + ", which sees every message before it is accepted (local_scan_path)."
	in.emit(h)
}

func otherBinary(in *instance, o eximconf.Option, h waxseal.Hook) {
	if slices.Contains([]string{"/usr/sbin/exim4", "/usr/sbin/exim", "/usr/exim/bin/exim"}, o.Value) {
		return
	}
	h.Effects, h.RunsAs = runsAll, "root"
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: o.Value}
	h.Closure = in.CommandParts([]string{o.Value})
	h.Explain = "Where Exim runs itself anew, to deliver and to run the queue, " + mta.Clip(o.Value) + " is run as root (exim_path)."
	in.emit(h)
}

func environment(in *instance, o eximconf.Option, h waxseal.Hook) {
	if strings.Trim(o.Value, "= \t") == "" {
		return
	}
	h.Effects = runs
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: o.Value}
	if o.Name == "keep_environment" {
		h.Explain = "The variables " + mta.Clip(o.Value) + " of whoever calls Exim are kept in all of its processes (keep_environment)."
	} else {
		h.Explain = "Every process of Exim gets the variables " + mta.Clip(o.Value) + " (add_environment)."
	}
	in.emit(h)
}

func eximUser(in *instance, o eximconf.Option, h waxseal.Hook) {
	if o.Value != "root" && o.Value != "0" {
		return // a setting
	}
	h.Effects, h.RunsAs = runs, "root"
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: o.Value}
	h.Explain = "Everything that Exim does without a user of its own it does as root (exim_user)."
	in.emit(h)
}

// systemUsers are those who are trusted on many a server: by packages, webmail and
// list managers.
var systemUsers = []string{"root", "mail", "uucp", "exim", "Debian-exim", "mailnull", "daemon", "nobody", "www-data", "apache", "nginx", "list", "mailman", "majordom", "sympa", "cpanel", "cyrus", "amavis", "vmail", "mdom"}

func trusted(in *instance, o eximconf.Option, h waxseal.Hook) {
	var others []string
	for _, name := range eximconf.Split(o.Value) {
		if !slices.Contains(systemUsers, name) {
			others = append(others, name)
		}
	}
	if len(others) == 0 {
		return
	}
	h.Effects = modifies
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: strings.Join(others, ", ")}
	h.Explain = "These may send mail under any sender, as if it came from anywhere: " + mta.Clip(h.Target.Value) + " (" + o.Name + ")."
	if o.Name == "admin_groups" {
		h.Explain = "Users of these groups may read and change the queue: " + mta.Clip(h.Target.Value) + " (admin_groups)."
	}
	in.emit(h)
}

func command(in *instance, o eximconf.Option, h waxseal.Hook) {
	h.Effects, h.RunsAs = runsAll, in.user
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: o.Value}
	h.Closure = in.CommandParts(mta.ShellWords(o.Value))
	h.Scope = map[string]string{"smtp_etrn_command": "clients that say ETRN", "bi_command": "whoever runs newaliases"}[o.Name]
	h.Explain = "The command " + mta.Clip(o.Value) + " runs as " + mta.OrUnknown(in.user) + " for " + h.Scope + " (" + o.Name + ")."
	in.emit(h)
}

// scanner reads av_scanner: a type, and what follows it at colons (spec 45.1).
func scanner(in *instance, o eximconf.Option, h waxseal.Hook) {
	f := eximconf.Split(o.Value)
	if len(f) == 0 {
		return
	}
	h.Effects = decides
	if !in.checks("malware") {
		mta.Inactive(&h, "no ACL that is asked has messages scanned")
	}
	if f[0] == "cmdline" {
		command := ""
		if len(f) > 1 {
			command = f[1]
		}
		h.Kind, h.Effects, h.RunsAs = waxseal.KindPipe, runsAll, in.user
		h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: command}
		h.Closure = in.CommandParts(mta.ShellWords(command))
		h.Explain = "Every message that an ACL has scanned is given to the command " + mta.Clip(command) + ", run as " + mta.OrUnknown(in.user) + " (av_scanner)."
		in.emit(h)
		return
	}
	for n, where := range f[1:] {
		if n > 0 && f[0] != "clamd" && f[0] != "avast" && f[0] != "f-prot6d" {
			break // the rest are patterns and options
		}
		each := h
		each.ID += waxseal.HookID(":" + strconv.Itoa(n+1))
		if in.socketAt(&each, where) {
			each.Explain = "Every message that an ACL has scanned is given to the scanner at " + each.Target.Value + mta.Where(each.Target) + " (av_scanner)."
			in.emit(each)
		}
	}
}

// socketAt sets the target to a socket: "/run/x", "127.0.0.1 783 options".
func (in *instance) socketAt(h *waxseal.Hook, where string) bool {
	words := strings.Fields(where)
	switch {
	case len(words) == 0:
		return false
	case path.IsAbs(words[0]):
		target, part := mta.UnixSocket(mta.Clean(words[0]))
		h.Target, h.Closure = target, []waxseal.Part{part}
	case len(words) > 1:
		h.Target = mta.InetSocket(words[0], words[1])
	default:
		return false
	}
	return true
}

func spamd(in *instance, o eximconf.Option, h waxseal.Hook) {
	h.Effects = decides
	if !in.checks("spam") {
		mta.Inactive(&h, "no ACL that is asked has messages checked for spam")
	}
	for n, where := range eximconf.Split(o.Value) {
		each := h
		each.ID += waxseal.HookID(":" + strconv.Itoa(n+1))
		if in.socketAt(&each, where) {
			each.Explain = "Every message that an ACL has checked for spam is given to the program at " + each.Target.Value + mta.Where(each.Target) + " (spamd_address)."
			in.emit(each)
		}
	}
}
