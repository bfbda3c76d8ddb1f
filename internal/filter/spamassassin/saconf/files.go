package saconf

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"waxseal"
)

// fileKind says who wrote a file.
type fileKind int

const (
	siteFile    fileKind = iota
	stockFile            // rules of the package
	updatedFile          // rules of sa-update(1)
)

const stateDir = waxseal.Path("/var/lib/spamassassin")

// sitePlaces are where the site's files are looked for; the first that exists is
// taken, and no other (spamassassin-run(1) "CONFIGURATION FILES"). Debian's package
// has the first built in, that of Fedora the second, which is a link on Debian.
var sitePlaces = []waxseal.Path{
	"/etc/spamassassin", "/etc/mail/spamassassin", "/usr/etc/mail/spamassassin", "/usr/etc/spamassassin", "/usr/local/etc/spamassassin", "/usr/pkg/etc/spamassassin",
}

// systemPlaces are where the rules are: those of sa-update(1) for this version, else
// those of the package.
func systemPlaces(version string) []waxseal.Path {
	return []waxseal.Path{stateDir + "/" + waxseal.Path(version), "/usr/share/spamassassin", "/usr/local/share/spamassassin"}
}

const (
	preEnd = ".pre"
	cfEnd  = ".cf"
)

// listed gives the files of a directory with an ending in the order in which they are
// read: the channel of SpamAssassin itself comes first.
func listed(tree waxseal.Tree, dir string, end string) ([]string, error) {
	names, err := tree.ReadDir(clean(dir))
	if err != nil {
		return nil, err
	}
	var list []string
	for _, n := range names {
		if len(n) < len(end) || !strings.EqualFold(n[len(n)-len(end):], end) {
			continue
		}
		if f, err := tree.Stat(clean(dir + "/" + n)); err == nil && f.Type == waxseal.Regular {
			list = append(list, dir+"/"+n)
		}
	}
	slices.SortStableFunc(list, func(a, b string) int { return rank(a) - rank(b) })
	return list, nil
}

func rank(p string) int {
	if path.Base(p) == "updates_spamassassin_org.cf" {
		return 0
	}
	return 1
}

// expand puts in the directories that stand in a path under a name of SpamAssassin's.
func (c *Config) expand(p string) string {
	if !strings.Contains(p, "__") {
		return p
	}
	return strings.NewReplacer("__local_rules_dir__", string(c.Site), "__local_state_dir__", string(stateDir), "__def_rules_dir__", "/usr/share/spamassassin",
		"__prefix__", "/usr", "__version__", c.Version).Replace(p)
}

func under(p, dir waxseal.Path) bool { return strings.HasPrefix(string(p), string(dir)+"/") }

// maxFile bounds what is read as configuration: a larger file is none.
const maxFile = 8 << 20

func clean(p string) waxseal.Path { return waxseal.Path(path.Clean("/" + p)) }

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// clip shortens a value for a sentence.
func clip(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// languages are en_US, which SpamAssassin takes where nothing or C is set, and those
// that the system's files set for the programs that it starts (locale.conf(5)).
func languages(tree waxseal.Tree) []string {
	list := []string{"en_US"}
	for _, p := range []waxseal.Path{"/etc/locale.conf", "/etc/default/locale"} {
		content, err := tree.ReadFile(p, 64<<10)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(content)) {
			name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
			if ok && (name == "LANGUAGE" || name == "LC_ALL" || name == "LC_MESSAGES" || name == "LANG") && len(list) < 16 {
				value, _, _ = strings.Cut(strings.Trim(value, `"'`), ":")
				if end := strings.IndexAny(value, "@.+,"); end >= 0 {
					value = value[:end]
				}
				list = append(list, value)
			}
		}
	}
	return list
}
