package detect

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"waxseal"
)

// unit weighs what systemd, an init script or a super server does around the mail
// system.
func (c *Context) unit(h waxseal.Hook, w *weight) {
	switch {
	case h.Directive == "sudoers":
		c.mayRun(h, w)
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
	case isPlain(h, program):
		w.add(jobPlain, clip(h.Target.Value), h.Directive)
		return
	case isGeneralTool(name) && !ownHelpers[name] || hasShell(h.Target.Value):
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

// plainTools make a place ready before a daemon starts: what Debian's units of ClamAV
// and others say in ExecStartPre.
var plainTools = []string{"mkdir", "chown", "chmod", "chgrp", "touch", "true", "sleep", "test", "systemd-tmpfiles"}

// plainPlace matches what such a tool is told about: places that are made anew at each
// start.
var plainPlace = regexp.MustCompile(`^/(?:run|var/run|var/log|var/cache|var/lib)/[\w/-]+$`)

// isPlain reports whether a job only makes a place ready, or starts services anew.
func isPlain(h waxseal.Hook, program waxseal.Part) bool {
	if program.PackageState == waxseal.PackageModified || worldWritable(program.Mode) {
		return false
	}
	if h.Modifiers["only"] != "" {
		return hiding(firstWord(h.Target.Value)) == ""
	}
	words := strings.Fields(h.Target.Value)
	if len(words) == 0 || program.PackageState == waxseal.PackageUnowned || !inPackagedDir(words[0]) || !slices.Contains(plainTools, path.Base(words[0])) {
		return false
	}
	for _, w := range words[1:] {
		if strings.Contains(w, "/") && (!plainPlace.MatchString(w) || hiding(w) != "") || strings.ContainsAny(w, "`$;|&<>'\"(") || strings.Contains(w, "777") || strings.Contains(w, "666") {
			return false
		}
	}
	return true
}

// command weighs a program that runs at each message.
func (c *Context) command(h waxseal.Hook, w *weight) {
	program, known := programOf(h)
	name := string(program.Path)
	if !known {
		name = firstWord(h.Target.Value)
	}
	if h.MTA == waxseal.HostStack || h.Kind == waxseal.KindScript && !isInstanceManager(h, program, name) {
		c.job(h, w)
		return
	}
	switch {
	case isInstanceManager(h, program, name):
		w.add(instanceManager, name)
		return
	case usesTools[h.MTA] && !runsAsRoot(h) && onlyText(h) && (!knownMailProgram(name) || hasShell(h.Target.Value)) && program.PackageState != waxseal.PackageUnowned:
		w.add(textTool, clip(h.Target.Value))
	case isGeneralTool(name) || hasShell(h.Target.Value):
		w.add(generalTool, clip(h.Target.Value))
	case knownMailProgram(name) && program.PackageState != waxseal.PackageUnowned && !(program.Role == waxseal.RoleScript && compiled(name)):
		w.add(deliveryProgram, name)
	case program.PackageState == waxseal.PackageUnmodified:
		w.add(packagedProgram, name, program.Package)
	default:
		w.add(strangeProgram, name)
	}
	c.whereItLies(program, name, w)
	c.arguments(h.Target.Value, w)
	c.spamServer(h, w)
	if h.Modifiers["named_by"] != "" {
		w.add(namedInScript, h.Modifiers["named_by"])
	}
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

// spamServer weighs where spamc(1) hands each message that is given to it.
func (c *Context) spamServer(h waxseal.Hook, w *weight) {
	words := strings.Fields(plainCommand(h.Target.Value))
	at := slices.IndexFunc(words, func(word string) bool { return path.Base(strings.Trim(word, `"'`)) == "spamc" })
	if at < 0 {
		return
	}
	for _, host := range spamHosts(words[at+1:]) {
		if r := c.reachOf("[" + host + "]"); r > onHost {
			w.add(remoteSocket, host, r)
			if r > private && seesAll(h) {
				w.add(remoteSeesAll, orAll(h.Scope))
			}
		}
	}
}

// spamHosts are the hosts that arguments of spamc(1) name: -d a,b or --dest=a.
func spamHosts(args []string) (hosts []string) {
	const valued = "depntsuLCUF01"
	for i := 0; i < len(args); i++ {
		word := strings.Trim(args[i], `"'`)
		name, value, given := strings.Cut(word, "=")
		letter := ""
		switch {
		case name == "--dest":
			letter = "d"
		case strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "--"):
			if n := strings.IndexAny(word, valued); n > 0 {
				letter, value, given = word[n:n+1], word[n+1:], n+1 < len(word)
			}
		}
		if letter == "" {
			continue
		}
		if !given && i+1 < len(args) {
			i++
			value = strings.Trim(args[i], `"'`)
		}
		if letter == "d" {
			hosts = append(hosts, strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == '[' || r == ']' })...)
		}
	}
	return hosts
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
// delivery program in a .forward file, and packages around their jobs: a shell
// that only becomes that program.
var guard = regexp.MustCompile(`^(?:IFS=(?:' '|" "|\\ )?\s*(?:&&|;)?\s*)?(?:test -[fx] \S+ &&\s*)*(?:exec\s+)?([^;|&<>` + "`" + `$()]+?)(?:\s*\|\|\s*exit\s+\d+)?(?:\s*#[\w.-]*)?$`)

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
		if i == 0 && ownHelpers[word] || i > 0 && (word == "/usr/sbin/sendmail" || word == "/usr/lib/sendmail") {
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

// environment weighs variables that every daemon gets.
func (c *Context) environment(h waxseal.Hook, w *weight) {
	switch h.Directive {
	case "mount":
		w.add(mountedOver, h.Source.Path, h.Target.Value)
		return
	case "alternate_config_directories":
		c.otherConfiguration(h, w)
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
		if strings.Contains(h.Target.Value, name) && !(name == "PATH=" && systemPath(h.Target.Value)) {
			w.add(loaderTrick, strings.TrimSuffix(name, "="), clip(h.Target.Value))
		}
	}
	if h.Directive == "exim_user" && (h.Target.Value == "root" || h.Target.Value == "0") {
		w.add(unitAsRoot, h.Target.Value)
	}
	w.add(environmentSet, clip(h.Target.Value))
}

var pathSet = regexp.MustCompile(`(?:^|[\s:;,'"])PATH=(\S*)`)

// systemPath reports whether a text only sets PATH to where the system's own
// commands lie. Exim doubles the colons of its lists.
func systemPath(text string) bool {
	found := pathSet.FindAllStringSubmatch(text, -1)
	if len(found) != strings.Count(text, "PATH=") {
		return false
	}
	for _, g := range found {
		for dir := range strings.SplitSeq(strings.ReplaceAll(strings.Trim(g[1], `"'`), "::", ":"), ":") {
			if !slices.Contains([]string{"/bin", "/sbin", "/usr/bin", "/usr/sbin"}, dir) {
				return false
			}
		}
	}
	return true
}

// otherConfiguration weighs a directory by which users may have commands work that run
// with the rights of a group.
func (c *Context) otherConfiguration(h waxseal.Hook, w *weight) {
	w.add(otherConfiguration, clip(h.Target.Value))
	for _, p := range h.Closure {
		if p.Role == waxseal.RoleDirectory && !p.Missing && p.Owner != "" {
			w.add(configurationOfOthers, p.Path, p.Owner, h.Modifiers["setgid_group"])
			break
		}
	}
	c.whereItLies(waxseal.Part{}, h.Target.Value, w)
}

// code weighs a library, daemon or command that becomes part of the mail system.
func (c *Context) code(h waxseal.Hook, w *weight) {
	program, _ := programOf(h)
	if i := slices.IndexFunc(h.Closure, func(p waxseal.Part) bool {
		return p.Role == waxseal.RoleLibrary || p.Role == waxseal.RoleModule
	}); i >= 0 {
		program = h.Closure[i]
	}
	if h.Modifiers["state"] != "" {
		c.inMemory(h, program, w)
		return
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
