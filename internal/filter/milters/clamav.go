package milters

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/filter/milters/milterconf"
	"waxseal/internal/mta"
)

// clam is the reading of a configuration of ClamAV.
type clam struct {
	*filter
	milterconf.Options
}

// clamOptions reads the file, notes what is set, and hands over each line that
// counts.
func (f *filter) clamOptions(p milterconf.Program, each func(*clam, milterconf.Entry)) {
	text, ok := f.text(f.main, func(text string) bool { return strings.Contains(text, "\nHTTPProxyPassword") })
	if !ok {
		return
	}
	c := &clam{f, p.Parse(f.main, text)}
	if c.Unset {
		f.asleep = f.title + " does not start: the file is still the example that it was installed as"
	}
	f.refused(c.Refusals)
	for _, e := range c.Ignored {
		if was, set := c.Get(e.Name); set {
			f.Problem(e.Source.Path, e.Source.Line, e.Name+" is set in line "+strconv.Itoa(was.Source.Line)+" already, and only the first counts")
		}
	}
	if e, set := c.Get("User"); set {
		f.account(e)
	}
	seen := map[string]int{}
	for _, e := range c.Written {
		noted := e
		if socket, ok := ParseSocket(e.Value); ok && e.Name == "MilterSocket" {
			noted.Value = socket
		}
		if seen[e.Name]++; seen[e.Name] > 1 {
			noted.Name += ":" + strconv.Itoa(seen[e.Name])
		}
		f.set(noted, c.Default(e.Name))
		each(c, e)
	}
}

// release is that of ClamAV's packages.
func (f *filter) release() string {
	return f.options.Version(append(slices.Clone(f.packages), "clamav-base", "clamav")...)
}

// clamMilter reads clamav-milter.conf(5).
func clamMilter(f *filter) {
	f.clamOptions(milterconf.ClamAVMilter(f.release()), (*clam).milterLine)
}

const (
	infected = "mail in which a virus was found"
	unlooked = "mail that could not be scanned"
	clean    = "all mail in which no virus was found"
)

func (c *clam) milterLine(e milterconf.Entry) {
	h := c.hook(e)
	switch e.Name {
	case "MilterSocket":
		c.listens(e.Value)
	case "ClamdSocket":
		c.scanner(h, e)
	case "OnInfected":
		h.Scope = infected
		if strings.EqualFold(e.Value, "Accept") {
			c.passes(h, "infected", e.Value, "Mail in which a virus was found is delivered")
			return
		}
		c.result(h, e.Value, "Mail in which a virus was found")
	case "OnFail":
		h.Scope = unlooked
		if strings.EqualFold(e.Value, "Accept") {
			c.passes(h, "some", e.Value, "Mail that could not be scanned is delivered")
		}
	case "OnClean":
		h.Scope = clean
		c.result(h, e.Value, "Mail in which no virus was found")
	case "VirusAction":
		h.Scope = infected
		c.command(h, waxseal.KindPipe, e.Value, "for each message in which a virus was found")
	case "LocalNet":
		c.localNet(h, e.Value)
	case "AllowList", "Whitelist":
		c.allowed(h, e)
	case "SkipAuthenticated":
		if p, ok := strings.CutPrefix(e.Value, "file:"); ok {
			c.table(h, e.Value, waxseal.Part{Path: mta.Clean(p), Role: waxseal.RoleList}, "the users whose mail it does not scan")
		}
	}
}

// localNet is a net whose mail is not scanned; that this host's own is not is how the
// documentation sets it up.
func (c *clam) localNet(h waxseal.Hook, net string) {
	switch host, _, _ := strings.Cut(net, "/"); {
	case anyone([]string{net}) != "":
		c.passes(h, "all", net, "No mail is scanned: the clients that are passed over are all ("+net+")")
	case net != "local" && !mta.IsLoopback(host):
		h.Scope = "mail from " + net
		c.passes(h, "some", net, "Mail from "+mta.Clip(net)+" is not scanned")
	}
}

// result is what becomes of mail when it was scanned.
func (c *clam) result(h waxseal.Hook, action, what string) {
	switch {
	case strings.EqualFold(action, "Blackhole"):
		if h.Scope == infected {
			mta.Modify(&h, "condition", `header matches "X-Virus-Status: Infected"`) // what it would be marked with
		}
		c.discard(h, action, what, "")
	case strings.EqualFold(action, "Quarantine") && h.Scope == clean:
		c.discard(h, action, what, "quarantine")
	case h.Scope == clean && !strings.EqualFold(action, "Accept"):
		h.Effects = drops
		c.discard(h, action, what, "")
	}
}

// scanner is where a milter hands each message.
func (c *clam) scanner(h waxseal.Hook, e milterconf.Entry) {
	h.Kind, h.Effects = waxseal.KindPolicy, []waxseal.Effect{waxseal.Observe, waxseal.Drop}
	lower := strings.ToLower(e.Value)
	switch {
	case strings.HasPrefix(lower, "unix:"):
		target, part := mta.UnixSocket(mta.Clean(e.Value[len("unix:"):]))
		h.Target, h.Closure = target, []waxseal.Part{part}
	case strings.HasPrefix(lower, "tcp:"):
		host, port := mta.SplitHostPort(e.Value[len("tcp:"):])
		h.Target = mta.InetSocket(host, cmp.Or(port, "3310"))
	default:
		c.Problem(e.Source.Path, e.Source.Line, "a socket of the scanner that clamav-milter does not understand: "+mta.Clip(e.Value))
		return
	}
	if !h.Target.Remote && !slices.Contains(c.uses, Clamd) {
		c.uses = append(c.uses, Clamd)
	}
	h.Explain = "Every message is handed to the scanner at " + mta.Clip(h.Target.Value) + mta.Where(h.Target) + where(h)
	c.emit(h)
}

