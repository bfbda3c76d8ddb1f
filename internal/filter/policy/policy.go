// Package policy reads the policy services that stand beside a mail system: what
// answers Postfix's check_policy_service or an ACL of Exim, and what rewrites
// addresses for it. They are postfwd, policyd-spf (in Python and in Perl), postgrey,
// greylistd, policyd-rate-limit, policyd-weight, policyd version 2 (cluebringer),
// PostSRSd, and postlicyd and pfix-srsd of pfixtools.
//
// A policy service may answer with any action of access(5): what its rules do with
// mail is told as in an access table. One that is told to let everybody by is a
// hole that looks like a check, and is a hook too; whom else it lets by is a
// setting.
//
// Each file says where its service's configuration is documented. What a database
// says (policyd 2, policyd-rate-limit) is not seen, and configuration that is a
// program is not run: what it calls is listed. Whether a mail system asks a service
// at all is not said here: internal/mailpath finds that by its sockets and programs.
package policy

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
)

// The names under which the services appear in stacks and hooks.
const (
	Postfwd   waxseal.StackName = "postfwd"
	SPF       waxseal.StackName = "policyd-spf"
	Postgrey  waxseal.StackName = "postgrey"
	Greylistd waxseal.StackName = "greylistd"
	RateLimit waxseal.StackName = "policyd-rate-limit"
	Weight    waxseal.StackName = "policyd-weight"
	Policyd   waxseal.StackName = "cluebringer"
	PostSRSd  waxseal.StackName = "postsrsd"
	Postlicyd waxseal.StackName = "postlicyd"
	PfixSRSd  waxseal.StackName = "pfix-srsd"
)

// maxFile bounds one file of configuration, and a list.
const maxFile = 4 << 20

// Read reads all of them.
func Read(tree waxseal.Tree, m *mask.Masker, o mta.Options) mta.Result {
	var found mta.Result
	for _, one := range []struct {
		name     waxseal.StackName
		title    string
		packages []string
		read     func(*service)
	}{
		{Postfwd, "postfwd", []string{"postfwd"}, postfwd},
		{SPF, "policyd-spf", []string{"postfix-policyd-spf-python", "postfix-policyd-spf-perl", "pypolicyd-spf"}, policydSPF},
		{Postgrey, "postgrey", []string{"postgrey"}, postgrey},
		{Greylistd, "greylistd", []string{"greylistd"}, greylistd},
		{RateLimit, "policyd-rate-limit", []string{"policyd-rate-limit"}, rateLimit},
		{Weight, "policyd-weight", []string{"policyd-weight"}, policydWeight},
		{Policyd, "policyd", []string{"postfix-cluebringer", "cluebringer"}, cluebringer},
		{PostSRSd, "PostSRSd", []string{"postsrsd"}, postsrsd},
		{Postlicyd, "postlicyd", []string{"pfixtools"}, postlicyd},
		{PfixSRSd, "pfix-srsd", []string{"pfixtools"}, pfixSrsd},
	} {
		s := &service{Book: mta.NewBook(one.name, tree, m), title: one.title, options: o, domains: mta.NewDomains(o.Domains...)}
		s.hostNames()
		one.read(s)
		found.Join(s.finish(one.packages))
	}
	return found
}

// service is the reading of one of them.
type service struct {
	*mta.Book
	title   string
	options mta.Options
	domains mta.Domains
	config  []waxseal.Path
	met     mta.Service
	noted   map[waxseal.Path]bool
}

// hostNames makes the names of the host own.
func (s *service) hostNames() {
	for _, p := range []waxseal.Path{"/etc/mailname", "/etc/hostname"} {
		if content, err := s.Tree.ReadFile(p, 4096); err == nil {
			s.domains.Add(strings.TrimSpace(string(content)))
		}
	}
}

// finish closes the reading; without a file of its own the service is not there.
func (s *service) finish(packages []string) mta.Result {
	result := s.Result()
	if len(s.config) == 0 {
		return result
	}
	s.AddStack(waxseal.Stack{MTA: s.Stack, Version: s.options.Version(packages...), Config: s.config})
	result = s.Result()
	slices.SortStableFunc(result.Settings, func(a, b waxseal.Setting) int { return strings.Compare(a.Instance+a.Name, b.Instance+b.Name) })
	s.met.Stack, s.met.Title, s.met.Source = s.Stack, s.title, waxseal.Source{Path: s.config[0]}
	result.Services = append(result.Services, s.met)
	return result
}

// file returns the text of a file of the configuration.
func (s *service) file(p waxseal.Path, role waxseal.Role) (string, bool) {
	text, ok := s.ReadUpTo(p, "the configuration of "+s.title, maxFile)
	if ok || s.Exists(p) {
		s.part(p, role)
	}
	return text, ok
}

