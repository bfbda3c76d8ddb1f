package detect

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"waxseal"
)

// hook weighs what a hook does, as if it had just appeared unexplained.
func (c *Context) hook(h waxseal.Hook) weight {
	w := c.signs(h)
	w.settle()
	return w
}

// signs notes what a hook shows.
func (c *Context) signs(h waxseal.Hook) weight {
	if !h.Active {
		return weighing(unreached, h.Directive, clip(h.Target.Value))
	}
	var w weight
	switch h.Kind {
	case waxseal.KindUnreadable:
		w.add(unreadable, clip(h.Target.Value))
	case waxseal.KindEnvironment:
		c.environment(h, &w)
	case waxseal.KindModule, waxseal.KindPlugin, waxseal.KindBinary, waxseal.KindExpansionExec:
		c.code(h, &w)
	case waxseal.KindUnit:
		c.unit(h, &w)
	case waxseal.KindLog:
		c.logging(h, &w)
	case waxseal.KindDiscard:
		c.discard(h, &w)
	case waxseal.KindMap:
		c.table(h, &w)
	case waxseal.KindRewrite:
		c.rewrite(h, &w)
	default:
		c.byTarget(h, &w)
	}
	c.aggravations(h, &w)
	return w
}

// unread matches names of addresses that exist so that nobody reads them.
var unread = regexp.MustCompile(`(?i)^(?:no-?_?reply|do-?_?not-?_?reply|dev-?null|null|nobody|blackhole|bit-?bucket|discard|bounces?)(?:@|$)`)

// aimed matches checks of headers that pick mail by who wrote it, who is to get it,
// or what it is about, rather than by what is attached or how it came.
var aimed = regexp.MustCompile(`(?i)^header \W{0,3}(?:from|to|cc|subject|reply-to|sender|return-path)`)

// discard weighs mail that is thrown away.
func (c *Context) discard(h waxseal.Hook, w *weight) {
	if key, ok := strings.CutPrefix(h.Scope, "recipient "); ok && unread.MatchString(key) {
		w.add(droppedUnread, clip(h.Scope))
		return
	}
	if h.Directive == "HOLD" || strings.HasSuffix(h.Directive, ":HOLD") {
		w.add(pick(aimed.MatchString(h.Scope), heldFrom, held), clip(h.Scope))
		return
	}
	w.add(dropped, clip(h.Scope))
}

// byTarget weighs a hook by where it hands mail.
func (c *Context) byTarget(h waxseal.Hook, w *weight) {
	switch h.Target.Type {
	case waxseal.TargetSocket:
		c.socket(h, w)
	case waxseal.TargetHost:
		c.nextHop(h, w)
	case waxseal.TargetAddress:
		c.address(h, w)
	case waxseal.TargetCommand:
		c.command(h, w)
	case waxseal.TargetFile:
		c.mailFile(h, w)
	case waxseal.TargetService:
		c.service(h, w)
	case waxseal.TargetTable:
		c.table(h, w)
	default:
		c.rewrite(h, w)
	}
}

// seesAll reports whether a hook meets more than one correspondent's mail.
func seesAll(h waxseal.Hook) bool {
	return h.Scope == "" || strings.HasPrefix(h.Scope, "all") || strings.HasPrefix(h.Scope, "port ") || strings.HasPrefix(h.Scope, "service ")
}

// socket weighs a milter, policy server or proxy that is asked over a socket.
func (c *Context) socket(h waxseal.Hook, w *weight) {
	r := c.reachOf(h.Target.Value)
	if r == onHost && h.Listener != nil {
		c.listener(*h.Listener, documented(h.Target.Value), w)
		return
	}
	if r == onHost {
		if filter := documented(h.Target.Value); filter != "" {
			w.add(documentedSocket, h.Target.Value, filter)
			return
		}
		w.add(strangeSocket, h.Target.Value)
		return
	}
	w.add(remoteSocket, h.Target.Value, r)
	if seesAll(h) && r != private {
		w.add(remoteSeesAll, orAll(h.Scope))
	}
}

