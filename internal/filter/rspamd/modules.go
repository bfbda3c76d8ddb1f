package rspamd

import (
	"strings"

	"waxseal"
	"waxseal/internal/filter/rspamd/ucl"
	"waxseal/internal/mta"
)

// out is what goes to a server.
type out uint8

const (
	asks      out = iota // the message or a part of it is asked about: the answer counts
	hands                // a copy of the message is kept elsewhere
	tells                // what rspamd knows of each message: sender, recipients, subject, result
	remembers            // numbers and digests that rspamd keeps between messages
)

// row is an option by which a module reaches a server. A key "*" stands for the
// sections of rules that have names of their own.
type row struct {
	module string
	keys   string // from the module's section on, with dots
	what   out
	port   string
	does   string // ends "Rspamd …"
}

// rows are the modules that reach others (rspamd.com/doc/modules), and the options by
// which rspamd itself does.
var rows = []row{
	{"antivirus", "*.servers", asks, "3310", "has attachments and messages scanned by"},
	{"external_services", "*.servers", asks, "", "asks about messages"},
	{"dcc", "socket", asks, "", "asks about the digest of each message"},
	{"p0f", "socket", asks, "", "asks about the system of each client"},
	{"bimi", "helper_url", asks, "3030", "asks about the logo of each sender"},
	{"gpt", "url", asks, "443", "sends the text of messages to"},
	{"contextal", "base_url", hands, "443", "sends each message to"},
	{"url_redirector", "proxy", asks, "80", "looks up links in messages through"},
	{"fuzzy_check", "rule.*.servers", asks, "11335", "asks about digests of each message"},
	{"fuzzy_check", "rule.servers", asks, "11335", "asks about digests of each message"},

	{"aws_s3", "s3_host", hands, "443", "keeps a copy of each message at"},
	{"clickhouse", "server", tells, "8123", "writes down who wrote to whom about what in"},
	{"elastic", "server", tells, "9200", "writes down who wrote to whom about what in"},
	{"metric_exporter", "host", remembers, "2003", "sends statistics to"},
	{"history_redis", "servers", tells, "6379", "writes down who wrote to whom about what in"},

	{"redis", "servers", remembers, "6379", "keeps what it learns of mail in"},
	{"redis", "read_servers", remembers, "6379", "takes what it learnt of mail from"},
	{"redis", "write_servers", remembers, "6379", "keeps what it learns of mail in"},
	{"redis", "sentinels", remembers, "26379", "asks where its store is"},
	{"redis", "*.servers", remembers, "6379", "keeps what it learns of mail in"},
	{"classifier", "*.servers", remembers, "6379", "keeps what it learns of words in mail in"},
	{"classifier", "*.backend.servers", remembers, "6379", "keeps what it learns of words in mail in"},
}

// storeModules keep what they remember in a server of their own where they name one.
var storeModules = strings.Fields("greylist ratelimit replies neural reputation mx_check dmarc url_redirector known_senders milter_headers settings_redis ip_score arc dkim_signing dkim bayes_expiry asn fann_redis spamtrap multimap aliases statistics")

// modules reads what modules do with mail and knowledge of it.
func (r *reader) modules() {
	for _, w := range rows {
		r.row(w)
	}
	for _, m := range storeModules {
		for _, key := range []string{"servers", "read_servers", "write_servers"} {
			r.row(row{m, key, remembers, "6379", "keeps what the module " + m + " learns of mail in"})
			r.row(row{m, "redis." + key, remembers, "6379", "keeps what the module " + m + " learns of mail in"})
		}
	}
	r.exporter()
	r.dmarcReports()
}

// row follows the keys of a row to every value that they lead to.
func (r *reader) row(w row) {
	for section := range r.top.Get(w.module).Each() {
		r.follow(w, w.module, section, strings.Split(w.keys, "."), switched{isOff(section), section.Get("enabled")})
	}
}

// switched says whether a section is off, and what says so.
type switched struct {
	off bool
	by  *ucl.Value
}

func (r *reader) follow(w row, place string, v *ucl.Value, keys []string, s switched) {
	if v == nil || v.Kind != ucl.Object {
		return
	}
	if keys[0] == "*" {
		for name, rule := range v.Fields() {
			for e := range rule.Each() {
				r.follow(w, place+":"+name, e, keys[1:], switched{s.off || e.Kind == ucl.Object && isOff(e), s.by})
			}
		}
		return
	}
	next := v.Get(keys[0])
	if next == nil {
		return
	}
	if place += ":" + keys[0]; len(keys) > 1 {
		for e := range next.Each() {
			r.follow(w, place, e, keys[1:], s)
		}
		return
	}
	r.eachServer(next, place, w.port, func(h waxseal.Hook) {
		if w.what == remembers && strings.HasSuffix(place, "ervers") {
			h.Directive = keys[0] // every module that keeps something has it
		}
		if !s.off && s.by != nil { // where a server stands that is always there, this is what has it asked
			h.Source = s.by.Source
			h.Closure = append(h.Closure, waxseal.Part{Path: s.by.Source.Path, Role: waxseal.RoleConfig})
		}
		r.emit(w.hook(h), s.off)
	})
}

