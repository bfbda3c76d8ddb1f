package fetch

import (
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

func fetchmail(r *reader, a mta.Account) {
	r.fetchmailrc(mta.Clean(a.Home+"/.fetchmailrc"), a)
}

// word is a token of a run control file (fetchmail(1), "RUN CONTROL FILE SYNTAX").
type word struct {
	text   string
	quoted bool
	line   int
}

// fetchWords splits the text: words stand between blanks and ",;:=", strings in quotes
// of either kind, "#" begins a comment. Where all is false, there are more of them.
func fetchWords(text string) (list []word, all bool) {
	line := 1
	for i := 0; i < len(text); {
		if len(list) == maxValues {
			return list, false
		}
		switch c := text[i]; {
		case c == '\n':
			line++
			i++
		case strings.IndexByte(" \t\r\v\f,;:=", c) >= 0:
			i++
		case c == '#':
			for i < len(text) && text[i] != '\n' {
				i++
			}
		case c == '"' || c == '\'':
			w := word{quoted: true, line: line}
			w.text, i = quotedWord(text, i+1, c)
			line += strings.Count(w.text, "\n")
			list = append(list, w)
		default:
			from := i
			for i < len(text) && strings.IndexByte(" \t\r\n\v\f,;=\"'", text[i]) < 0 {
				i++
			}
			list = append(list, word{text: strings.TrimRight(text[from:i], ":"), line: line})
		}
	}
	return list, true
}

func quotedWord(text string, i int, quote byte) (string, int) {
	var b strings.Builder
	for ; i < len(text) && text[i] != quote; i++ {
		if text[i] == '\\' && i+1 < len(text) {
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String(), i + 1
}

// valued are the keywords with a value that are noted, others by their usual name.
var valued = map[string]string{
	"mda": "mda", "bsmtp": "bsmtp", "preconnect": "preconnect", "postconnect": "postconnect", "plugin": "plugin", "plugout": "plugout", "smtphost": "smtphost", "smtp": "smtphost", "smtpaddress": "smtpaddress",
	"smtpname": "smtpname", "postmaster": "postmaster", "pass": "password", "password": "password", "passwordfile": "passwordfile", "proto": "protocol", "protocol": "protocol", "via": "via", "folder": "folder", "folders": "folder",
	"logfile": "logfile", "daemon": "daemon", "sslfingerprint": "sslfingerprint", "sslcertfile": "sslcertfile", "sslproto": "sslproto", "properties": "properties",
}

// fetchmailrc reads one file.
func (r *reader) fetchmailrc(p waxseal.Path, account mta.Account) {
	text, ok := r.open(p)
	if !ok {
		return
	}
	server, user := "", ""
	words, all := fetchWords(text)
	if !all {
		r.Unreadable(p, "the rules of fetchmail", "it has more words than are read")
	}
	for i := 0; i < len(words); i++ {
		w := words[i]
		keyword := strings.ToLower(w.text)
		if w.quoted || i+1 >= len(words) {
			continue
		}
		next := words[i+1]
		switch {
		case keyword == "poll" || keyword == "server" || keyword == "skip":
			server, user, i = next.text, "", i+1
		case keyword == "defaults":
			server, user = "", ""
		case keyword == "user" || keyword == "username":
			user, i = next.text, i+1
		case keyword == "is" || keyword == "to":
			i = r.localNames(words, i, ruleOf(p, server, user, account))
		case valued[keyword] != "":
			u := ruleOf(p, server, user, account)
			u.name, u.value, u.at.Line = valued[keyword], next.text, w.line
			r.fetched(u)
			i++
		}
	}
	r.endFile(p)
}

func ruleOf(p waxseal.Path, server, user string, a mta.Account) rule {
	u := rule{at: waxseal.Source{Path: p}, place: strings.TrimSpace(server + " " + user), account: a.Name, home: a.Home, scope: "all mail that " + a.Name + " fetches"}
	if server != "" {
		u.scope += " from " + mta.Clip(server)
	}
	return u
}

// fetched makes the hook of a setting.
func (r *reader) fetched(u rule) {
	switch u.name {
	case "mda":
		r.command(u, []waxseal.Effect{waxseal.Observe, waxseal.Execute}, "What "+u.account+" fetches is handed to")
	case "preconnect", "postconnect", "plugin", "plugout":
		r.command(u, []waxseal.Effect{waxseal.Execute}, "Whenever "+u.account+" fetches mail, there runs")
	case "smtphost":
		r.relay(u)
	case "smtpname":
		r.address(u, "What "+u.account+" fetches")
	case "postmaster":
		u.scope = "mail of which " + u.account + " can't tell whose it is"
		r.address(u, "Mail of which nobody can tell whose it is")
	case "bsmtp":
		r.file(u)
	default:
		r.note(u)
	}
}

// localNames reads for whom mail is: names here, or, with an @, addresses.
func (r *reader) localNames(words []word, i int, u rule) int {
	for i++; i < len(words); i++ {
		w := words[i]
		if !w.quoted && (strings.EqualFold(w.text, "here") || isKeyword(w.text)) {
			return i - 1
		}
		if _, _, found := strings.Cut(w.text, "@"); found {
			each := u
			each.name, each.value, each.at.Line = "is", w.text, w.line
			r.address(each, "What "+u.account+" fetches")
			continue
		}
		r.note(rule{name: "is " + w.text, value: "here", at: waxseal.Source{Path: u.at.Path, Line: w.line}, place: u.place})
	}
	return i - 1
}

// isKeyword reports whether a word ends a list of names.
func isKeyword(w string) bool {
	w = strings.ToLower(w)
	switch w {
	case "poll", "server", "skip", "user", "username", "is", "to", "there", "defaults", "options", "with", "and", "wants", "has", "set", "keep", "nokeep", "fetchall", "nofetchall", "ssl", "rewrite", "norewrite", "flush", "limit", "batchlimit", "fetchlimit", "forcecr", "mimedecode", "idle", "antispam":
		return true
	}
	return valued[w] != ""
}