// listener weighs who really answers at a socket: the address says where a filter
// should be, and nothing about what is there.
func (c *Context) listener(l waxseal.Listener, documentedFor string, w *weight) {
	exe := string(l.Exe)
	switch {
	case exe == "":
		w.add(strangerListens, orNothing(l.Comm))
	case isGeneralTool(exe) && documentedFor == "":
		w.add(toolListens, exe)
	case l.PackageState == waxseal.PackageModified || l.PackageState == waxseal.PackageUnowned:
		w.add(strangerListens, exe)
	case isGeneralTool(exe) || isFilter(exe):
		w.add(filterListens, exe, orNothing(l.Package))
	case l.PackageState == waxseal.PackageUnmodified:
		w.add(packageListens, exe, l.Package)
	default:
		w.add(strangerListens, exe)
	}
	c.whereItLies(waxseal.Part{PackageState: l.PackageState, Package: l.Package}, exe, w)
}

func orAll(scope string) string {
	if scope == "" {
		return "all"
	}
	return scope
}

// nextHop weighs where mail is sent on.
func (c *Context) nextHop(h waxseal.Hook, w *weight) {
	r := c.reachOf(h.Target.Value)
	_, port := hostPort(h.Target.Value)
	switch {
	case r == onHost && (documented(h.Target.Value) != "" || port == ""):
		w.add(localHop, h.Target.Value)
	case r == onHost:
		w.add(oddLocalHop, h.Target.Value)
	case r == private:
		w.add(privateHop, h.Target.Value, r)
	case r == public:
		w.add(publicHop, h.Target.Value)
	case h.Kind == waxseal.KindRelay && !oddPort(port) && (seesAll(h) || wholeDomain(h)), c.ownDestination(h):
		w.add(namedHop, h.Target.Value)
	default:
		w.add(foreignHop, h.Target.Value, r)
	}
	if r >= named && oddPort(port) {
		w.add(oddMailPort, port)
	}
	if r == public && seesAll(h) {
		w.add(remoteSeesAll, orAll(h.Scope))
	}
}

func oddPort(port string) bool {
	return port != "" && !slices.Contains([]string{"25", "465", "587", "2525", "smtp", "smtps", "submission", "submissions", "24", "lmtp"}, port)
}

// wholeDomain reports whether a hook is for all senders or recipients of a domain
// rather than for one.
func wholeDomain(h waxseal.Hook) bool {
	_, key, ok := strings.Cut(h.Scope, " ")
	return ok && strings.HasPrefix(key, "@") && strings.Count(key, "@") == 1
}

// ownDestination reports whether mail for a domain goes to a host of that very
// domain: a transport entry "partner.example smtp:[mx.partner.example]".
func (c *Context) ownDestination(h waxseal.Hook) bool {
	scope := strings.ToLower(strings.TrimLeft(h.Scope[strings.LastIndexByte(h.Scope, ' ')+1:], ".@"))
	scope = scope[strings.LastIndexByte(scope, '@')+1:]
	to := strings.ToLower(host(h.Target.Value))
	return strings.Contains(scope, ".") && (to == scope || strings.HasSuffix(to, "."+scope))
}

// address weighs a copy or redirection to a mail address.
func (c *Context) address(h waxseal.Hook, w *weight) {
	switch {
	case c.foreignAddress(h.Target.Value):
		w.add(foreignAddress, h.Target.Value)
		if seesAll(h) && h.Kind == waxseal.KindCopy {
			w.add(remoteSeesAll, orAll(h.Scope))
		}
	case h.Kind == waxseal.KindCopy || seesAll(h):
		w.add(ownCopy, h.Target.Value)
	default:
		w.add(ownUser, h.Target.Value)
	}
}

// unit weighs what systemd, an init script or a super server does around the mail
// system.
func (c *Context) unit(h waxseal.Hook, w *weight) {
	switch {
	case h.Target.Type == waxseal.TargetCommand || h.Target.Type == waxseal.TargetFile:
		c.job(h, w)
	case h.Directive == "User" && (h.Target.Value == "root" || h.Target.Value == "0"):
		w.add(unitAsOther, h.Directive, clip(h.Target.Value))
		w.add(unitAsRoot, clip(h.Target.Value))
	case h.Directive == "User" || h.Directive == "Group" || h.Directive == "DynamicUser":
		w.add(unitAsOther, h.Directive, clip(h.Target.Value))
	case h.Has(waxseal.Modify) || h.Has(waxseal.Execute):
		w.add(unitSeesOther, h.Directive, clip(h.Target.Value))
	default:
		w.add(unitAsOther, h.Directive, clip(h.Target.Value))
	}
}

