package mailpath

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// A state may be read by one reader and kept by another, in another process. Who keeps
// it has to know where people live, and nothing else of what was found on the way.

// Homes lists the homes that the last reading found.
func (r *Reader) Homes() []waxseal.Path { return slices.Sorted(maps.Keys(r.residents.names)) }

// Inhabit tells a reader which homes another one found.
func (r *Reader) Inhabit(homes []waxseal.Path) {
	r.residents = residents{names: make(map[waxseal.Path][]string, len(homes)), people: map[string]bool{}}
	for _, h := range homes {
		r.residents.names[h] = []string{""} // whose it is matters to who reads
	}
}

// HomesOf lists the directories of users of a tree as its readers know them, whether they are
// there or not.
func HomesOf(tree waxseal.Tree) []waxseal.Path {
	var homes []waxseal.Path
	for _, u := range mta.NewBook("", tree, nil).Accounts() {
		homes = append(homes, waxseal.Path(u.Home))
	}
	slices.Sort(homes)
	return slices.Compact(homes)
}

// ownFiles are the names by which the readers look for files and directories in homes; one
// that ends with "*" stands for what may follow (an extension of the address).
var ownFiles = []string{".forward*", ".dovecot.sieve", ".sieve", "sieve", ".procmailrc", ".procmail", ".mailfilter", ".mailfilters",
	".qmail*", ".courier*", ".vacation*", ".spamassassin", ".msmtprc", ".fetchmailrc", ".getmail"}

// Places are where programs in the path of mail look for their configuration without being
// told to: what comes up there counts, though nothing that is there names it.
func Places() []waxseal.Path {
	return []waxseal.Path{"/etc/procmailrc", "/etc/procmailrcs", "/etc/maildroprc", "/etc/courier", "/etc/fetchmailrc", "/etc/msmtprc", "/etc/esmtprc", "/etc/ssmtp", "/etc/mailname",
		"/etc/mail", "/etc/spamassassin", "/etc/rspamd", "/etc/dovecot", "/etc/exim4", "/etc/sa-mimedefang.cf", "/etc/aliases.db"}
}

// ofUser finds what a setting names in each user's home, as far as it is the same for all:
// "$home/.mail-forward", "~/rules/active".
var ofUser = regexp.MustCompile(`(?:~|\$home|\$\{home\}|\$\(home\)|%h|%\{home\})/([\w.+-]+)(\$)?`)

// OwnFiles lists the names in users' homes that decide about their mail once something
// has them: those that mail systems have by default, and those of this configuration.
func OwnFiles(s waxseal.State) []string {
	list := slices.Clone(ownFiles)
	for _, set := range s.Settings {
		if !strings.Contains(set.Name, "forward") && !strings.Contains(set.Name, "sieve") {
			continue
		}
		for _, found := range ofUser.FindAllStringSubmatch(set.Value, -1) {
			name := found[1]
			if found[2] != "" {
				name += "*"
			}
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
