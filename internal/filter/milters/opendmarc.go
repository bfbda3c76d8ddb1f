package milters

import (
	"strings"

	"waxseal"
	"waxseal/internal/filter/milters/milterconf"
	"waxseal/internal/mta"
)

// openDMARC reads opendmarc.conf(5).
func openDMARC(f *filter) {
	c, ok := f.trusted(milterconf.OpenDMARC(), milterconf.ValuesDMARC)
	if !ok {
		return
	}
	for _, e := range c.Effective() {
		f.dmarcEntry(c, e)
	}
}

// dmarcDefaults are the defaults of opendmarc.conf(5) that are no "false", 0 or
// nothing.
var dmarcDefaults = map[string]string{
	"Background": "true", "DNSTimeout": "5", "RejectString": "rejected by DMARC policy for %s", "ReportCommand": "/usr/sbin/sendmail", "SyslogFacility": "mail",
}

const failsDMARC = "mail that fails the check of DMARC"

func (f *filter) dmarcEntry(c milterconf.Config, e milterconf.Entry) {
	if socket, ok := ParseSocket(e.Value); ok && e.Name == "Socket" {
		e.Value = socket
	}
	otherwise, ok := dmarcDefaults[e.Name]
	if !ok && (e.Value == "false" || e.Value == "0") {
		otherwise = e.Value
	}
	f.set(e, otherwise)
	switch e.Name {
	case "CopyFailuresTo":
		h := f.hook(e)
		h.Scope = failsDMARC
		f.address(h, waxseal.KindCopy, e.Value, "Mail that fails the check of DMARC")
	case "HoldQuarantinedMessages":
		if e.Value == "true" {
			h := f.hook(e)
			h.Scope = failsDMARC
			f.discard(h, e.Value, "Mail that fails the check of DMARC", "quarantine")
		}
	case "FailureReportsBcc", "FailureReportsSentBy", "ReportCommand":
		f.dmarcReport(c, e)
	case "HistoryFile":
		h := f.hook(e)
		h.Kind, h.Effects = waxseal.KindLog, observes
		h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: string(mta.Clean(e.Value))}
		h.Explain = "Who sent each message, and from where, is written to " + mta.Clip(e.Value) + where(h)
		f.emit(h)
	case "IgnoreHosts", "DomainWhitelistFile", "PublicSuffixList":
		f.dmarcFile(e)
	}
}

// dmarcReport is what says how reports of failures are sent. They hold the header of
// the message.
func (f *filter) dmarcReport(c milterconf.Config, e milterconf.Entry) {
	const scope = "reports of mail that fails the check of DMARC"
	rest := func(h *waxseal.Hook) {
		h.Scope = scope
		if !c.Yes("FailureReports") {
			mta.Inactive(h, "no reports are sent: FailureReports is off")
		}
	}
	switch e.Name {
	case "FailureReportsBcc":
		f.addresses(e, scope, "Each report of mail that fails the check of DMARC", rest)
	case "FailureReportsSentBy":
		h := f.hook(e)
		rest(&h)
		f.rewrites(h, e.Value, "Reports of failures are sent in the name of "+mta.Clip(e.Value))
	case "ReportCommand":
		if plain := strings.TrimSuffix(e.Value, " -t"); plain != dmarcDefaults["ReportCommand"] {
			h := f.hook(e)
			rest(&h)
			f.command(h, waxseal.KindPipe, e.Value, "to send each report of mail that fails the check of DMARC")
		}
	}
}

// dmarcFile is a list that OpenDMARC reads.
func (f *filter) dmarcFile(e milterconf.Entry) {
	p := mta.Clean(e.Value)
	what := map[string]string{
		"IgnoreHosts":         "the clients whose mail it does not check",
		"DomainWhitelistFile": "the domains whose word on the way of a message it believes",
		"PublicSuffixList":    "which domains belong to one organisation",
	}[e.Name]
	f.table(f.hook(e), "file:"+string(p), waxseal.Part{Path: p, Role: waxseal.RoleMap}, what)
	if e.Name != "IgnoreHosts" {
		return
	}
	text, _ := f.Read(p, "a list of clients")
	var members []string
	for _, r := range milterconf.ParseRecords(text) {
		members = append(members, r.Key)
	}
	if m := anyone(members); m != "" {
		f.passes(f.hook(e), "all", m, "No mail is checked: the clients that are passed over are all ("+m+")")
	}
}