// job weighs a program that runs when the mail system starts, by the clock, or
// with the network, rather than with each message.
func (c *Context) job(h waxseal.Hook, w *weight) {
	name := firstWord(h.Target.Value)
	program := waxseal.Part{}
	if i := slices.IndexFunc(h.Closure, func(p waxseal.Part) bool { return p.Path == waxseal.Path(name) }); i >= 0 {
		program = h.Closure[i]
	}
	switch {
	case isGeneralTool(name) || hasShell(h.Target.Value):
		w.add(jobTool, h.Directive, clip(h.Target.Value))
	case program.PackageState == waxseal.PackageUnmodified:
		w.add(jobPackaged, name, program.Package, h.Directive)
	default:
		w.add(jobStrange, name, h.Directive)
	}
	c.whereItLies(program, name, w)
	if runsAsRoot(h) {
		w.add(rootCommand)
	}
}

// command weighs a program that runs at each message.
func (c *Context) command(h waxseal.Hook, w *weight) {
	if h.MTA == waxseal.HostStack {
		c.job(h, w)
		return
	}
	program, known := programOf(h)
	name := string(program.Path)
	if !known {
		name = firstWord(h.Target.Value)
	}
	switch {
	case isInstanceManager(h, program, name):
		w.add(instanceManager, name)
		return
	case isGeneralTool(name) || hasShell(h.Target.Value):
		w.add(generalTool, clip(h.Target.Value))
	case knownMailProgram(name) && program.PackageState != waxseal.PackageUnowned:
		w.add(deliveryProgram, name)
	case program.PackageState == waxseal.PackageUnmodified:
		w.add(packagedProgram, name, program.Package)
	default:
		w.add(strangeProgram, name)
	}
	c.whereItLies(program, name, w)
	c.arguments(h.Target.Value, w)
	if runsAsRoot(h) {
		w.add(rootCommand)
	}
}

// isInstanceManager reports whether a wrapper is the one that postmulti(1) says
// to set ("multi_instance_wrapper = ${command_directory}/postmulti -p --").
func isInstanceManager(h waxseal.Hook, program waxseal.Part, name string) bool {
	return h.Directive == "multi_instance_wrapper" && path.Base(name) == "postmulti" && inPackagedDir(name) && !strings.Contains(name, "..") &&
		(program.PackageState == waxseal.PackageUnmodified || program.PackageState == waxseal.PackageUnknown) &&
		strings.Join(strings.Fields(h.Target.Value)[1:], " ") == "-p --"
}

// arguments weighs what a program is told: a delivery program does what the file
// says that it is given, and a mail command sends where it is told.
func (c *Context) arguments(command string, w *weight) {
	for i, word := range strings.Fields(plainCommand(command)) {
		word = strings.Trim(word, `"'`)
		if i == 0 || !strings.HasPrefix(word, "/") {
			continue
		}
		if why := hiding(word); why != "" {
			w.add(badPlace, word, why)
		}
	}
	if a := c.foreignIn(command); a != "" {
		w.add(foreignAddress, a)
	}
}

func runsAsRoot(h waxseal.Hook) bool {
	return h.RunsAs == "root" || strings.HasPrefix(h.RunsAs, "root:")
}

func firstWord(command string) string {
	f := strings.Fields(plainCommand(command))
	if len(f) == 0 {
		return ""
	}
	return strings.Trim(f[0], `"`)
}

// guard is what procmail(1) and maildrop(1) tell users to write around the
// delivery program in a .forward file: a shell that only becomes that program.
var guard = regexp.MustCompile(`^(?:IFS=(?:' '|" "|\\ )?\s*(?:&&|;)?\s*)?(?:test -[fx] \S+ &&\s*)?(?:exec\s+)?([^;|&<>` + "`" + `$()]+?)(?:\s*\|\|\s*exit\s+\d+)?(?:\s*#[\w.-]*)?$`)

