// Package mask keeps passwords and private keys out of everything Waxseal
// writes, prints or stores.
//
// A secret becomes a token with a keyed digest, "«secret 5f0c9a7be1d24c3a»":
// two equal secrets give equal tokens on one host, so a changed password is
// still a change, and nobody without the host's key can try passwords against
// the token. Masking keeps lines, so line numbers stay true.
//
// What it does not do: it knows names and shapes ("password =", "bind_pw =",
// a PEM private key, user:password@host), not meaning. A secret in the middle
// of free text, under a name that says nothing, is not found; files whose role
// is secret are therefore never read as text at all.
package mask

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"regexp"
	"strings"

	"waxseal"
)

// Masker replaces secrets by tokens made with one key.
type Masker struct{ key []byte }

// New returns a Masker for the key. Two Maskers give equal tokens only if their
// keys are equal.
func New(key []byte) *Masker { return &Masker{key: key} }

// Key is what New was given, for a process of our own that masks too.
func (m *Masker) Key() []byte { return m.key }

// Token returns what stands in place of a secret.
func (m *Masker) Token(secret string) string {
	return "«secret " + string(m.Digest([]byte(secret)))[:16] + "»"
}

// Digest returns the keyed digest (HMAC-SHA-256) of a content that holds a
// secret.
func (m *Masker) Digest(content []byte) waxseal.Digest {
	h := m.Hash()
	h.Write(content)
	return waxseal.Digest(hex.EncodeToString(h.Sum(nil)))
}

// Hash makes the keyed digest of what is written to it.
func (m *Masker) Hash() hash.Hash { return hmac.New(sha256.New, m.key) }

var (
	// A name that says that its value is a secret. ldap_table(5) bind_pw,
	// mysql_table(5) password, pgsql_table(5), memcache; plus what other software
	// in the mail path calls it.
	secretName = regexp.MustCompile(`(?i)(passw(or)?d|passwd|passphrase|passcode|dn_?pass$|bind_?pw|(^|_)pw$|secret|credential|api_?key|auth_?key|access_?key|private_?key|(^|_)token$)`)
	// A table or file reference, or a plain switch: not a secret itself, whatever
	// the name says.
	reference = regexp.MustCompile(`^(\$?[({]?[A-Za-z_]*[)}]?|yes|no|\d+|[a-z]+:(/|[a-z]+:/|\$)[^\s]*|/[^\s]*)(\s*,?\s*([a-z]+:(/|[a-z]+:/|\$)[^\s]*|/[^\s]*))*$`)
	assign    = regexp.MustCompile(`^(\s*(?:-o\s+)?\{?\s*)([A-Za-z0-9_.\-\x{80}-\x{10FFFF}]+)(\s*=\s*)(.*?)(\s*\}?\s*)$`)
	userInfo  = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@'"]*:)([^\s/@'"]+)(@)`)
	pemBegin  = regexp.MustCompile(`-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----`)
	pemEnd    = regexp.MustCompile(`-----END [A-Z0-9 ]*PRIVATE KEY-----`)
	// name=secret inside a longer line: a command's arguments, an -o override.
	inlineAssign = regexp.MustCompile(`(?i)((?:^|[\s,;{"'&?-])[a-z0-9_.-]*(?:passw(?:or)?d|passwd|passphrase|bind_?pw|secret|api_?key|auth_?key|access_?key)[a-z0-9_]*\s*[=]\s*|(?:^|[\s,;])(?:[a-z]+_)?pass=)("[^"]*"|'[^']*'|[^\s,;}&"']+)`)
)

var (
	// The keys that smtpd.conf(5) holds: srs key [backup] secret, queue encryption
	// [key] secret.
	smtpdKey = regexp.MustCompile(`^(\s*(?:srs\s+key(?:\s+backup)?|queue\s+encryption(?:\s+key)?)\s+)("[^"]*"|'[^']*'|[^\s#$][^\s#]*)`)
	// Its credentials in braces: table name { "label" = "user:password" }.
	smtpdTable = regexp.MustCompile(`^\s*(?:table|action|listen|accept)\s.*\{`)
	smtpdPair  = regexp.MustCompile(`(=>?\s*["'][^"':\s|/]+:)([^"':\s/]+)(["'])`)
)

// smtpd masks the secrets that a line of smtpd.conf may hold.
func (m *Masker) smtpd(s string) string {
	if (strings.Contains(s, "srs") || strings.Contains(s, "encryption")) && smtpdKey.MatchString(s) {
		g := smtpdKey.FindStringSubmatch(s)
		if value := strings.Trim(g[2], `"'`); value != "stdin" && value != "-" && value != "backup" && value != "key" {
			return g[1] + m.Token(value) + s[len(g[0]):]
		}
	}
	if !strings.Contains(s, "{") || !strings.Contains(s, "=") || !smtpdTable.MatchString(s) {
		return s
	}
	return smtpdPair.ReplaceAllStringFunc(s, func(hit string) string {
		g := smtpdPair.FindStringSubmatch(hit)
		return g[1] + m.Token(g[2]) + g[3]
	})
}

// IsSecretName reports whether a parameter of this name holds a secret.
func IsSecretName(name string) bool { return mayHoldSecret(name) && secretName.MatchString(name) }