// allowed is a list of addresses whose mail is not scanned.
func (c *clam) allowed(h waxseal.Hook, e milterconf.Entry) {
	p := mta.Clean(e.Value)
	c.table(h, "file:"+string(p), waxseal.Part{Path: p, Role: waxseal.RoleList}, "the addresses whose mail it does not scan")
	text, _ := c.Read(p, "a list of addresses")
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		pattern := strings.TrimPrefix(strings.TrimPrefix(line, "From:"), "To:")
		if line == "" || strings.ContainsAny(line[:1], "#:!") || !matchesAll(pattern) {
			continue
		}
		all := c.hook(e)
		all.Source = waxseal.Source{Path: p, Line: n}
		c.passes(all, "all", line, "No mail is scanned: "+mta.Clip(line)+" is every address")
	}
}

// matchesAll reports whether a regular expression is one that everything matches.
func matchesAll(pattern string) bool {
	plain := strings.TrimSuffix(strings.TrimPrefix(pattern, "^"), "$")
	return slices.Contains([]string{"", ".", ".*", ".+", ".*.*", "@", ".*@.*", "<.*>"}, plain)
}

// clamd reads clamd.conf(5).
func clamd(f *filter) {
	f.uses = append(f.uses, Freshclam) // what a virus looks like is what it fetched
	f.clamOptions(milterconf.Clamd(f.release()), (*clam).clamdLine)
}

func (c *clam) clamdLine(e milterconf.Entry) {
	h := c.hook(e)
	switch e.Name {
	case "LocalSocket":
		c.sockets = append(c.sockets, "unix:"+string(mta.Clean(e.Value)))
	case "TCPSocket":
		c.tcp(e.Value)
	case "VirusEvent":
		h.Scope = "all files and messages in which a virus was found"
		c.command(h, waxseal.KindPipe, e.Value, "whenever a virus was found")
	case "ScanMail":
		if e.Value == "no" {
			c.passes(h, "all", "no", "Mail is not looked into: a virus in an attachment is not found")
		}
	case "LeaveTemporaryFiles":
		if e.Value == "yes" {
			c.keeps(h, cmp.Or(c.Value("TemporaryDirectory"), "/tmp"), "Copies of all messages that are scanned, and their attachments,")
		}
	case "BytecodeUnsigned":
		if e.Value == "yes" {
			dir := mta.Clean(c.Value("DatabaseDirectory"))
			h.Kind, h.Effects = waxseal.KindModule, executes
			h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: string(dir)}
			h.Explain = "Programs that nobody signed and that lie in " + string(dir) + " run in the scanner" + where(h)
			c.emit(h)
		}
	case "DatabaseDirectory":
		if dir := mta.Clean(e.Value); string(dir) != c.Default(e.Name) {
			c.table(h, "directory:"+string(dir), waxseal.Part{Path: dir, Role: waxseal.RoleDirectory}, "what a virus looks like")
		}
	}
}

// tcp is a port at each of the addresses that are set, else at all.
func (c *clam) tcp(port string) {
	addresses := c.All("TCPAddr")
	if len(addresses) == 0 {
		addresses = []milterconf.Entry{{Value: "0.0.0.0"}}
	}
	for _, a := range addresses {
		c.sockets = append(c.sockets, mta.InetSocket(a.Value, port).Value)
	}
}

// freshclam reads freshclam.conf(5).
func freshclam(f *filter) {
	f.clamOptions(milterconf.Freshclam(f.release()), (*clam).freshclamLine)
}

func (c *clam) freshclamLine(e milterconf.Entry) {
	h := c.hook(e)
	h.RunsAs = c.Value("DatabaseOwner")
	switch e.Name {
	case "DatabaseOwner":
		c.account(e)
	case "OnUpdateExecute", "OnErrorExecute", "OnOutdatedExecute":
		h.Scope = "each update of the signatures"
		c.command(h, waxseal.KindUnit, e.Value, map[string]string{
			"OnUpdateExecute": "after each update of the virus signatures", "OnErrorExecute": "when an update of the virus signatures fails", "OnOutdatedExecute": "when a new release of ClamAV is out",
		}[e.Name])
	case "DatabaseMirror", "PrivateMirror", "DatabaseCustomURL":
		c.mirror(h, e)
	}
}

// mirror is where signatures come from. Those of ClamAV are signed by it; those of a
// URL of one's own are believed as they are.
func (c *clam) mirror(h waxseal.Hook, e milterconf.Entry) {
	_, rest, hasScheme := strings.Cut(e.Value, "://")
	if !hasScheme {
		rest = e.Value
	}
	host, _, _ := strings.Cut(rest, "/")
	host, _ = mta.SplitHostPort(host[strings.LastIndexByte(host, '@')+1:])
	if e.Name == "DatabaseMirror" && (host == "clamav.net" || strings.HasSuffix(host, ".clamav.net")) || strings.HasPrefix(e.Value, "file://") {
		return
	}
	h.Scope = "each update of the signatures"
	c.server(h, e.Value, host, "what a virus looks like")
}
