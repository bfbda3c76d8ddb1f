package sieve

import (
	"slices"
	"strconv"
	"strings"
)

// constant reports whether a string has no variables in it.
func (c *checker) constant(s string) bool { return !c.has("variables") || !hasVariable(s) }

// requires takes the extensions of a require (RFC 5228 section 3.2).
func (c *checker) requires(k *call) {
	if k.outer != nil || k.before != nil && k.before.Name != "require" {
		c.refuse(k.Line, "require stands behind another command")
		return
	}
	a := k.positional[0]
	for _, name := range a.List {
		c.script.Requires = append(c.script.Requires, Require{name, a.Line})
		_, known := extensions[name]
		switch {
		case c.available(name):
			if !known {
				c.script.Unknown = append(c.script.Unknown, name)
			}
			c.load(name)
		case known:
			c.load(name) // so that only this is told
			c.refuse(a.Line, "the extension "+strconv.Quote(name)+" is not offered to scripts")
		default:
			c.script.Unknown = append(c.script.Unknown, clip(name))
			c.refuse(a.Line, "no extension is called "+strconv.Quote(clip(name)))
		}
	}
}

// together refuses extensions that need others, when all are known (RFC 5703
// section 7).
func (c *checker) together() {
	for _, pair := range [][2]string{{"notify", "enotify"}, {"imapflags", "imap4flags"}, {"vnd.dovecot.duplicate", "duplicate"}} {
		for _, r := range c.script.Requires {
			if r.Name == pair[0] && slices.ContainsFunc(c.script.Requires, func(r Require) bool { return r.Name == pair[1] }) {
				c.refuse(r.Line, pair[0]+" and "+pair[1]+" exclude one another")
			}
		}
	}
	if !c.loaded["extracttext"] || c.loaded["variables"] && c.loaded["foreverypart"] {
		return
	}
	for _, r := range c.script.Requires {
		if r.Name == "extracttext" {
			c.refuse(r.Line, "extracttext needs variables and foreverypart")
			return
		}
	}
}

func (c *checker) follows(k *call) {
	if k.before == nil || k.before.Name != "if" && k.before.Name != "elsif" {
		c.refuse(k.Line, k.Name+" does not follow if or elsif")
	}
}

// relation checks what stands behind :value and :count (RFC 5231).
func (c *checker) relation(k *call, a Argument) {
	if !slices.Contains([]string{"gt", "ge", "lt", "le", "eq", "ne"}, a.Text) {
		c.refuse(a.Line, "no relation of numbers is called "+strconv.Quote(clip(a.Text)))
	}
}

func (c *checker) comparator(k *call, a Argument) {
	if !c.has("comparator-" + a.Text) {
		c.refuse(a.Line, "no comparator that is loaded is called "+strconv.Quote(clip(a.Text)))
	}
}

// dependentTags refuses tags that mean nothing without another.
func (c *checker) dependentTags(k *call) {
	for _, pair := range [][2]string{{"last", "index"}, {"anychild", "mime"}, {"type", "mime"}, {"subtype", "mime"}, {"contenttype", "mime"}, {"param", "mime"}} {
		if k.given(pair[0]) && !k.given(pair[1]) {
			c.refuse(k.Line, ":"+pair[0]+" of "+k.Name+" needs :"+pair[1])
		}
	}
}

func (k *call) given(name string) bool {
	return slices.ContainsFunc(k.tags, func(g given) bool { return g.name == name })
}

// addressHeaders are those that Pigeonhole takes for addresses (tst-address.c).
var addressHeaders = strings.Fields(`from to cc bcc sender resent-from resent-to reply-to resent-reply-to resent-sender resent-cc resent-bcc for-approval
	for-handling for-comment apparently-to errors-to delivered-to return-receipt-to x-admin read-receipt-to x-confirm-reading-to return-receipt-requested
	registered-mail-reply-requested-by mail-followup-to mail-reply-to abuse-reports-to x-complaints-to x-report-abuse-to x-beenthere x-original-to`)