// part notes a file once; configuration makes the service one that is there.
func (s *service) part(p waxseal.Path, role waxseal.Role) {
	if s.noted[p] {
		return
	}
	if s.noted == nil {
		s.noted = map[waxseal.Path]bool{}
	}
	s.noted[p] = true
	s.Part(p, role)
	if role == waxseal.RoleConfig || role == waxseal.RoleScript {
		s.config = append(s.config, p)
	}
}

// beside notes what else lies in a directory of the service's own, in the role
// that is said; what nothing reads is there as well, so that it is seen when it
// comes.
func (s *service) beside(dir waxseal.Path, role waxseal.Role) {
	names, err := s.Tree.ReadDir(dir)
	if err != nil && !mta.IsMissing(err) {
		s.AddProblems([]waxseal.Problem{{Path: dir, Message: "the directory can't be listed: " + err.Error(), Unreadable: true}})
	}
	for _, name := range names[:min(len(names), 2000)] {
		p := dir + "/" + waxseal.Path(name)
		if f, err := s.Tree.Lstat(p); err == nil && !s.noted[p] && (f.Type == waxseal.Regular || f.Type == waxseal.Symlink) {
			s.part(p, role)
		}
	}
}

// option is a setting and where it stands.
type option struct {
	name, value string
	path        waxseal.Path
	line        int
}

func (o option) source() waxseal.Source { return waxseal.Source{Path: o.path, Line: o.line} }

// note takes an effective setting down.
func (s *service) note(o option) { s.Setting(string(s.Stack), o.name, o.value, o.source()) }

// hook begins a hook for a setting.
func (s *service) hook(o option, place string) waxseal.Hook {
	id := string(s.Stack) + ":" + string(o.path) + ":" + o.name
	if place != "" {
		id += ":" + place
	}
	return waxseal.Hook{ID: waxseal.HookID(id), Stage: waxseal.StageSession, Active: true, Directive: strings.TrimLeft(o.name[strings.LastIndexByte(o.name, ':')+1:], "-"), Source: o.source(), Scope: "all mail that it is asked about", RunsAs: s.met.User}
}

// letsBy emits the hook of a setting by which everybody's mail passes unchecked.
func (s *service) letsBy(o option, place, sentence string) {
	h := s.hook(o, place)
	h.Kind, h.Effects = waxseal.KindRewrite, []waxseal.Effect{waxseal.Observe}
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: strings.TrimSpace(o.value)}
	mta.Modify(&h, "lets_pass", "all")
	h.Explain = sentence + " (" + o.name + " in " + string(o.path) + ")."
	s.Emit(h)
}

// passList emits the hook of a list of those whom a service lets by: an entry by
// which it lets everybody by is a hook of its own.
func (s *service) passList(o option, entries []string) {
	if len(entries) == 0 {
		return
	}
	h := s.hook(o, "list")
	h.Kind, h.Effects = waxseal.KindMap, []waxseal.Effect{}
	h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: digest(sorted(entries))}
	h.Closure = []waxseal.Part{{Path: o.path, Role: waxseal.RoleList}}
	h.Source.Line = 0
	if o.line > 0 { // a setting, and no list of its own
		h.Closure[0].Role, h.Source.Line = waxseal.RoleConfig, o.line
	}
	h.Explain = s.title + " lets " + strconv.Itoa(len(entries)) + " by without a check, by their addresses or names: " + mta.Clip(strings.Join(sorted(entries), ", ")) + " (" + h.Directive + " in " + string(o.path) + ")."
	s.Emit(h)
}

// starts are the command lines by which something on the host starts one of these
// programs, those in use first.
func (s *service) starts(names ...string) []mta.Start {
	var list []mta.Start
	for _, st := range s.options.Starts {
		if len(st.Argv) > 0 && slices.Contains(names, path.Base(st.Argv[0])) {
			list = append(list, st)
		}
	}
	slices.SortStableFunc(list, func(a, b mta.Start) int { return rank(a) - rank(b) })
	return list
}

func rank(st mta.Start) int {
	if st.Active {
		return 0
	}
	return 1
}

// daemon notes the program of the service, where it is there.
func (s *service) daemon(paths ...waxseal.Path) {
	for _, p := range paths {
		if s.Exists(p) {
			s.met.Daemon = p
			role := waxseal.RoleBinary
			s.Part(p, role)
			return
		}
	}
}

// sockets adds where the service may be met.
func (s *service) sockets(list ...string) {
	for _, v := range list {
		if !slices.Contains(s.met.Sockets, v) {
			s.met.Sockets = append(s.met.Sockets, v)
		}
	}
}

func inet(host, port string) string { return mta.InetSocket(host, port).Value }

func unix(p string) string {
	t, _ := mta.UnixSocket(mta.Clean(p))
	return t.Value
}
