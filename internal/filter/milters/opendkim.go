package milters

import (
	"cmp"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/filter/milters/milterconf"
	"waxseal/internal/mta"
)

// openDKIM reads opendkim.conf(5) and what it leads to.
func openDKIM(f *filter) {
	var built []string
	if p := f.options.Package("opendkim"); p.Manager == "dpkg" && p.Version != "" {
		built = milterconf.DebianDKIM
	}
	c, ok := f.trusted(milterconf.OpenDKIM(built...), milterconf.Values)
	if !ok {
		return
	}
	d := dkim{filter: f, Config: c}
	d.ownDomains()
	for _, e := range c.Effective() {
		d.entry(e)
	}
}

// trusted loads the configuration of a program of the Trusted Domain Project.
func (f *filter) trusted(g milterconf.Grammar, check func(milterconf.Config, func(waxseal.Path) bool) []milterconf.Refusal) (milterconf.Config, bool) {
	if !f.Exists(f.main) {
		return milterconf.Config{}, false
	}
	c := g.Load(f.main, func(p waxseal.Path) (string, bool) { return f.text(p, holdsPassword) })
	f.refused(append(c.Refusals, check(c, f.Exists)...))
	for _, e := range c.Includes {
		f.further(e)
	}
	if e, ok := c.Get("UserID"); ok {
		f.account(e)
	}
	f.listens(c.Value("Socket"))
	f.legacy()
	return c, f.there
}

func holdsPassword(text string) bool {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.ToLower(strings.TrimSpace(line)), "ldapbindpassword") {
			return true
		}
	}
	return false
}

// dkim is the reading of a configuration of OpenDKIM.
type dkim struct {
	*filter
	milterconf.Config
}

// dkimDefaults are the defaults of opendkim.conf(5) that are no "false", 0 or nothing.
var dkimDefaults = map[string]string{
	"Background": "true", "BogusKey": "fail", "Canonicalization": "simple/simple", "ClockDrift": "300", "DNSTimeout": "5", "InternalHosts": "127.0.0.1",
	"LDAPTimeout": "5", "MaximumHeaders": "65536", "MaximumSignaturesToVerify": "3", "RequireSafeKeys": "true",
	"MTACommand": "/usr/sbin/sendmail", "MinimumKeyBits": "1024", "Mode": "sv", "On-BadSignature": "accept", "On-Default": "accept", "On-DNSError": "tempfail",
	"On-InternalError": "tempfail", "On-KeyNotFound": "accept", "On-NoSignature": "accept", "On-Security": "tempfail", "On-SignatureError": "reject",
	"SelectCanonicalizationHeader": "X-Canonicalization", "SenderHeaders": "From", "SignatureAlgorithm": "rsa-sha256", "SyslogFacility": "mail", "SyslogName": "opendkim",
	"TemporaryDirectory": "/tmp", "UnprotectedKey": "none",
}

// ownDomains are those that the filter signs for.
func (d *dkim) ownDomains() {
	for _, name := range d.members("Domain") {
		d.domains.Add(name)
	}
	for _, r := range d.records("KeyTable") {
		d.domains.Add(milterconf.ParseKey(r.Value).Domain)
	}
}

func (d *dkim) entry(e milterconf.Entry) {
	written := e
	e.Value = d.spelling(e)
	otherwise, ok := dkimDefaults[e.Name]
	if !ok {
		otherwise = map[string]string{"true": "false", "false": "false"}[e.Value]
		if e.Value == "0" {
			otherwise = "0"
		}
	}
	d.set(e, otherwise)
	switch {
	case slices.Contains(milterconf.Scripts, e.Name):
		d.script(e)
	case slices.Contains(milterconf.DataSets, e.Name):
		d.dataSet(written)
	case strings.HasPrefix(e.Name, "On-"):
		d.action(e)
	default:
		d.other(e)
	}
}

// spelling gives values that are written in several ways one of them.
func (d *dkim) spelling(e milterconf.Entry) string {
	switch e.Name {
	case "Socket":
		if socket, ok := ParseSocket(e.Value); ok {
			return socket
		}
	case "Canonicalization":
		value := strings.ToLower(e.Value)
		if !strings.Contains(value, "/") {
			value += "/simple"
		}
		return value
	case "Mode":
		return strings.Join(slices.Compact(slices.Sorted(strings.SplitSeq(e.Value, ""))), "")
	}
	if strings.HasPrefix(e.Name, "On-") {
		for _, word := range []string{"accept", "discard", "quarantine", "reject", "tempfail"} {
			if v := strings.ToLower(e.Value); v == word || v == word[:1] {
				return word
			}
		}
	}
	if s := milterconf.ParseDataSet(e.Value); slices.Contains(milterconf.DataSets, e.Name) && s.Type == "csl" {
		return strings.Join(s.Members(), ",")
	}
	return e.Value
}