func (c *checker) addressTest(k *call) {
	c.dependentTags(k)
	for _, name := range k.positional[0].List {
		if c.constant(name) && !slices.Contains(addressHeaders, strings.ToLower(name)) {
			c.refuse(k.Line, "the header "+strconv.Quote(clip(name))+" is not one of addresses")
			return
		}
	}
}

func (c *checker) envelopeTest(k *call) {
	part := slices.ContainsFunc(k.tags, func(g given) bool { return g.group == "address part" })
	for _, name := range k.positional[0].List {
		name = strings.ToLower(name)
		if c.constant(name) && (name != "from" && name != "to" && name != "auth" || part && name == "auth") {
			c.refuse(k.Line, "the envelope has no "+strconv.Quote(clip(name))+" for this test")
			return
		}
	}
}

func (c *checker) sizeTest(k *call) {
	if len(k.tags) == 0 {
		c.refuse(k.Line, "size needs :over or :under")
	}
}

func (c *checker) redirected(k *call) {
	if a := k.positional[0]; c.constant(a.Text) && !validAddress(a.Text) {
		c.refuse(a.Line, "redirect to "+strconv.Quote(clip(a.Text))+", which is no address")
	}
}

func (c *checker) reported(k *call) {
	if a := k.positional[2]; c.constant(a.Text) && !validAddress(a.Text) {
		c.refuse(a.Line, "report to "+strconv.Quote(clip(a.Text))+", which is no address")
	}
}

func (c *checker) sender(k *call, a Argument) {
	if c.constant(a.Text) && !validAddress(a.Text) {
		c.refuse(a.Line, ":from "+strconv.Quote(clip(a.Text))+" is no address")
	}
}

// fieldName checks the name of a header that is added or deleted (RFC 5293).
func (c *checker) fieldName(k *call) {
	a := k.positional[0]
	bad := strings.ContainsFunc(a.Text, func(r rune) bool { return r <= ' ' || r == ':' || r >= 0x7f })
	if c.constant(a.Text) && bad {
		c.refuse(a.Line, "no header can be called "+strconv.Quote(clip(a.Text)))
	}
}

// flagged checks the arguments of the flag commands: a variable may come first
// (RFC 5232 section 3).
func (c *checker) flagged(k *call) {
	if len(k.positional) < 2 {
		return
	}
	switch {
	case k.Name != "hasflag" && k.positional[0].Sort != String:
		c.refuse(k.Line, k.Name+" with two lists: the first is to be a variable")
	case !c.has("variables"):
		c.refuse(k.Line, k.Name+` of a variable needs require "variables"`)
	}
}

// variable checks what set sets (RFC 5229 section 3).
func (c *checker) variable(k *call) {
	c.assigned(k.positional[0])
}

// assigned checks the name of a variable.
func (c *checker) assigned(a Argument) {
	space, name, ok := strings.Cut(a.Text, ".")
	switch {
	case !ok:
		name = a.Text
	case space == "global" && c.has("include"):
	case len(c.script.Unknown) > 0:
		return
	default:
		c.refuse(a.Line, "no variable is called "+strconv.Quote(clip(a.Text)))
		return
	}
	if !isName(name) {
		c.refuse(a.Line, "no variable can be called "+strconv.Quote(clip(a.Text)))
	}
}

