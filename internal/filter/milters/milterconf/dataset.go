package milterconf

import (
	"strings"

	"waxseal"
)

// DataSet is what a parameter of OpenDKIM names: a list, a file, a database, a
// server, or code (opendkim(8) "DATA SETS").
type DataSet struct {
	// Type is "csl", "file", "refile", "db", "mdb", "lua", "dsn", "ldap", "memcache",
	// "repute", "socket" or "erlang"; of what is none of them, the word itself.
	Type  string
	Known bool
	// Name is what stands behind the type.
	Name string
}

// dataSets are the types that are known, and what OpenDKIM calls each.
var dataSets = map[string]string{
	"csl": "csl", "file": "file", "refile": "refile", "db": "db", "mdb": "mdb", "lua": "lua", "dsn": "dsn",
	"ldap": "ldap", "ldapi": "ldap", "ldaps": "ldap", "memcache": "memcache", "repute": "repute", "socket": "socket", "erlang": "erlang",
}

// ParseDataSet tells the type of a data set: what stands before a colon in its first
// member; else a file of Berkeley DB by its ending, a file by its slash, or a list.
func ParseDataSet(value string) DataSet {
	colon, comma := strings.IndexByte(value, ':'), strings.IndexByte(value, ',')
	if colon < 0 || comma >= 0 && comma < colon {
		switch {
		case strings.HasSuffix(value, ".db"):
			return DataSet{"db", true, value}
		case strings.HasPrefix(value, "/"):
			return DataSet{"file", true, value}
		}
		return DataSet{"csl", true, value}
	}
	word := strings.ToLower(value[:colon])
	if kind, ok := dataSets[word]; ok {
		return DataSet{kind, true, value[colon+1:]}
	}
	return DataSet{word, false, value[colon+1:]}
}

// Path is the file that a data set is read from.
func (d DataSet) Path() (p waxseal.Path, ok bool) {
	switch d.Type {
	case "file", "refile", "db", "mdb", "lua":
		return absolute(d.Name), d.Name != ""
	}
	return "", false
}

// Members are those of a list.
func (d DataSet) Members() []string {
	if d.Type != "csl" {
		return nil
	}
	var list []string
	for m := range strings.SplitSeq(d.Name, ",") {
		if m = strings.TrimSpace(m); m != "" {
			list = append(list, m)
		}
	}
	return list
}

// Record is one line of a data set that is a file.
type Record struct {
	Key, Value string
	Line       int
}

const mostRecords = 100_000

// ParseRecords reads the lines of a data set that is a file: a key, and behind white
// space its value.
func ParseRecords(text string) []Record {
	var list []Record
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		r := Record{Key: line, Line: n}
		if i := strings.IndexFunc(line, isSpace); i >= 0 {
			r.Key, r.Value = line[:i], strings.TrimSpace(line[i:])
		}
		if list = append(list, r); len(list) == mostRecords {
			break
		}
	}
	return list
}

func isSpace(r rune) bool { return strings.ContainsRune(" \t\n\v\f\r", r) }

// Key is an entry of a KeyTable: the domain and the selector to sign as, and the key
// itself or the file that holds it.
type Key struct {
	Domain, Selector string
	File             waxseal.Path // "" where the key stands in the table
}

// ParseKey reads the value of an entry of a KeyTable (opendkim.conf(5) "KeyTable").
func ParseKey(value string) Key {
	domain, rest, _ := strings.Cut(value, ":")
	selector, key, _ := strings.Cut(rest, ":")
	k := Key{Domain: domain, Selector: selector}
	if strings.HasPrefix(key, "/") || strings.HasPrefix(key, "./") || strings.HasPrefix(key, "../") {
		k.File = absolute(key)
	}
	return k
}

// Server is the host that a data set asks, "" where that is this one or not said: of
// dsn:TYPE://[user[:password]@][port+]host/…, ldap://host[:port]/…, memcache:host,
// repute:host and socket:port@host.
func (d DataSet) Server() string {
	rest := d.Name
	switch d.Type {
	case "dsn", "ldap":
		if i := strings.Index(rest, "//"); i >= 0 {
			rest = rest[i+2:]
		}
		rest, _, _ = strings.Cut(rest, "/")
		rest = rest[strings.LastIndexByte(rest, '@')+1:]
		rest = rest[strings.LastIndexByte(rest, '+')+1:]
	case "memcache", "repute":
		rest, _, _ = strings.Cut(rest, "/")
		rest, _, _ = strings.Cut(rest, ",")
	case "socket", "erlang":
		_, after, found := strings.Cut(rest, "@")
		if !found {
			return ""
		}
		rest = after
		if d.Type == "erlang" {
			rest, _, _ = strings.Cut(rest, ":")
		}
	default:
		return ""
	}
	host, _, port := strings.Cut(rest, ":")
	if port && strings.HasPrefix(rest, "[") {
		host, _, _ = strings.Cut(rest[1:], "]")
	}
	return host
}
