package errand

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// openPlaces are directories in which anyone may put a program.
var openPlaces = []string{"/tmp/", "/var/tmp/", "/dev/shm/", "/run/shm/", "/run/user/", "/var/lock/", "/run/lock/"}

// inOpenPlace reports whether a path lies where anyone may put a file, or under a
// hidden name. In homes programs are kept under such names (~/.acme.sh, ~/.local).
func inOpenPlace(p string) bool {
	if slices.ContainsFunc(openPlaces, func(d string) bool { return strings.HasPrefix(p, d) }) {
		return true
	}
	return strings.Contains(p, "/.") && !strings.HasPrefix(p, "/root/") && !strings.HasPrefix(p, "/home/")
}

// MayRunFromOpenPlace reports whether a text names a path in such a place.
func MayRunFromOpenPlace(text string) bool {
	return strings.Contains(text, "/.") || slices.ContainsFunc(openPlaces, func(d string) bool { return strings.Contains(text, d) })
}

// RunsFromOpenPlace finds a program, or a script behind an interpreter, that a
// command line runs and that lies where anyone may put one; "" if there is none.
func RunsFromOpenPlace(line string) string {
	if !MayRunFromOpenPlace(line) {
		return ""
	}
	for _, words := range SimpleCommands(line) {
		takes := IsInterpreter(words[0]) || words[0] == "." || words[0] == "source"
		for i, w := range words {
			if i > 0 && !takes {
				break
			}
			if w = strings.Trim(w, `"'`); path.IsAbs(w) && inOpenPlace(path.Clean(w)) {
				return path.Clean(w)
			}
		}
	}
	return ""
}

var separators = regexp.MustCompile("[;&|()\n`{}]+")

// SimpleCommands splits a line where a shell ends one command and begins another, and
// takes off what stands before the program.
func SimpleCommands(line string) [][]string {
	var list [][]string
	for _, command := range separators.Split(line, 64) {
		words := strings.Fields(command)
		for len(words) > 0 && before(words[0]) {
			words = words[1:]
		}
		if len(words) > 0 {
			list = append(list, words)
		}
	}
	return list
}

var assigned = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)

func before(word string) bool {
	return assigned.MatchString(word) || slices.Contains([]string{"exec", "nohup", "setsid", "env", "nice", "ionice", "timeout", "if", "then", "else", "elif", "while", "do", "!", "time", "sudo", "command"}, word) ||
		word != "" && word[0] >= '0' && word[0] <= '9'
}

// IsInterpreter reports whether a word is a shell, or another program that runs a
// script which it is given.
func IsInterpreter(word string) bool {
	base := strings.TrimRight(path.Base(strings.Trim(word, `"'`)), "0123456789.")
	return slices.Contains([]string{"sh", "bash", "dash", "ksh", "zsh", "perl", "python", "ruby", "php", "lua", "node"}, base)
}

// fetches matches what brings a program from another host, or talks to one, past the
// mail system: no script that a mail package brings does.
var fetches = regexp.MustCompile(`\b(?:curl|wget)\b[^;&\n]*\|\s*(?:/\S*/)?(?:sh|bash|dash|perl|python3?)\b|/dev/(?:tcp|udp)/|(?:^|[\s;|&(/])(?:nc|ncat|netcat|socat)\s|\bbase64\s+(?:-d|--decode)\b`)

var fetchWords = []string{"curl", "wget", "/dev/tcp/", "/dev/udp/", "nc", "netcat", "socat", "base64"}

// FirstForeign finds the first line, from 1, that is no comment and does what no
// script of a mail package does: it runs a program that lies where anyone may put one,
// fetches one, or opens a way to another host.
func FirstForeign(text string) (int, string) {
	if !MayRunFromOpenPlace(text) && !hasAny(text, fetchWords) {
		return 0, ""
	}
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		if body := strings.TrimSpace(line); body != "" && body[0] != '#' && (RunsFromOpenPlace(body) != "" || hasAny(body, fetchWords) && fetches.MatchString(body)) {
			return n, body
		}
	}
	return 0, ""
}