// failing says which mail an action is for.
var failing = map[string]string{
	"On-BadSignature": "mail with a signature that does not verify", "On-Default": "mail whose check goes wrong in any way", "On-DNSError": "mail whose key the DNS does not give",
	"On-InternalError": "mail at which OpenDKIM fails", "On-KeyNotFound": "mail whose key is not published", "On-NoSignature": "mail without a signature",
	"On-Security": "mail that looks like an attack", "On-SignatureError": "mail that can not be signed",
}

// action is what becomes of mail that fails a check.
func (d *dkim) action(e milterconf.Entry) {
	h := d.hook(e)
	h.Scope = failing[e.Name]
	what := "M" + strings.TrimPrefix(h.Scope, "m")
	switch e.Value {
	case "discard":
		d.discard(h, e.Value, what, "")
	case "quarantine":
		d.discard(h, e.Value, what, "quarantine")
	}
}

func (d *dkim) other(e milterconf.Entry) {
	h := d.hook(e)
	switch e.Name {
	case "RedirectFailuresTo":
		h.Scope = failing["On-BadSignature"]
		d.address(h, waxseal.KindRedirect, e.Value, "Mail with a signature that does not verify")
	case "Quarantine", "CaptureUnknownErrors", "KeepTemporaryFiles", "RemoveOldSignatures":
		if e.Value == "true" {
			d.switchedOn(h)
		}
	case "DiagnosticDirectory":
		h.Scope = "mail with a z= tag whose signature does not verify"
		d.keeps(h, e.Value, "The header fields of mail whose signature does not verify")
	case "ReplaceRules":
		p := mta.Clean(e.Value)
		d.table(h, "file:"+string(p), waxseal.Part{Path: p, Role: waxseal.RoleMap}, "what to replace in header fields before they are signed or verified")
	case "KeyFile":
		d.Part(within(d.Value("BaseDirectory"), e.Value), waxseal.RoleSecret)
	case "TrustAnchorFile", "TestPublicKeys", "ResolverConfiguration":
		if strings.HasPrefix(e.Value, "/") {
			d.Part(mta.Clean(e.Value), waxseal.RoleFilterConfig)
		}
	default:
		d.report(e)
	}
}

// switchedOn is a parameter that is true and is false by default.
func (d *dkim) switchedOn(h waxseal.Hook) {
	switch h.Directive {
	case "Quarantine":
		h.Scope = failing["On-BadSignature"]
		d.discard(h, "true", "Mail with a signature that does not verify", "quarantine")
	case "CaptureUnknownErrors":
		h.Scope = failing["On-InternalError"]
		d.discard(h, "true", "Mail at which OpenDKIM fails", "quarantine")
	case "KeepTemporaryFiles":
		d.keeps(h, cmp.Or(d.Value("TemporaryDirectory"), dkimDefaults["TemporaryDirectory"]), "Copies of the header and text of every message that is signed or verified")
	case "RemoveOldSignatures":
		d.rewrites(h, "true", "Signatures of others are taken off mail that is signed")
	}
}

// report is what says how reports of failures are sent. They hold the header of the
// message.
func (d *dkim) report(e milterconf.Entry) {
	const scope = "reports of signatures that do not verify"
	rest := func(h *waxseal.Hook) {
		h.Scope = scope
		if !d.Yes("SendReports") {
			mta.Inactive(h, "no reports are sent: SendReports is off")
		}
	}
	h := d.hook(e)
	rest(&h)
	switch e.Name {
	case "MTACommand":
		if e.Value != dkimDefaults["MTACommand"] {
			d.command(h, waxseal.KindPipe, e.Value, "to send reports of signatures that do not verify")
		}
	case "ReportBccAddress":
		d.addresses(e, scope, "Each report of a signature that does not verify", rest)
	case "ReportAddress":
		d.rewrites(h, e.Value, "Reports of failures are sent in the name of "+mta.Clip(e.Value))
	case "SMTPURI":
		host := strings.TrimPrefix(strings.TrimPrefix(e.Value, "smtps://"), "smtp://")
		host, _, _ = strings.Cut(host, "/")
		h.Kind, h.Effects = waxseal.KindRelay, diverts
		h.Target = waxseal.Target{Type: waxseal.TargetHost, Value: host, Remote: !mta.IsLoopback(firstOf(mta.SplitHostPort(host)))}
		h.Explain = "Reports of failures are sent through " + mta.Clip(host) + mta.Where(h.Target) + where(h)
		d.emit(h)
	}
}

func firstOf(a, _ string) string { return a }
