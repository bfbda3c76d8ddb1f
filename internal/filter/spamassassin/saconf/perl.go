package saconf

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"waxseal"
)

// finder looks for the modules of Perl where perl(1) does.
type finder struct {
	tree      waxseal.Tree
	dirs      []string
	functions map[string]map[string]bool // of modules; nil for one that is not there
	named     map[string]waxseal.Path    // modules that a line named the file of
	// whole: the tree has the code of SpamAssassin, so that a module that it lacks is
	// missing.
	whole bool
}

// perlDirs are @INC of Debian and of Fedora; "*" stands for any name.
var perlDirs = []string{
	"/etc/perl", "/usr/local/lib/*/perl/*", "/usr/local/share/perl/*", "/usr/local/lib64/perl5/*", "/usr/local/share/perl5/*", "/usr/local/lib64/perl5", "/usr/local/share/perl5",
	"/usr/lib64/perl5/vendor_perl", "/usr/share/perl5/vendor_perl", "/usr/lib/*/perl5/*", "/usr/share/perl5", "/usr/lib/*/perl-base", "/usr/lib/*/perl/*", "/usr/share/perl/*", "/usr/local/lib/site_perl",
}

// stockDir is where a package has SpamAssassin's code, for a tree that lacks it.
const stockDir = "/usr/share/perl5"

func newFinder(tree waxseal.Tree) *finder {
	f := &finder{tree: tree, functions: map[string]map[string]bool{}, named: map[string]waxseal.Path{}}
	for _, dir := range perlDirs {
		f.dirs = append(f.dirs, f.expand(dir)...)
	}
	_, err := tree.Stat(f.find("Mail::SpamAssassin::Conf"))
	f.whole = err == nil
	return f
}

// expand puts the names that are there for each "*".
func (f *finder) expand(place string) []string {
	before, after, found := strings.Cut(place, "*")
	if !found {
		return []string{place}
	}
	names, err := f.tree.ReadDir(clean(before))
	if err != nil {
		return nil
	}
	var list []string
	for _, n := range names[:min(len(names), 4096)] {
		if last := strings.TrimPrefix(after, "/"); last != "" && !strings.HasPrefix(last, "*") {
			first, _, _ := strings.Cut(last, "/")
			if _, err := f.tree.Stat(clean(before + n + "/" + first)); err != nil {
				continue
			}
		}
		list = append(list, f.expand(before+n+after)...)
		if len(list) > 64 {
			break
		}
	}
	return list
}

// find is the file of a module; where there is none, the place where its package would
// have it.
func (f *finder) find(module string) waxseal.Path {
	name := strings.ReplaceAll(module, "::", "/") + ".pm"
	for _, dir := range f.dirs {
		p := clean(dir + "/" + name)
		if st, err := f.tree.Stat(p); err == nil && st.Type == waxseal.Regular {
			return p
		}
	}
	return clean(stockDir + "/" + name)
}

var versionSet = regexp.MustCompile(`(?m)^our \$VERSION\s*=\s*"(\d+\.\d{6})"`)

// usual is the version that a tree without code is taken to have.
const usual = "4.000001"

// version finds out the version of SpamAssassin.
func (f *finder) version() string {
	content, err := f.tree.ReadFile(f.find("Mail::SpamAssassin"), maxFile)
	if err == nil {
		if g := versionSet.FindSubmatch(content); g != nil {
			return string(g[1])
		}
	}
	names, err := f.tree.ReadDir(stateDir)
	if err == nil {
		for _, n := range slices.Backward(names) {
			if number.MatchString(n) && strings.Contains(n, ".") {
				return n
			}
		}
	}
	return usual
}

// Version writes the version of a package as SpamAssassin compares it:
// "4.0.1-1~deb12u2" is "4.000001". "" where it can't be told.
func Version(packaged string) string {
	upstream, _, _ := strings.Cut(packaged[strings.IndexByte(packaged, ':')+1:], "-")
	n := strings.Split(upstream, ".")
	if len(n) < 2 {
		return ""
	}
	out := n[0] + "."
	for _, part := range append(n, "0")[1:3] {
		digits := strings.TrimRight(part, "abcdefghijklmnopqrstuvwxyz~+")
		v, err := strconv.Atoi(digits)
		if err != nil || v < 0 || v > 999 {
			return ""
		}
		out += strings.Repeat("0", 3-len(strconv.Itoa(v))) + strconv.Itoa(v)
	}
	if _, err := strconv.Atoi(n[0]); err != nil {
		return ""
	}
	return out
}

