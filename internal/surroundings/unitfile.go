package surroundings

import (
	"strings"

	"waxseal"
)

// assignment is one "Key=value" of a unit file or another file of that format.
type assignment struct {
	section string
	key     string
	value   string
	source  waxseal.Source
}

const (
	// maxUnit bounds a unit file; systemd itself refuses one of more than 4 MB.
	maxUnit        = 4 << 20
	maxAssignments = 5_000
	maxUnitLine    = 1 << 20 // systemd.syntax(7): LONG_LINE_MAX
)

// unitFile is what one file says.
type unitFile struct {
	assignments []assignment
	problems    []waxseal.Problem
}

// parseUnit parses systemd.syntax(7): "[Section]", "Key=value", comments that
// begin with "#" or ";", and lines continued by a backslash at their end, among
// which comment lines don't count.
func parseUnit(p waxseal.Path, content string) unitFile {
	var u unitFile
	content = strings.TrimPrefix(content, "\ufeff")
	section, number, start := "", 0, 0
	var pending strings.Builder
	continued := false
	for line := range strings.SplitSeq(content, "\n") {
		number++
		line = strings.TrimSpace(line)
		if line == "" && !continued || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		if !continued {
			pending.Reset()
			start = number
		}
		body, more := continuation(line)
		pending.WriteString(body)
		if continued = more && pending.Len() < maxUnitLine; continued {
			pending.WriteByte(' ')
			continue
		}
		section = u.logical(p, start, section, strings.TrimSpace(pending.String()))
	}
	if continued { // the file ends in the middle of a line: systemd takes it as it is
		u.logical(p, start, section, strings.TrimSpace(pending.String()))
	}
	return u
}