func isName(s string) bool {
	for i := range len(s) {
		if !letter(s[i]) && (i == 0 || s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return s != ""
}

// included checks the name of a script: Pigeonhole takes a constant without a
// slash.
func (c *checker) included(k *call) {
	a := k.positional[0]
	bad := a.Text == "" || len(a.Text) > 256 || strings.ContainsAny(a.Text, "/\x00\r\n\t")
	if !c.constant(a.Text) || bad {
		c.refuse(a.Line, "include of "+strconv.Quote(clip(a.Text))+", which is no name of a script")
	}
}

func (c *checker) global(k *call) {
	if !c.has("variables") {
		c.refuse(k.Line, k.Name+` needs require "variables"`)
		return
	}
	for _, name := range k.positional[0].List {
		if !isName(name) {
			c.refuse(k.Line, "no variable can be called "+strconv.Quote(clip(name)))
		}
	}
}

// notified checks a notification: Pigeonhole knows mailto only (RFC 5436).
func (c *checker) notified(k *call) {
	a := k.positional[0]
	if !c.constant(a.Text) {
		return
	}
	if _, ok := Mailto(a.Text); !ok {
		c.refuse(a.Line, "notify by "+strconv.Quote(clip(a.Text))+", which is no mailto address")
	}
}

// position refuses an index of 0 (RFC 5260 section 6).
func (c *checker) position(k *call, a Argument) {
	if a.Number == 0 {
		c.refuse(a.Line, ":index of "+k.Name+" is 0")
	}
}

// specialUse refuses what is no attribute of a mailbox (RFC 8579).
func (c *checker) specialUse(_ *call, a Argument) {
	if c.constant(a.Text) && !strings.HasPrefix(a.Text, `\\`) {
		c.refuse(a.Line, ":specialuse "+strconv.Quote(clip(a.Text))+" does not begin with a backslash")
	}
}

func (c *checker) importance(k *call, a Argument) {
	if c.constant(a.Text) && !slices.Contains([]string{"1", "2", "3"}, a.Text) {
		c.refuse(a.Line, ":importance is 1, 2 or 3")
	}
}

const maxLoops = 4 // SIEVE_MAX_LOOP_DEPTH of Pigeonhole

func (c *checker) loop(k *call) {
	if len(c.loops) >= maxLoops {
		c.refuse(k.Line, "more than 4 foreverypart in one another")
	}
}

func (c *checker) breaks(k *call) {
	name, named := k.tag("name")
	if len(c.loops) == 0 || named && !slices.Contains(c.loops, name.Text) {
		c.refuse(k.Line, "break outside of its foreverypart")
	}
}

func (c *checker) extracted(k *call) {
	if len(c.loops) == 0 {
		c.refuse(k.Line, "extracttext outside of foreverypart")
	}
	c.assigned(k.positional[0])
}

// program checks the name of a program: a constant without a slash
// (sieve-extprograms-common.c).
func (c *checker) program(k *call) {
	a := k.positional[0]
	if !c.constant(a.Text) || a.Text == "" || strings.ContainsAny(a.Text, "/\x00\r\n\t") {
		c.refuse(a.Line, k.Name+" of "+strconv.Quote(clip(a.Text))+", which is no name of a program")
	}
}

// validAddress reports whether a text is one address, with or without a name
// before it in angles.
func validAddress(s string) bool {
	s = strings.TrimSpace(s)
	if i := strings.LastIndexByte(s, '<'); i >= 0 {
		if !strings.HasSuffix(s, ">") {
			return false
		}
		s = s[i+1 : len(s)-1]
	}
	at := strings.LastIndexByte(s, '@')
	if at <= 0 || at == len(s)-1 {
		return false
	}
	local, domain := s[:at], s[at+1:]
	if len(local) >= 2 && local[0] == '"' && local[len(local)-1] == '"' {
		local = "x"
	}
	if i, j := strings.IndexByte(local, '('), strings.IndexByte(local, ')'); i >= 0 && j > i {
		local = local[:i] + local[j+1:]
	}
	for i := range len(local) {
		if local[i] >= 0x80 || local[i] <= ' ' || strings.IndexByte(`()<>[]:;@\,"`, local[i]) >= 0 {
			return false
		}
	}
	if domain[0] == '[' {
		return domain[len(domain)-1] == ']'
	}
	return !strings.ContainsAny(domain, " \t\r\n()<>[]:;\\,\"") && local != ""
}

// clip keeps what goes into a message short.
func clip(s string) string {
	const most = 120
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