// hook makes of a server what goes there.
func (w row) hook(h waxseal.Hook) waxseal.Hook {
	h.Kind, h.Effects = waxseal.KindPolicy, []waxseal.Effect{waxseal.Observe}
	switch w.what {
	case hands:
		h.Kind, h.Effects = waxseal.KindCopy, []waxseal.Effect{waxseal.Copy}
	case tells:
		h.Kind, h.Effects, h.Stage = waxseal.KindCopy, []waxseal.Effect{waxseal.Copy, waxseal.Observe}, waxseal.StageDelivered
	case asks:
		h.Effects = []waxseal.Effect{waxseal.Observe, waxseal.Drop}
	case remembers:
		h.Scope = "what rspamd remembers of mail"
	}
	asked := ""
	if strings.HasPrefix(w.does, "asks about") {
		asked = " at"
	}
	h.Explain = "Rspamd " + w.does + asked + " " + h.Target.Value + mta.Where(h.Target) + " (" + h.Directive + ")."
	return h
}

// exporter reads metadata_exporter: what is sent out of each message that a rule
// selects, whole or described, over HTTP, by mail or through Redis.
func (r *reader) exporter() {
	for section := range r.top.Get("metadata_exporter").Each() {
		off := isOff(section)
		for rules := range section.Get("rules").Each() {
			for name, s := range rules.Fields() {
				for rule := range s.Each() {
					r.export("metadata_exporter:rules:"+name, rule, off || isOff(rule))
				}
			}
		}
		r.export("metadata_exporter", section, off)
	}
}

// selections are the selectors that rspamd brings, as scopes.
var selections = map[string]string{
	"": everything, "default": everything, "is_not_soft_reject": "all mail that rspamd does not put off", "is_spam": "mail that rspamd takes for spam", "is_spam_authed": "mail of own users that rspamd takes for spam",
	"is_reject": "mail that rspamd rejects", "is_reject_authed": "mail of own users that rspamd rejects",
}

func (r *reader) export(place string, rule *ucl.Value, off bool) {
	if rule.Kind != ucl.Object {
		return
	}
	selector := rule.Get("selector").Text()
	scope, ok := selections[selector]
	if !ok {
		scope = "all mail that " + mta.Clip(selector) + " selects"
	}
	what := "A copy of the message"
	if f := rule.Get("formatter").Text(); f != "" && f != "default" {
		what = "What rspamd knows of the message"
	}
	about := func(h waxseal.Hook, by string) waxseal.Hook {
		h.Kind, h.Effects, h.Scope, h.Stage = waxseal.KindCopy, []waxseal.Effect{waxseal.Copy}, scope, waxseal.StageDelivered
		h.Explain = what + " goes to " + mta.Clip(h.Target.Value) + mta.Where(h.Target) + " for " + scope + " (" + by + ")."
		return h
	}
	for _, key := range []string{"url", "smtp", "server"} {
		port := map[string]string{"url": "80", "smtp": or(rule.Get("smtp_port").Text(), "25")}[key]
		r.eachServer(rule.Get(key), place+":"+key, port, func(h waxseal.Hook) {
			if key != "smtp" || h.Target.Remote { // the mail system of this host has hooks of its own
				r.emit(about(h, h.Directive), off)
			}
		})
	}
	for _, key := range []string{"mail_to", "email_to"} {
		for _, address := range rule.Get(key).Words() {
			h := r.hook(rule.Get(key), place+":"+key)
			h.Target = r.domains.Address(address)
			r.emit(about(h, h.Directive), off)
		}
	}
}

// dmarcReports reads where reports of DMARC go beside those who ask for them.
func (r *reader) dmarcReports() {
	for section := range r.top.Get("dmarc").Each() {
		reporting := section.Get("reporting")
		off := isOff(section) || !reporting.Get("enabled").Is(true)
		for _, key := range []string{"bcc_addrs", "only_domains"} {
			v := reporting.Get(key)
			for _, address := range v.Words() {
				if !strings.Contains(address, "@") {
					continue
				}
				h := r.hook(v, "dmarc:reporting:"+key, waxseal.Copy)
				h.Kind, h.Target, h.Scope = waxseal.KindCopy, r.domains.Address(address), "reports about who sends mail for which domain"
				h.Explain = "Reports about who sends mail are copied to " + mta.Clip(address) + mta.Where(h.Target) + " (" + h.Directive + ")."
				r.emit(h, off)
			}
		}
	}
}
