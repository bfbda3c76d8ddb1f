package host

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/host/errand"
	"waxseal/internal/host/sudoers"
	"waxseal/internal/mta"
)

// serviceAccounts are those under which mail systems, filters and web servers run, by
// the names that distributions give them. Where passwd(5) is there, every account
// with a uid of the system's is one too.
var serviceAccounts = set("postfix postdrop vmail mail mailnull smmsp smmta exim Debian-exim dovecot dovenull amavis clamav debian-spamd spamd opendkim opendmarc rspamd policyd policyd-spf policyd-rate-limit postgrey greylist postsrsd postfwd mimedefang defang " +
	"spamass-milter milter opensmtpd opensmtpq smtpd smtpq list mailman cyrus courier daemon nobody bin sys news uucp proxy www-data apache nginx httpd http lighttpd php-fpm roundcube sogo sympa fetchmail getmail virtual virtmail mailserver")

// accountKind says who somebody is whom a rule of sudo names.
type accountKind string

const (
	anyone  accountKind = "anyone"
	service accountKind = "service"
	person  accountKind = "person"
)

// sudo makes hooks of the rules by which accounts of services, or anybody without a
// password, may run as root what mail is decided by.
func (r *reader) sudo() {
	const main = "/etc/sudoers"
	policy := sudoers.Read(r.Tree, main)
	r.AddProblems(policy.Problems)
	for _, p := range policy.Files {
		r.Part(p, waxseal.RoleConfig)
	}
	s := &sudoReader{reader: r, system: r.systemAccounts()}
	numbers := map[string]int{}
	for _, rule := range policy.Rules {
		who := names(rule.Users)
		key := string(rule.Source.Path) + who
		numbers[key]++
		r.Setting(string(rule.Source.Path), who+" "+strconv.Itoa(numbers[key]), sentence(rule), rule.Source)
		s.rule(rule)
	}
}

type sudoReader struct {
	*reader
	system map[string]bool // names of accounts with a uid of the system's
}

func (r *reader) systemAccounts() map[string]bool {
	m := map[string]bool{}
	for _, a := range r.Accounts() {
		if a.Listed && a.UID > 0 && a.UID < 1000 || a.UID == 65534 {
			m[a.Name] = true
		}
	}
	return m
}

func names(list []sudoers.Member) string {
	var words []string
	for _, m := range list {
		if len(words) == 8 {
			words = append(words, "…")
			break
		}
		words = append(words, map[bool]string{true: "!"}[m.Not]+m.Name)
	}
	return strings.Join(words, ", ")
}

func sentence(rule sudoers.Rule) string {
	as := names(rule.RunAs)
	if as == "" {
		as = "root"
	}
	text := map[bool]string{true: "not "}[rule.Not] + rule.Command + " as " + as
	if rule.NoPassword {
		text += " without a password"
	}
	return text
}

func (s *sudoReader) kind(name string) accountKind {
	switch plain := strings.TrimPrefix(name, "%"); {
	case name == "ALL":
		return anyone
	case name == "root" || name == "#0":
		return person
	case serviceAccounts[plain] || strings.HasPrefix(plain, "_") || s.system[name]:
		return service
	}
	return person
}

// rule makes the hook of one rule for each account, where it matters to mail: it is
// an account of services', or what runs touches mail and asks for no password. A
// service has no password to give, so a rule that asks for one is no use to it.
func (s *sudoReader) rule(rule sudoers.Rule) {
	if rule.Not || !rule.NoPassword || !s.matters(rule) {
		return
	}
	for _, m := range rule.Users {
		if m.Not {
			continue
		}
		kind := s.kind(m.Name)
		if touches := steersMail(rule.Command); kind != person || touches || rule.Command == "ALL" {
			s.allowed(rule, m.Name, kind, touches)
		}
	}
}

// matters reports whether the command runs as root, or as an account that has mail
// in its hands.
func (s *sudoReader) matters(rule sudoers.Rule) bool {
	return rule.AsRoot() || slices.ContainsFunc(rule.RunAs, func(m sudoers.Member) bool {
		return !m.Not && (serviceAccounts[m.Name] || strings.HasPrefix(m.Name, "_"))
	})
}

// steering are programs that change what a mail system does, or read what it has, by
// their arguments: one without arguments in sudoers may be given any.
var steering = set("postconf postmap postalias postmulti postsuper postcat postfix newaliases doveadm doveconf sievec exim exim4 update-exim4.conf sendmail makemap smtpctl rspamadm sa-update opendkim-genkey dpkg-reconfigure")

var steeringWord = regexp.MustCompile(`(?:^|[/\s])(systemctl|service|invoke-rc\.d|rc-service)\s+.*\b(?:postfix|exim4?|sendmail|dovecot|opensmtpd|rspamd|opendkim|opendmarc|amavis|spamd|clamav-milter)\b`)

// steersMail reports whether a command of sudoers edits or reloads what mail is decided by.
func steersMail(command string) bool {
	first, rest, _ := strings.Cut(command, " ")
	switch base := path.Base(first); {
	case errand.AltersMail(command) || steeringWord.MatchString(command):
		return true
	case steering[base]:
		return !readsOnly.MatchString(base + " " + rest)
	case first == "sudoedit" || editors[base]:
		return slices.ContainsFunc(strings.Fields(rest), errand.IsConfiguration) || rest == "" && editors[base]
	}
	return false
}

// readsOnly are command lines that look, or send the queue on its way.
var readsOnly = regexp.MustCompile(`^(?:postconf( -[dnhHxm]+)*( [a-z_0-9]+)*|postsuper -[sp]\S*|postfix (?:status|check|flush)|doveconf( -n)?|doveadm (?:who|log find|quota get.*|reload|stop)|exim4? -b[pPV]\S*|sendmail -bp|smtpctl show \S+)$`)

var editors = set("vi vim vim.basic vim.tiny nvim nano pico emacs ed ex joe mcedit rvim view less more visudo")

func (s *sudoReader) allowed(rule sudoers.Rule, who string, kind accountKind, touches bool) {
	h := s.hook(waxseal.KindUnit, "sudoers", rule.Source, mta.Clip(who), mta.Clip(rule.Command))
	h.Scope, h.RunsAs = "the account "+mta.Clip(who), "root"
	if !rule.AsRoot() {
		h.RunsAs = names(rule.RunAs)
	}
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: rule.Command}
	h.Closure = append(s.program(rule), waxseal.Part{Path: rule.Source.Path, Role: waxseal.RoleConfig})
	mta.Modify(&h, "who", string(kind))
	if touches {
		mta.Modify(&h, "touches", "mail")
	}
	if edits := path.Base(rule.Program()); editors[edits] {
		mta.Modify(&h, "editor", edits)
	}
	what := mta.Clip(rule.Command)
	if rule.Command == "ALL" {
		what = "any command"
	}
	h.Explain = "The account " + mta.Clip(who) + " may run " + what + " as " + h.RunsAs + " without a password (sudoers)."
	if kind == anyone {
		h.Explain = "Anyone on this host may run " + what + " as " + h.RunsAs + " without a password (sudoers)."
	}
	s.Emit(h)
}

// program is what a rule lets run, and the files that its arguments name.
func (s *sudoReader) program(rule sudoers.Rule) []waxseal.Part {
	first := rule.Program()
	if !path.IsAbs(first) || strings.ContainsAny(first, "*?[") {
		return nil
	}
	parts := []waxseal.Part{{Path: clean(first), Role: waxseal.RoleBinary}}
	return append(parts, errand.Files(s.Tree, strings.TrimPrefix(rule.Command, first))...)
}