// plainCommand takes the mark of a pipe and such a guard off a command.
func plainCommand(command string) string {
	command = strings.TrimRight(strings.TrimLeft(command, `|" `), `" `)
	if g := guard.FindStringSubmatch(command); g != nil {
		return g[1]
	}
	return command
}

// hasShell reports whether a command goes through a shell or chains programs.
func hasShell(command string) bool {
	command = plainCommand(command)
	if strings.ContainsAny(command, ";|&<>`") || strings.Contains(command, "$(") {
		return true
	}
	for i, word := range strings.Fields(command) {
		if i > 0 && (word == "/usr/sbin/sendmail" || word == "/usr/lib/sendmail") {
			continue // how filters hand mail back (spamc(1) -e); where to is weighed by itself
		}
		if isGeneralTool(strings.Trim(word, `"'{}`)) && strings.HasPrefix(strings.Trim(word, `"'{}`), "/") {
			return true
		}
	}
	return false
}

// whereItLies aggravates by the place, owner and mode of a program.
func (c *Context) whereItLies(p waxseal.Part, name string, w *weight) {
	if why := hiding(name); why != "" {
		w.add(badPlace, name, why)
	}
	if worldWritable(p.Mode) {
		w.add(anyoneWrites, name, p.Mode)
	}
	if p.PackageState == waxseal.PackageModified {
		w.add(notAsPackaged, name, p.Package)
	}
}

func worldWritable(mode string) bool {
	return mode != "" && strings.ContainsRune("2367", rune(mode[len(mode)-1]))
}

// mailFile weighs a file that mail is written to.
func (c *Context) mailFile(h waxseal.Hook, w *weight) {
	if slices.ContainsFunc(h.Closure, func(p waxseal.Part) bool { return p.Role == waxseal.RoleInclude }) {
		w.add(addressList, h.Target.Value)
		c.whereTableLies(h, w)
		return
	}
	if (h.Directive == "queue_directory" || h.Directive == "data_directory") && hiding(h.Target.Value) == "" {
		w.add(systemMailbox, h.Target.Value)
		return
	}
	if inOwnHome(h) {
		w.add(ownHome, h.Target.Value)
		c.whereItLies(waxseal.Part{}, h.Target.Value, w)
		return
	}
	w.add(systemMailbox, h.Target.Value)
	if strings.HasSuffix(h.Directive, "_directory") && (strings.HasPrefix(h.Target.Value, "/var/spool/") || strings.HasPrefix(h.Target.Value, "/var/lib/")) && !strings.Contains(h.Target.Value, "..") {
		c.whereItLies(waxseal.Part{}, h.Target.Value, w)
		return // where each instance has a queue of its own (MULTI_INSTANCE_README)
	}
	if !strings.HasPrefix(h.Target.Value, "/var/mail/") && !strings.HasPrefix(h.Target.Value, "/var/spool/mail/") && h.Target.Value != "/dev/null" {
		w.add(strangeFile, h.Target.Value)
	}
	c.whereItLies(waxseal.Part{}, h.Target.Value, w)
}

// inOwnHome reports whether a user has his own mail written below his home, as a
// forward file may.
func inOwnHome(h waxseal.Hook) bool {
	user, ok := strings.CutPrefix(h.Scope, "recipient ")
	user, _, _ = strings.Cut(user, "+")
	home := "/home/" + user + "/"
	return ok && user != "" && (strings.HasPrefix(h.Target.Value, "~/") || strings.HasPrefix(h.Target.Value, home) && !strings.Contains(h.Target.Value, ".."))
}

// service weighs handing mail to a service of master.cf: what that service does
// is a hook of its own, and weighed there.
func (c *Context) service(h waxseal.Hook, w *weight) {
	name, _, _ := strings.Cut(h.Target.Value, ":")
	if _, ok := programOf(h); ok {
		w.add(handedToService, name)
		c.command(h, w)
		return
	}
	if name == "discard" {
		w.add(dropped, h.Target.Value)
		return
	}
	if hop := host(h.Target.Value); strings.ContainsAny(h.Target.Value, ".[") && hop != "" {
		c.nextHop(h, w)
		return
	}
	w.add(handedToService, h.Target.Value)
}

