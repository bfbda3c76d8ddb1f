package sieve

import "slices"

// form is where a word may stand.
type form int

const (
	command form = 1 << iota
	test
)

// word is what Pigeonhole knows of a command or test.
type word struct {
	ext  string // the extension that brings it
	form form
	args []Sort // positional arguments
	// optional is how many of the last arguments may be missing.
	optional int
	tags     []*tagged
	tests    tests
	block    bool // braces follow, and only then
	check    func(*checker, *call)
}

// tests is how many tests a word has.
type tests int

const (
	noTests tests = iota
	oneTest
	someTests // in parentheses
)

// tagged is a tag of a command or test.
type tagged struct {
	name  string
	ext   string // the extension that brings it, besides that of the word
	group string // of several tags of a group one may be given
	value Sort   // of the argument behind it, if any
	check func(*checker, *call, Argument)
}

// repeated is the group of tags that Pigeonhole takes several times.
const repeated = "*"

func one(name string) *tagged { return &tagged{name: name} }

func with(name string, value Sort) *tagged { return &tagged{name: name, value: value} }

func of(ext string, t *tagged) *tagged {
	t.ext = ext
	return t
}

func join(lists ...[]*tagged) []*tagged {
	var all []*tagged
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// group makes tags exclude one another.
func group(name string, list ...*tagged) []*tagged {
	for _, t := range list {
		t.group = name
	}
	return list
}

func checked(t *tagged, check func(*checker, *call, Argument)) *tagged {
	t.check = check
	return t
}

var (
	matching = join(group("match type", one("is"), one("contains"), one("matches"), of("regex", one("regex")),
		of("relational", checked(with("value", String), (*checker).relation)), of("relational", checked(with("count", String), (*checker).relation))),
		[]*tagged{checked(with("comparator", String), (*checker).comparator)})
	addressPart = group("address part", one("all"), one("localpart"), one("domain"), of("subaddress", one("user")), of("subaddress", one("detail")))
	indexed     = join([]*tagged{of("index", checked(with("index", Number), (*checker).position))}, group(repeated, of("index", one("last"))))
	mimeTags    = join([]*tagged{of("mime", one("mime"))}, group(repeated, of("mime", one("anychild"))))
	mimeOptions = group("mime option", of("mime", one("type")), of("mime", one("subtype")), of("mime", one("contenttype")), of("mime", with("param", Strings)))
	copies      = of("copy", one("copy"))
	flags       = of("imap4flags", with("flags", Strings))
	// modifiers are those of set (RFC 5229 section 4.1); those of equal precedence
	// exclude one another.
	modifiers = join(group("case", one("lower"), one("upper")), group("first letter", one("lowerfirst"), one("upperfirst")),
		group("quoting", one("quotewildcard"), of("regex", one("quoteregex"))), group("length", one("length")), group("encoding", of("enotify", one("encodeurl"))))
	zones = group("zone", one("originalzone"), with("zone", String))
)

// words are the commands and tests of Pigeonhole 0.5, from their RFCs.
var words = map[string]*word{
	// RFC 5228
	"require":  {form: command, args: []Sort{Strings}, check: (*checker).requires},
	"if":       {form: command, tests: oneTest, block: true},
	"elsif":    {form: command, tests: oneTest, block: true, check: (*checker).follows},
	"else":     {form: command, block: true, check: (*checker).follows},
	"stop":     {form: command},
	"keep":     {form: command, tags: []*tagged{flags}},
	"discard":  {form: command},
	"fileinto": {ext: "fileinto", form: command, args: []Sort{String}, tags: []*tagged{copies, flags, of("mailbox", one("create")), of("special-use", checked(with("specialuse", String), (*checker).specialUse))}},
	"redirect": {form: command, args: []Sort{String}, tags: []*tagged{copies}, check: (*checker).redirected},
	"true":     {form: test}, "false": {form: test},
	"not":      {form: test, tests: oneTest},
	"allof":    {form: test, tests: someTests},
	"anyof":    {form: test, tests: someTests},
	"exists":   {form: test, args: []Sort{Strings}, tags: mimeTags, check: (*checker).dependentTags},
	"header":   {form: test, args: []Sort{Strings, Strings}, tags: join(matching, indexed, mimeTags, mimeOptions), check: (*checker).dependentTags},
	"address":  {form: test, args: []Sort{Strings, Strings}, tags: join(matching, addressPart, indexed, mimeTags), check: (*checker).addressTest},
	"envelope": {ext: "envelope", form: test, args: []Sort{Strings, Strings}, tags: join(matching, addressPart), check: (*checker).envelopeTest},
	"size":     {form: test, args: []Sort{Number}, tags: group("limit", one("over"), one("under")), check: (*checker).sizeTest},
	// RFC 5429
	"reject":  {ext: "reject", form: command, args: []Sort{String}},
	"ereject": {ext: "ereject", form: command, args: []Sort{String}},
	// RFC 5230, 6131
	"vacation": {ext: "vacation", form: command, args: []Sort{String}, tags: join(
		group("interval", with("days", Number), of("vacation-seconds", with("seconds", Number))),
		[]*tagged{with("subject", String), checked(with("from", String), (*checker).sender), with("addresses", Strings), one("mime")}, group(repeated, with("handle", String)))},
	// RFC 5293
	"addheader":    {ext: "editheader", form: command, args: []Sort{String, String}, tags: []*tagged{one("last")}, check: (*checker).fieldName},
	"deleteheader": {ext: "editheader", form: command, args: []Sort{String, Strings}, optional: 1, tags: join(matching, []*tagged{with("index", Number), one("last")}), check: (*checker).fieldName},
	// RFC 5232
	"setflag":    {ext: "imap4flags", form: command, args: []Sort{Strings, Strings}, optional: 1, check: (*checker).flagged},
	"addflag":    {ext: "imap4flags", form: command, args: []Sort{Strings, Strings}, optional: 1, check: (*checker).flagged},
	"removeflag": {ext: "imap4flags", form: command, args: []Sort{Strings, Strings}, optional: 1, check: (*checker).flagged},
	"hasflag":    {ext: "imap4flags", form: test, args: []Sort{Strings, Strings}, optional: 1, tags: matching, check: (*checker).flagged},
	// RFC 5229
	"set":    {ext: "variables", form: command, args: []Sort{String, String}, tags: modifiers, check: (*checker).variable},
	"string": {ext: "variables", form: test, args: []Sort{Strings, Strings}, tags: matching},
	// RFC 6609
	"include": {ext: "include", form: command, args: []Sort{String}, tags: join(group("location", one("personal"), one("global")), group(repeated, one("once"), one("optional"))), check: (*checker).included},
	"return":  {ext: "include", form: command},
	"global":  {ext: "include", form: command, args: []Sort{Strings}, check: (*checker).global},
	"import":  {ext: "include", form: command, args: []Sort{Strings}, check: (*checker).global},
	"export":  {ext: "include", form: command, args: []Sort{Strings}, check: (*checker).global},
	// RFC 5183, 5435
	"environment": {ext: "environment", form: test, args: []Sort{String, Strings}, tags: matching},
	"notify": {ext: "enotify", form: command, args: []Sort{String}, check: (*checker).notified, tags: []*tagged{
		checked(with("from", String), (*checker).sender), with("options", Strings), with("message", String), checked(with("importance", String), (*checker).importance)}},
	"valid_notify_method":      {ext: "enotify", form: test, args: []Sort{Strings}},
	"notify_method_capability": {ext: "enotify", form: test, args: []Sort{String, String, Strings}, tags: matching},
	// RFC 5490
	"mailboxexists":        {ext: "mailbox", form: test, args: []Sort{Strings}},
	"metadata":             {ext: "mboxmetadata", form: test, args: []Sort{String, String, Strings}, tags: matching},
	"metadataexists":       {ext: "mboxmetadata", form: test, args: []Sort{String, Strings}},
	"servermetadata":       {ext: "servermetadata", form: test, args: []Sort{String, Strings}, tags: matching},
	"servermetadataexists": {ext: "servermetadata", form: test, args: []Sort{Strings}},
	// RFC 8579, 7352
	"specialuse_exists": {ext: "special-use", form: test, args: []Sort{Strings, Strings}, optional: 1},
	"duplicate":         {ext: "duplicate", form: test, tags: join(group("key", with("header", String), with("uniqueid", String)), []*tagged{with("handle", String), with("seconds", Number), one("last")})},
	// RFC 5260, 5173
	"date":        {ext: "date", form: test, args: []Sort{String, String, Strings}, tags: join(matching, zones, indexed), check: (*checker).dependentTags},
	"currentdate": {ext: "date", form: test, args: []Sort{String, Strings}, tags: join(matching, []*tagged{with("zone", String)})},
	"body":        {ext: "body", form: test, args: []Sort{Strings}, tags: join(matching, group("transform", one("raw"), with("content", Strings), one("text")))},
	// RFC 5703
	"foreverypart": {ext: "foreverypart", form: command, tags: group(repeated, with("name", String)), block: true, check: (*checker).loop},
	"break":        {ext: "foreverypart", form: command, tags: group(repeated, with("name", String)), check: (*checker).breaks},
	"extracttext":  {ext: "extracttext", form: command, args: []Sort{String}, tags: join(modifiers, []*tagged{with("first", Number)}), check: (*checker).extracted},
	// RFC 5235
	"spamtest":  {ext: "spamtest", form: test, args: []Sort{String}, tags: join(matching, []*tagged{of("spamtestplus", one("percent"))})},
	"virustest": {ext: "virustest", form: test, args: []Sort{String}, tags: matching},
	// RFC 5463
	"ihave": {ext: "ihave", form: test, args: []Sort{Strings}},
	"error": {ext: "ihave", form: command, args: []Sort{String}},
	// Pigeonhole's own: doc/rfc of its source
	"pipe": {ext: "vnd.dovecot.pipe", form: command, args: []Sort{String, Strings}, optional: 1, tags: []*tagged{copies, one("try")}, check: (*checker).program},
	"execute": {ext: "vnd.dovecot.execute", form: command | test, args: []Sort{String, Strings}, optional: 1, check: (*checker).program,
		tags: join(group("input", with("input", String), one("pipe")), []*tagged{of("variables", with("output", String))})},
	"filter":    {ext: "vnd.dovecot.filter", form: command | test, args: []Sort{String, Strings}, optional: 1, check: (*checker).program},
	"debug_log": {ext: "vnd.dovecot.debug", form: command, args: []Sort{String}},
	"report":    {ext: "vnd.dovecot.report", form: command, args: []Sort{String, String, String}, tags: []*tagged{one("headers_only")}, check: (*checker).reported},
}

// extensions are those that Pigeonhole knows, and whether scripts may use them
// without a word in sieve_extensions or sieve_plugins (asked of 0.5.19).
var extensions = map[string]bool{
	"body": true, "comparator-i;ascii-casemap": true, "comparator-i;octet": true, "comparator-i;ascii-numeric": true, "copy": true, "date": true, "duplicate": true,
	"editheader": false, "encoded-character": true, "enotify": true, "envelope": true, "environment": true, "ereject": false, "extlists": false, "extracttext": true,
	"fileinto": true, "foreverypart": true, "ihave": true, "imap4flags": true, "imapflags": false, "imapsieve": false, "include": true, "index": true, "mailbox": true,
	"mboxmetadata": false, "mime": true, "notify": false, "regex": true, "reject": true, "relational": true, "servermetadata": false, "spamtest": false,
	"spamtestplus": false, "special-use": false, "subaddress": true, "vacation": true, "vacation-seconds": false, "variables": true, "virustest": false,
	"vnd.dovecot.debug": true, "vnd.dovecot.duplicate": false, "vnd.dovecot.environment": false, "vnd.dovecot.execute": false, "vnd.dovecot.filter": false,
	"vnd.dovecot.imapsieve": false, "vnd.dovecot.pipe": false, "vnd.dovecot.report": false,
}

// brings are extensions that come with another.
var brings = map[string][]string{
	"vacation-seconds": {"vacation"}, "spamtestplus": {"spamtest"}, "vnd.dovecot.duplicate": {"duplicate"},
	"vnd.dovecot.environment": {"environment"}, "vnd.dovecot.imapsieve": {"imapsieve"},
}

// replaced are extensions of which newer ones took the names with other arguments:
// what is written for them is not checked.
var replaced = []string{"notify", "imapflags", "extlists"}

// Standard lists the extensions that scripts may use where nothing in the
// configuration of Dovecot says more.
func Standard() []string {
	var list []string
	for name, standard := range extensions {
		if standard {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}
