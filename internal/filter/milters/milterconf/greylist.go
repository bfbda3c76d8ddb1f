package milterconf

import (
	"slices"
	"strings"
)

// Statement is one of greylist.conf(5): a keyword and what follows it. A line ends it,
// unless a backslash stands there.
type Statement struct {
	// Verb is the keyword in lower case, without the colon that it may have.
	Verb  string
	Words []Word
	Line  int
}

// Word is a piece of a statement. A brace stands by itself.
type Word struct {
	Text   string
	Quoted bool // it stood in quotes
	Regex  bool // it stood between slashes
}

// GreylistVerbs are the keywords that begin a statement, of milter-greylist 4.6
// (greylist.conf(5)).
var GreylistVerbs = strings.Fields(`racl acl dacl sacl addr domain from rcpt peer list dnsrbl sm_macro urlcheck ldapcheck ldapconf stat socket user pidfile dumpfile dumpfreq
	dump_no_time_translation verbose quiet nodetach noauth noaccessdb nospf extendedregex domainexact testmode lazyaw delayedreject report greylist autowhite tarpit tarpitmode
	subnetmatch subnetmatch6 syncaddr syncsrcaddr syncmaxqlen timeout logfac logexpired geoipdb geoipv6db p0fsock spamdsock spamdsockt maxpeek drac nodrac include
	ratelimit localaddr nsupdate multiracl unbracket fixldapcheck maxpostsize fqdnmatch`)

// ParseGreylist reads greylist.conf(5). What begins with no keyword is a refusal: the
// program does not start with it.
func ParseGreylist(text string) (list []Statement, refusals []Refusal) {
	g := greyLexer{text: text, line: 1}
	for g.at < len(g.text) {
		line := g.line
		words, wrong := g.statement()
		if wrong != "" && len(refusals) < mostRefusals {
			refusals = append(refusals, refusalAt(line, wrong))
		}
		if len(words) == 0 {
			continue
		}
		s := Statement{Verb: strings.ToLower(strings.TrimSuffix(words[0].Text, ":")), Words: words[1:], Line: line}
		if !slices.Contains(GreylistVerbs, s.Verb) && len(refusals) < mostRefusals {
			refusals = append(refusals, refusalAt(line, "unknown token "+clip(words[0].Text)))
		}
		if list = append(list, s); len(list) == mostValues {
			return list, append(refusals, refusalAt(line, "more statements than are read"))
		}
	}
	return list, refusals
}

func refusalAt(line int, reason string) Refusal {
	r := Refusal{Reason: reason}
	r.Source.Line = line
	return r
}

func clip(s string) string { return s[:min(len(s), 60)] }

// greyLexer splits text into statements.
type greyLexer struct {
	text     string
	at, line int
}

// statement reads up to the end of a line that is not continued.
func (g *greyLexer) statement() (words []Word, wrong string) {
	for g.at < len(g.text) {
		switch c := g.text[g.at]; {
		case c == '\n':
			g.at++
			g.line++
			return words, wrong
		case c == ' ' || c == '\t' || c == '\r':
			g.at++
		case c == '#':
			g.at += lineEnd(g.text[g.at:])
		case c == '\\':
			g.at += min(lineEnd(g.text[g.at:])+1, len(g.text)-g.at)
			g.line++
		case c == '{' || c == '}':
			words = append(words, Word{Text: string(c)})
			g.at++
		case c == '"' || c == '/' && g.isPattern(words):
			w, ok := g.enclosed(c)
			if !ok {
				wrong = "unknown token " + string(c)
			}
			words = append(words, w)
		default:
			words = append(words, g.bare())
		}
	}
	return words, wrong
}

func lineEnd(s string) int {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return i
	}
	return len(s)
}

// isPattern tells a regular expression from the length of a netmask.
func (g *greyLexer) isPattern(before []Word) bool {
	rest := g.text[g.at+1:]
	if len(before) > 0 && strings.HasPrefix(strings.ToLower(before[0].Text), "subnetmatch") {
		return false
	}
	end := strings.IndexAny(rest, "/\n")
	return end > 0 && rest[end] == '/'
}

// enclosed reads up to the same sign on this line; a quote may stand behind a
// backslash.
func (g *greyLexer) enclosed(sign byte) (w Word, ok bool) {
	w = Word{Quoted: sign == '"', Regex: sign == '/'}
	rest := g.text[g.at+1:]
	i := 0
	for ; i < len(rest) && rest[i] != '\n'; i++ {
		if rest[i] == '\\' && sign == '"' && i+1 < len(rest) && rest[i+1] == '"' {
			i++
		} else if rest[i] == sign {
			w.Text = rest[:i]
			if w.Quoted {
				w.Text = strings.ReplaceAll(w.Text, `\"`, `"`)
			}
			g.at += i + 2
			return w, true
		}
	}
	w.Text = rest[:i]
	g.at += i + 1
	return w, false
}

func (g *greyLexer) bare() Word {
	rest := g.text[g.at:]
	end := strings.IndexAny(rest, " \t\r\n\"\\#{}")
	if end < 0 {
		end = len(rest)
	}
	g.at += end
	return Word{Text: rest[:end]}
}

// Text is a statement on one line.
func (s Statement) Text() string {
	var b strings.Builder
	b.WriteString(s.Verb)
	for _, w := range s.Words {
		b.WriteByte(' ')
		switch {
		case w.Quoted:
			b.WriteString(`"` + w.Text + `"`)
		case w.Regex:
			b.WriteString("/" + w.Text + "/")
		default:
			b.WriteString(w.Text)
		}
	}
	return b.String()
}

// Clause is the word behind a bare word of a statement, "" where there is none.
func (s Statement) Clause(name string) (value string, ok bool) {
	for i, w := range s.Words {
		if !w.Quoted && !w.Regex && strings.EqualFold(w.Text, name) {
			if i+1 < len(s.Words) {
				value = s.Words[i+1].Text
			}
			return value, true
		}
	}
	return "", false
}

// Action is what an access list entry does: "whitelist", "greylist", "blacklist",
// "tarpit"; "" of another statement.
func (s Statement) Action() string {
	if s.Verb != "racl" && s.Verb != "acl" && s.Verb != "dacl" && s.Verb != "sacl" {
		return ""
	}
	for _, w := range s.Words {
		if !w.Quoted {
			return strings.ToLower(strings.TrimSuffix(w.Text, ":"))
		}
	}
	return ""
}