// table weighs a lookup table as a whole; what its entries do is hooks of their
// own.
func (c *Context) table(h waxseal.Hook, w *weight) {
	if !h.External {
		w.add(localTable, clip(h.Target.Value))
		c.whereTableLies(h, w)
		return
	}
	if r := c.reachOfTable(h); h.Target.Remote && r > private {
		w.add(remoteTable, clip(h.Target.Value), r)
		return
	}
	w.add(blindTable, clip(h.Target.Value))
	c.whereTableLies(h, w)
}

// reachOfTable is how far the farthest server of a table is. The name of a
// database table is a file or a prefix of parameters, and no host.
func (c *Context) reachOfTable(h waxseal.Hook) reach {
	hosts, ok := h.Modifiers["hosts"]
	if !ok || hosts == "" {
		return c.reachOf(h.Target.Value)
	}
	farthest := onHost
	for server := range strings.SplitSeq(hosts, ", ") {
		farthest = max(farthest, c.reachOf(server))
	}
	return farthest
}

func (c *Context) whereTableLies(h waxseal.Hook, w *weight) {
	for _, p := range h.Closure {
		c.whereItLies(waxseal.Part{Mode: p.Mode}, string(p.Path), w)
	}
}

// environment weighs variables that every daemon gets.
func (c *Context) environment(h waxseal.Hook, w *weight) {
	switch h.Directive {
	case "mount":
		w.add(mountedOver, h.Source.Path, h.Target.Value)
		return
	case "ld.so.preload":
		w.add(preloaded, clip(h.Target.Value))
		return
	case "ld.so.conf":
		shadows := slices.ContainsFunc(h.Closure, func(p waxseal.Part) bool { return p.Role == waxseal.RoleLibrary })
		w.add(pick(shadows, librariesFirst, librariesAlso), clip(h.Target.Value))
		c.whereItLies(waxseal.Part{}, h.Target.Value, w)
		return
	}
	for _, name := range []string{"LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "GCONV_PATH", "PYTHONPATH", "PERL5LIB", "PERL5OPT", "PYTHONSTARTUP", "BASH_ENV", "MAIL_CONFIG", "PATH="} {
		if strings.Contains(h.Target.Value, name) {
			w.add(loaderTrick, strings.TrimSuffix(name, "="), clip(h.Target.Value))
		}
	}
	w.add(environmentSet, clip(h.Target.Value))
}

// code weighs a library, daemon or command that becomes part of the mail system.
func (c *Context) code(h waxseal.Hook, w *weight) {
	program, _ := programOf(h)
	if i := slices.IndexFunc(h.Closure, func(p waxseal.Part) bool { return p.Role == waxseal.RoleLibrary }); i >= 0 {
		program = h.Closure[i]
	}
	switch {
	case program.PackageState == waxseal.PackageUnmodified:
		w.add(packagedCode, program.Path, program.Package)
	case program.PackageState == waxseal.PackageUnknown && knownModule(string(program.Path)):
		w.add(stockModule, program.Path)
		return
	default:
		w.add(strangeCode, clip(h.Target.Value))
	}
	c.whereItLies(program, path.Clean("/"+firstWord(h.Target.Value)), w)
	if runsAsRoot(h) {
		w.add(rootCommand)
	}
}

// logging weighs where the mail system writes its log.
func (c *Context) logging(h waxseal.Hook, w *weight) {
	if h.Has(waxseal.Execute) {
		c.code(h, w)
		return
	}
	w.add(logName, h.Directive, clip(h.Target.Value))
	switch {
	case h.Target.Value == "/dev/null":
		w.add(logThrownAway)
	case h.Has(waxseal.Silence):
		w.add(hidesMail, h.Directive, clip(h.Target.Value))
	}
}