// mayHoldSecret is a quick no for most text, since regular expressions are slow
// on a map of a hundred thousand lines: every pattern above needs one of these.
func mayHoldSecret(s string) bool {
	for i := 0; i < len(s); i++ {
		switch s[i] | 0x20 {
		case 'p':
			if begins(s[i:], "pass") || begins(s[i:], "pw") {
				return true
			}
		case 's', 'c', 'k', 't':
			if begins(s[i:], "secret") || begins(s[i:], "credential") || begins(s[i:], "key") || begins(s[i:], "token") {
				return true
			}
		}
	}
	return false
}

// begins reports whether a text begins with a lower-case ASCII word in any case.
func begins(s, word string) bool {
	return len(s) >= len(word) && s[1]|0x20 == word[1] && strings.EqualFold(s[:len(word)], word)
}

// Setting masks the value of one named parameter. Table references keep their
// text, since where passwords are looked up is part of the mail path.
func (m *Masker) Setting(name, value string) string {
	trimmed := strings.TrimSpace(value)
	if trimmed != "" && IsSecretName(name) && !isReference(trimmed) {
		return m.Token(trimmed)
	}
	return m.inline(value)
}

// isReference reports whether a value only says where a secret is kept. A bare
// word could be the secret itself, so only switches, numbers below 5 digits and
// references count.
func isReference(v string) bool {
	if strings.HasPrefix(v, "$") {
		return reference.MatchString(v)
	}
	if !strings.ContainsAny(v, ":/") {
		return v == "yes" || v == "no"
	}
	return reference.MatchString(v)
}

// Text masks a whole content, line by line. In a script a secret ends where its
// word ends, so that a command behind it stays visible; elsewhere it is the whole
// value.
func (m *Masker) Text(role waxseal.Role, content string) string {
	var out strings.Builder // empty until a line is different: most files hold no secret
	inPEM, secretValue, done := false, false, 0
	for line := range strings.SplitAfterSeq(content, "\n") {
		was, eol := cutEOL(line)
		body := was
		switch {
		case inPEM || isPEM(was):
			inPEM = !pemEnd.MatchString(was)
			body = m.Token(was)
		case secretValue && continues(was):
			body = leadingSpace(was) + m.Token(strings.TrimSpace(was))
		case role == waxseal.RoleScript:
			body = m.inline(was)
		default:
			if body, secretValue = m.line(was); body == was && (role == waxseal.RoleConfig || role == waxseal.RoleFilterConfig) {
				body = m.pair(was)
			}
		}
		if body != was && out.Len() == 0 {
			out.Grow(len(content) + len(body))
			out.WriteString(content[:done])
		}
		if done += len(line); body != was || out.Len() > 0 {
			out.WriteString(body)
			out.WriteString(eol)
		}
	}
	if out.Len() == 0 {
		return content
	}
	return out.String()
}

func isPEM(line string) bool {
	return strings.Contains(line, "-----BEGIN ") && pemBegin.MatchString(line)
}

// line masks one line; opensSecret says that lines which continue it belong to a
// secret value.
func (m *Masker) line(s string) (masked string, opensSecret bool) {
	s = m.smtpd(s)
	if !mayHoldSecret(s) {
		return m.inline(s), false
	}
	g := assign.FindStringSubmatch(s)
	if g == nil || !IsSecretName(g[2]) {
		return m.inline(s), false
	}
	value := strings.TrimSpace(g[4])
	if value == "" {
		return s, true
	}
	if isReference(value) {
		return s, false
	}
	return g[1] + g[2] + g[3] + m.Token(value) + g[5], true
}

// named is a line "name: value" of YAML or of Python's configparser; an alias or the
// name of a router has a colon too, and is in a file of another role or has no value
// behind it.
var named = regexp.MustCompile(`^(\s*["']?)([A-Za-z_][A-Za-z0-9_-]*)(["']?\s*:\s+)(\S.*?)(\s*)$`)

// isNamed reports whether a name is that of a secret rather than of somebody who
// gets mail.
func isNamed(name string) bool {
	return name == "password" || name == "passwd" || strings.Contains(name, "_") && (IsSecretName(name) || strings.HasSuffix(name, "_pass"))
}

// pair masks the value of such a line.
func (m *Masker) pair(s string) string {
	if !mayHoldSecret(s) {
		return s
	}
	g := named.FindStringSubmatch(s)
	if g == nil || !isNamed(strings.ToLower(g[2])) || isReference(g[4]) || strings.HasPrefix(strings.TrimLeft(g[4], `"'`), "|") {
		return s
	}
	return g[1] + g[2] + g[3] + m.Token(g[4]) + g[5]
}

// inline masks what is recognisable anywhere in a line.
func (m *Masker) inline(s string) string {
	if strings.Contains(s, "://") {
		s = userInfo.ReplaceAllStringFunc(s, func(hit string) string {
			g := userInfo.FindStringSubmatch(hit)
			return g[1] + m.Token(g[2]) + g[3]
		})
	}
	if !strings.Contains(s, "=") || !mayHoldSecret(s) {
		return s
	}
	return inlineAssign.ReplaceAllStringFunc(s, func(hit string) string {
		g := inlineAssign.FindStringSubmatch(hit)
		if isReference(strings.Trim(g[2], `"'`)) || strings.HasPrefix(g[2], "«secret") {
			return hit
		}
		return g[1] + m.Token(strings.Trim(g[2], `"'`))
	})
}

func continues(s string) bool { return s != "" && (s[0] == ' ' || s[0] == '\t') }

func leadingSpace(s string) string { return s[:len(s)-len(strings.TrimLeft(s, " \t"))] }

func cutEOL(s string) (body, eol string) {
	body = strings.TrimRight(s, "\r\n")
	return body, s[len(body):]
}