func (c *Config) hasPlugin(name string) bool {
	return c.loaded[name] || name == "Mail::SpamAssassin::Plugin::RaciallyCharged"
}

func (c *Config) versionNumber() float64 {
	n, _ := strconv.ParseFloat(c.Version, 64) // 0 is older than all
	return n
}

// can reports whether a module has a function, by its text: Perl asks what is loaded.
func (c *Config) can(method string) bool {
	at := strings.LastIndex(method, "::")
	if at < 0 {
		return false
	}
	module, name := method[:at], method[at+2:]
	if c.compat[name] && module == "Mail::SpamAssassin::Conf" {
		return true
	}
	if strings.HasPrefix(module, "Mail::SpamAssassin::Plugin::") && !c.loaded[module] {
		return false
	}
	functions := c.finder.functionsOf(module)
	if functions == nil {
		return !c.finder.whole && strings.HasPrefix(module, "Mail::SpamAssassin")
	}
	return functions[name]
}

// functionsOf lists what a module defines by "sub name".
func (f *finder) functionsOf(module string) map[string]bool {
	if known, ok := f.functions[module]; ok {
		return known
	}
	file := f.named[module]
	if file == "" {
		file = f.find(module)
	}
	var names map[string]bool
	if content, err := f.tree.ReadFile(file, maxFile); err == nil {
		names = map[string]bool{}
		for rest := string(content); ; {
			_, after, found := strings.Cut(rest, "sub ")
			if !found {
				break
			}
			end := 0
			for end < len(after) && isWord(after[end]) {
				end++
			}
			names[after[:end]] = true
			rest = after[end:]
		}
	}
	f.functions[module] = names
	return names
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// renamed gives the name that a plug-in has now.
func renamed(name string) string {
	switch name {
	case "Mail::SpamAssassin::Plugin::Dmarc":
		return "Mail::SpamAssassin::Plugin::DMARC"
	case "Mail::SpamAssassin::Plugin::WhiteListSubject":
		return "Mail::SpamAssassin::Plugin::WelcomeListSubject"
	}
	return name
}

// IsStock reports whether SpamAssassin comes with a plug-in of this name (the modules
// of 3.4 to 4.0).
func IsStock(name string) bool {
	last, ok := strings.CutPrefix(name, "Mail::SpamAssassin::Plugin::")
	return ok && slices.Contains(stockPlugins, last)
}

var stockPlugins = strings.Fields(`ASN AWL AccessDB AntiVirus AskDNS AuthRes AutoLearnThreshold Bayes BodyEval BodyRuleBaseExtractor Check DCC DKIM DMARC DNSEval DecodeShortURLs ExtractText
	FreeMail FromNameSpoof HTMLEval HTTPSMismatch HashBL HeaderEval ImageInfo MIMEEval MIMEHeader OLEVBMacro OneLineBodyRuleType P595Body PDFInfo PhishTag Phishing Pyzor Razor2
	RelayCountry RelayEval ReplaceTags ResourceLimits Reuse Rule2XSBody SPF Shortcircuit SpamCop Test TextCat TxRep URIDNSBL URIDetail URIEval URILocalBL VBounce WLBLEval
	WelcomeListSubject WhiteListSubject`)

// StockFile reports whether a file is where a package would have a stock module.
func StockFile(p waxseal.Path) bool {
	dir := path.Dir(string(p))
	return dir == stockDir+"/Mail/SpamAssassin/Plugin" || dir == stockDir+"/vendor_perl/Mail/SpamAssassin/Plugin"
}

// File is where Perl finds a module, or where its package would have it.
func (c *Config) File(module string) waxseal.Path { return c.finder.find(module) }

// Whole reports whether the tree has SpamAssassin's own code: what it lacks is missing
// on the host, and not only in a part of it.
func (c *Config) Whole() bool { return c.finder.whole }
