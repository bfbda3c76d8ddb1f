package mta

import (
	"path"
	"strings"

	"waxseal"
)

// searchPath is where a command without a slash is looked for (_PATH_DEFPATH).
var searchPath = []string{"/usr/bin", "/bin", "/usr/sbin", "/sbin"}

// CommandParts are the program of a command, and every other word that names a
// file of the tree: scripts behind an interpreter, files a one-liner uses.
func (b *Book) CommandParts(argv []string) []waxseal.Part {
	var parts []waxseal.Part
	if len(argv) == 0 {
		return nil
	}
	if p, ok := b.program(argv[0]); ok {
		parts = append(parts, waxseal.Part{Path: p, Role: waxseal.RoleBinary})
	}
	for i, word := range argv {
		for _, w := range PathWords(word) {
			if i == 0 && w == word {
				continue
			}
			if f, err := b.Tree.Stat(Clean(w)); err == nil && f.Type != waxseal.Directory && len(parts) < 64 {
				parts = append(parts, waxseal.Part{Path: Clean(w), Role: roleOf(f)})
			}
		}
	}
	return parts
}

func roleOf(f waxseal.File) waxseal.Role {
	switch {
	case f.Type == waxseal.Socket:
		return waxseal.RoleSocket
	case f.Mode&0o111 != 0:
		return waxseal.RoleBinary
	}
	return waxseal.RoleInclude
}

func (b *Book) program(word string) (waxseal.Path, bool) {
	switch {
	case strings.Contains(word, "$"), word == "":
		return "", false
	case path.IsAbs(word):
		return Clean(word), true
	case strings.Contains(word, "/"):
		return "", false
	}
	for _, dir := range searchPath {
		if p := Clean(dir + "/" + word); b.Exists(p) {
			return p, true
		}
	}
	return "", false
}

// PathWords finds absolute path names in a word, shell syntax around them
// ignored.
func PathWords(word string) []string {
	var out []string
	for _, w := range strings.FieldsFunc(word, func(r rune) bool { return strings.ContainsRune(" \t\r\n'\"`;|&<>(){}=,", r) }) {
		if path.IsAbs(w) && len(w) > 1 && len(w) < 4096 && !strings.Contains(w, "$") && len(out) < 64 {
			out = append(out, w)
		}
	}
	return out
}

// ShellWords splits a command line as far as its program and files are
// concerned; quotes group.
func ShellWords(line string) []string {
	var words []string
	var b strings.Builder
	var quote byte
	inWord := false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote, inWord = c, true
		case quote != '\'' && c == '\\' && i+1 < len(line):
			i++
			b.WriteByte(line[i])
			inWord = true
		case quote == 0 && strings.IndexByte(blanks, c) >= 0:
			if inWord {
				words = append(words, b.String())
			}
			b.Reset()
			inWord = false
		default:
			b.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, b.String())
	}
	return words
}

// blanks is what isspace(3) calls white space in the C locale.
const blanks = " \t\n\v\f\r"
