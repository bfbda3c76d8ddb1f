package postfix

import (
	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/mta/postfix/postconf"
)

// The words of the configuration, as package postconf reads it.
type (
	service = postconf.Service
	view    = postconf.View
)

const blanks = postconf.Blanks

func clip(s string) string { return postconf.Clip(s) }

func commandLine(argv []string) string { return postconf.CommandLine(argv) }

func foldBraces(s string) string { return postconf.FoldBraces(s) }

func level(s string) []int { return postconf.Level(s) }

func normal(name, value string) string { return postconf.Normal(name, value) }

func normalList(value, separator string) string { return postconf.NormalList(value, separator) }

func splitNameValue(s string) (name, value string, ok bool) { return postconf.SplitNameValue(s) }

// load reads main.cf and master.cf.
func (in *instance) load() {
	mainPath, masterPath := in.dir+"/main.cf", in.dir+"/master.cf"
	in.main = postconf.Main{Path: mainPath, Set: map[string]postconf.Parameter{}}
	in.Part(mainPath, waxseal.RoleConfig)
	in.Part(masterPath, waxseal.RoleConfig)
	if text, ok := in.Read(mainPath, "main.cf"); ok {
		conf, problems := postconf.ParseMain(mainPath, text)
		in.main = conf
		in.AddProblems(problems)
	}
	master := postconf.Master{Path: masterPath}
	if text, ok := in.Read(masterPath, "master.cf"); ok {
		conf, problems := postconf.ParseMaster(masterPath, text, in.findVersion(in.main))
		master = conf
		in.AddProblems(problems)
	}
	in.services = master.Services
	for i := range in.services {
		in.byKey[in.services[i].Key()] = &in.services[i]
	}
	in.config = postconf.New(in.main, master, postconf.Facts{Directory: in.dir, Host: in.hostName(), Version: in.findVersion(in.main), Releases: in.releases})
	in.view = in.config.View(nil)
	// That a version is assumed stands with the version.
	if v := in.config.Facts.Version; v.From != "" && v.Problem() != "" && !in.doubted {
		doubt := v.Problem()
		in.doubted = true
		in.Problem(mainPath, 0, doubt)
	}
	for _, name := range in.main.Order {
		if _, problem := in.view.ExpandName(name); problem != "" {
			in.Problem(mainPath, in.main.Set[name].Line, problem)
		}
	}
}

// viewFor is what the daemons of main.cf (nil) or of one service see.
func (in *instance) viewFor(s *service) view { return in.config.View(s) }

// findVersion is the version that all instances of the tree have.
func (r *reader) findVersion(main postconf.Main) postconf.Version {
	if r.version.Number == "" {
		r.version = postconf.FindVersion(r.Tree, main)
	}
	return r.version
}

// hostName is the host's own name as the tree gives it; "" where it does not.
func (in *instance) hostName() string {
	text, err := in.Tree.ReadFile("/etc/hostname", mta.MaxFile)
	if err != nil {
		return ""
	}
	return firstWord(string(text), "")
}