// continuation cuts the backslash that continues a line; an escaped one does not.
func continuation(line string) (string, bool) {
	n := len(line) - len(strings.TrimRight(line, `\`))
	if n%2 == 0 {
		return line, false
	}
	return line[:len(line)-1], true
}

// logical takes one complete line and returns the section that follows it.
func (u *unitFile) logical(p waxseal.Path, number int, section, line string) string {
	switch {
	case line == "":
		return section
	case strings.HasPrefix(line, "["):
		if name, ok := strings.CutSuffix(line[1:], "]"); ok {
			return name
		}
		u.problem(p, number, "a section heading without its closing bracket")
		return section
	}
	key, value, ok := strings.Cut(line, "=")
	if !ok {
		u.problem(p, number, "neither a section heading nor an assignment: systemd ignores the line")
		return section
	}
	if section == "" {
		u.problem(p, number, "an assignment outside a section: systemd ignores it")
		return section
	}
	if len(u.assignments) == maxAssignments {
		u.problem(p, number, "more assignments than are read")
	}
	if len(u.assignments) >= maxAssignments {
		return section
	}
	u.assignments = append(u.assignments, assignment{section, strings.TrimSpace(key), strings.TrimSpace(value), waxseal.Source{Path: p, Line: number}})
	return section
}

func (u *unitFile) problem(p waxseal.Path, line int, message string) {
	if len(u.problems) < 100 {
		u.problems = append(u.problems, waxseal.Problem{Path: p, Line: line, Message: message})
	}
}

// listKeys are the settings of which each assignment adds one, and an empty one
// resets them (systemd.exec(5), systemd.service(5), systemd.timer(5)). Of every
// other setting the last assignment wins.
var listKeys = map[string]bool{
	"Environment": true, "EnvironmentFile": true, "PassEnvironment": true, "UnsetEnvironment": true,
	"ExecStart": true, "ExecStartPre": true, "ExecStartPost": true, "ExecCondition": true, "ExecReload": true, "ExecStop": true, "ExecStopPost": true,
	"ExecStopPre": true, "ExecReloadPost": true,
	"BindPaths": true, "BindReadOnlyPaths": true, "TemporaryFileSystem": true, "MountImages": true, "ExtensionImages": true, "ExtensionDirectories": true,
	"ReadWritePaths": true, "ReadOnlyPaths": true, "InaccessiblePaths": true, "ExecPaths": true, "NoExecPaths": true,
	"LogExtraFields": true, "LogFilterPatterns": true, "LoadCredential": true, "LoadCredentialEncrypted": true, "SetCredential": true, "SetCredentialEncrypted": true, "ImportCredential": true,
	"CapabilityBoundingSet": true, "AmbientCapabilities": true, "SupplementaryGroups": true, "SystemCallFilter": true, "RestrictAddressFamilies": true, "DeviceAllow": true,
	"ListenStream": true, "ListenDatagram": true, "ListenSequentialPacket": true, "ListenFIFO": true, "Sockets": true,
	"OnCalendar": true, "OnBootSec": true, "OnActiveSec": true, "OnStartupSec": true, "OnUnitActiveSec": true, "OnUnitInactiveSec": true,
	"PathExists": true, "PathExistsGlob": true, "PathChanged": true, "PathModified": true, "DirectoryNotEmpty": true,
	"Wants": true, "Requires": true, "Requisite": true, "BindsTo": true, "Upholds": true, "OnFailure": true, "OnSuccess": true, "PartOf": true, "After": true, "Before": true, "Conflicts": true,
	"RuntimeDirectory": true, "StateDirectory": true, "CacheDirectory": true, "LogsDirectory": true, "ConfigurationDirectory": true,
	"DefaultEnvironment": true, "ManagerEnvironment": true,
}

// sticky are list settings of which an empty assignment adds nothing and resets
// nothing: dependencies (systemd.unit(5)).
var sticky = map[string]bool{
	"Wants": true, "Requires": true, "Requisite": true, "BindsTo": true, "Upholds": true, "OnFailure": true, "OnSuccess": true, "PartOf": true, "After": true, "Before": true, "Conflicts": true,
}

// merge gives what counts of assignments in the order in which systemd reads
// them.
func merge(all []assignment) []assignment {
	last := map[string]int{} // section and key -> the first position that still counts
	for i, a := range all {
		name := a.section + "\x00" + a.key
		if !listKeys[a.key] || a.value == "" && !sticky[a.key] {
			last[name] = i
		}
	}
	var merged []assignment
	for i, a := range all {
		from, reset := last[a.section+"\x00"+a.key]
		if a.value == "" || reset && i < from {
			continue
		}
		merged = append(merged, a)
	}
	return merged
}

const maxWords = 4096

// words splits a value as systemd does (systemd.syntax(7) "Quoting"): quotes
// group only where a word begins, C escapes count in and outside of them. A
// quote without its end takes what is left, so that nothing hides behind it.
func words(s string) []string {
	var list []string
	for i := 0; i < len(s) && len(list) < maxWords; {
		for i < len(s) && isSpace(s[i]) {
			i++
		}
		if i == len(s) {
			break
		}
		var word string
		word, i = oneWord(s, i)
		list = append(list, word)
	}
	return list
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// oneWord reads the word that begins at i.
func oneWord(s string, i int) (string, int) {
	var b strings.Builder
	var quote byte
	for first := i; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s):
			text, used := unescape(s[i+1:])
			b.WriteString(text)
			i += used
		case quote == 0 && isSpace(c):
			return b.String(), i
		case quote == 0 && i == first && (c == '"' || c == '\''):
			quote = c
		case quote != 0 && c == quote:
			quote = 0
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), i
}

// unescape reads what follows a backslash; used counts its bytes.
func unescape(s string) (text string, used int) {
	const plain, meaning = `abfnrtv\"'s`, "\a\b\f\n\r\t\v\\\"' "
	if i := strings.IndexByte(plain, s[0]); i >= 0 {
		return meaning[i : i+1], 1
	}
	if s[0] == 'x' && len(s) >= 3 {
		if v, ok := digits(s[1:3], 16); ok {
			return string([]byte{byte(v)}), 3
		}
	}
	if len(s) >= 3 {
		if v, ok := digits(s[:3], 8); ok && v < 256 {
			return string([]byte{byte(v)}), 3
		}
	}
	return `\` + s[:1], 1
}

func digits(s string, base int) (int, bool) {
	v := 0
	for i := range len(s) {
		d := strings.IndexByte("0123456789abcdef", s[i]|0x20)
		if d < 0 || d >= base {
			return 0, false
		}
		v = v*base + d
	}
	return v, true
}