// aggravations are reasons that make any dangerous hook worse.
func (c *Context) aggravations(h waxseal.Hook, w *weight) {
	c.above(h, w)
	c.drift(h, w)
	c.privileged(h, w)
	if action := h.Modifiers["milter_default_action"]; action == "accept" && h.Kind == waxseal.KindMilter {
		w.add(failsOpen)
	}
	if p, ok := socketPath(h.Target.Value); ok && h.Target.Type == waxseal.TargetSocket {
		if why := hiding(p); why != "" {
			w.add(hiddenSocket, p, why)
		}
	}
}

// privileged weighs programs that run with somebody else's rights: of Postfix
// only postdrop and postqueue do, and theirs are a group's (postfix-install
// "setgid_group").
func (c *Context) privileged(h waxseal.Hook, w *weight) {
	for _, p := range h.Closure {
		name := path.Base(string(p.Path))
		if h.MTA == waxseal.HostStack && !strings.HasPrefix(name, "post") || p.Role != waxseal.RoleBinary || len(p.Mode) != 4 {
			continue
		}
		setuid, setgid := p.Mode[0]&4 != 0, p.Mode[0]&2 != 0
		if strings.HasPrefix(name, "post") && (setuid || setgid && name != "postdrop" && name != "postqueue") {
			w.add(isSetuid, p.Path, p.Mode)
		}
	}
}

// above weighs the directories above what a hook depends on: closures list those
// that others than root can write.
func (c *Context) above(h waxseal.Hook, w *weight) {
	for _, p := range h.Closure {
		if p.Role != waxseal.RoleDirectory || p.Missing || p.Owner == "" {
			continue
		}
		what := firstBelow(h.Closure, p.Path)
		switch {
		case what == "":
		case worldWritable(p.Mode):
			w.add(anyoneWrites, string(p.Path), p.Mode)
		case runsAsRoot(h):
			w.add(unsafeAbove, p.Path, what, p.Owner)
		default:
			w.add(othersAbove, p.Path, what, p.Owner)
		}
	}
}

// firstBelow names a part that lies under a directory.
func firstBelow(parts []waxseal.Part, dir waxseal.Path) waxseal.Path {
	for _, p := range parts {
		if p.Role != waxseal.RoleDirectory && strings.HasPrefix(string(p.Path), string(dir)+"/") {
			return p.Path
		}
	}
	return ""
}

// drift weighs an entry that a compiled map and its source say differently.
// Whoever edits a source and has not compiled it yet leaves the same difference
// as one who changes the map behind the source's back: which it was is told by
// which of the two files changed, or, where nobody saw that, by their times.
func (c *Context) drift(h waxseal.Hook, w *weight) {
	says, ok := h.Modifiers["drift"]
	if !ok {
		return
	}
	source, compiled := c.halves(h)
	switch {
	case len(c.Before.Stacks) > 0 && !c.differs(compiled):
		w.add(entryLater, says)
	case len(c.Before.Stacks) > 0 || !c.newer(source, compiled):
		w.add(entryDrift, says)
	default:
		w.add(entryMaybeLater, says)
	}
}

// halves finds the source and the compiled map that an entry stands in: the
// table that names the one names the other.
func (c *Context) halves(h waxseal.Hook) (source, compiled waxseal.Path) {
	for _, other := range c.After.Hooks {
		if other.Kind != waxseal.KindMap || !slices.ContainsFunc(other.Closure, func(p waxseal.Part) bool { return p.Path == h.Source.Path }) {
			continue
		}
		for _, p := range other.Closure {
			switch p.Role {
			case waxseal.RoleMap, waxseal.RoleAliases:
				source = p.Path
			case waxseal.RoleCompiledMap:
				compiled = p.Path
			}
		}
		return source, compiled
	}
	return "", ""
}

// differs reports whether a file has other content than before.
func (c *Context) differs(p waxseal.Path) bool {
	was, had := fileAt(c.Before.Files, p)
	now, has := fileAt(c.After.Files, p)
	return had != has || was.Digest != now.Digest
}

// newer reports whether one file was written after another.
func (c *Context) newer(p, than waxseal.Path) bool {
	a, hasA := fileAt(c.After.Files, p)
	b, hasB := fileAt(c.After.Files, than)
	return hasA && hasB && a.ModTime.After(b.ModTime)
}
