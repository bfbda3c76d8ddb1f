package amavis

import (
	"strings"

	"waxseal"
	"waxseal/internal/calls"
)

// row is what a documented variable does to mail. Its name has no sigil, since policy
// banks have them so.
type row struct {
	make  func(use)
	scope string // "" for all mail
	// kind and effects are those of an address, or of a next hop.
	kind    waxseal.HookKind
	effects []waxseal.Effect
	// needs is a variable without which nothing is sent.
	needs string
}

// rows are the variables that are hooks (amavisd.conf-default, README.policy-on-notifications,
// README.lookups). All others are settings.
func rows() map[string]row {
	list := map[string]row{
		"always_bcc":                       {make: addresses, kind: waxseal.KindCopy, effects: copies},
		"always_bcc_by_ccat":               {make: addresses, kind: waxseal.KindCopy, effects: copies},
		"dsn_bcc":                          {make: addresses, kind: waxseal.KindCopy, effects: copies, scope: "notices about delivery"},
		"dsn_bcc_by_ccat":                  {make: addresses, kind: waxseal.KindCopy, effects: copies, scope: "notices about delivery"},
		"addr_rewrite_maps_by_ccat":        {make: addresses, kind: waxseal.KindRedirect, effects: diverts},
		"forward_method":                   {make: methods, kind: waxseal.KindTransport, effects: relays},
		"forward_method_maps":              {make: methods, kind: waxseal.KindTransport, effects: relays},
		"forward_method_maps_by_ccat":      {make: methods, kind: waxseal.KindTransport, effects: relays},
		"resend_method":                    {make: methods, kind: waxseal.KindTransport, effects: relays, scope: "mail that amavis changes"},
		"notify_method":                    {make: methods, kind: waxseal.KindTransport, effects: relays, scope: "notices that amavis sends"},
		"release_method":                   {make: methods, kind: waxseal.KindTransport, effects: relays, scope: "mail released from quarantine"},
		"requeue_method":                   {make: methods, kind: waxseal.KindTransport, effects: relays, scope: "mail requeued from quarantine"},
		"quarantine_method_by_ccat":        {make: quarantine},
		"quarantine_to_maps_by_ccat":       {make: addresses, kind: waxseal.KindRedirect, effects: diverts, scope: "mail in quarantine"},
		"admin_maps_by_ccat":               {make: addresses, kind: waxseal.KindRedirect, effects: diverts, scope: "notices about mail that is held"},
		"spam_quarantine_bysender_to":      {make: addresses, kind: waxseal.KindRedirect, effects: diverts, scope: "spam"},
		"spam_quarantine_bysender_to_maps": {make: addresses, kind: waxseal.KindRedirect, effects: diverts, scope: "spam"},
		"newvirus_admin":                   {make: addresses, kind: waxseal.KindRedirect, effects: diverts, scope: "notices about viruses"},
		"newvirus_admin_maps":              {make: addresses, kind: waxseal.KindRedirect, effects: diverts, scope: "notices about viruses"},
		"final_destiny_maps_by_ccat":       {make: destinies},
		"av_scanners":                      {make: scanners},
		"av_scanners_backup":               {make: scanners},
		"spam_scanners":                    {make: spamScanners},
		"decoders":                         {make: decoders},
		"lookup_sql_dsn":                   {make: databases},
		"storage_sql_dsn":                  {make: databases},
		"storage_redis_dsn":                {make: databases},
		"default_ldap":                     {make: databases},
		"additional_perl_modules":          {make: modules},
		"sa_userprefs_file":                {make: rulesFile},
		"sa_configpath":                    {make: rulesFile},
		"sa_siteconfigpath":                {make: rulesFile},
		"logfile":                          {make: logFile},
		"QUARANTINEDIR":                    {make: quarantineDirectory},
		"path":                             {make: searchPath},
	}
	for name, what := range map[string]string{"virus": "mail with viruses", "banned": "mail with banned attachments", "unchecked": "mail that can't be checked", "spam": "spam", "bad_header": "mail with bad headers"} {
		notices := row{make: addresses, kind: waxseal.KindRedirect, effects: diverts, scope: "notices about " + what}
		to := row{make: addresses, kind: waxseal.KindRedirect, effects: diverts, scope: what}
		list[name+"_admin"], list[name+"_admin_maps"], list[name+"_quarantine_to"], list[name+"_quarantine_to_maps"] = notices, notices, to, to
		method := row{make: quarantine, scope: what}
		list[name+"_quarantine_method"], list[name+"_files_quarantine_method"] = method, method
		list["final_"+name+"_destiny"] = row{make: destinies, scope: what}
	}
	for _, name := range []string{"clean", "archive"} {
		to := row{make: addresses, kind: waxseal.KindCopy, effects: copies, needs: "$" + name + "_quarantine_method"}
		list[name+"_quarantine_to"], list[name+"_quarantine_to_maps"] = to, to
		list[name+"_quarantine_method"] = row{make: quarantine}
	}
	for _, name := range []string{"virus", "spam", "banned", "header"} {
		list["bypass_"+name+"_checks_maps"] = row{make: bypasses}
		list["bypass_"+name+"_checks_acl"], list["bypass_"+name+"_checks"] = row{make: bypasses}, row{make: bypasses}
	}
	for _, name := range helpers {
		list[name] = row{make: helper}
	}
	return list
}

// helpers are variables that name programs which amavis runs on attachments.
var helpers = strings.Fields("file altermime arc bzip2 lzop lha unarj gzip uncompress unfreeze unrar zoo pax cpio ar rpm2cpio cabextract ripole tnef gunzip bunzip2 unlzop unstuff dspam")

// use is one value of a variable, where it stands.
type use struct {
	*reader
	row    row
	name   string // without its sigil
	keys   []string
	value  calls.Value
	source waxseal.Source
	bank   *bank // the policy bank that it is set in
	sure   bool
}

// hook begins the hook of a value. place tells several values of one variable apart.
func (u use) hook(place string) waxseal.Hook {
	bankName := ""
	if u.bank != nil {
		bankName = u.bank.name
	}
	h := u.reader.hook(u.name, bankName, u.source)
	h.ID += waxseal.HookID(placeOf(u.keys, place))
	h.Kind, h.Effects = u.row.kind, u.row.effects
	if u.row.scope != "" {
		h.Scope = u.row.scope
	}
	if u.bank != nil {
		u.bank.limit(&h, u.row.scope)
	}
	if !u.sure {
		setModifier(&h, "seen", "inferred")
	}
	return h
}

func placeOf(keys []string, place string) string {
	out := ""
	for _, k := range keys {
		out += ":" + k
	}
	if place != "" {
		out += ":" + place
	}
	return out
}
