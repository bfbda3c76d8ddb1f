package milterconf

import (
	"slices"
	"strconv"
	"strings"

	"waxseal"
)

// DataSets are the parameters of OpenDKIM that name data sets (opendkim.conf(5)), in
// the order in which it opens them.
var DataSets = []string{
	"PeerList", "InternalHosts", "ExternalIgnoreList", "ExemptDomains", "BodyLengthDB", "SignHeaders", "RemoveARFrom",
	"ATPSDomains", "DontSignMailTo", "MustBeSigned", "OmitHeaders", "MTA", "OverSignHeaders", "SenderHeaders", "VBR-TrustedCertifiers",
	"SigningTable", "KeyTable", "TrustSignaturesFrom", "ResignMailTo", "ConditionalSignatures", "RateLimits", "FlowData", "Domain", "MacroList",
	"ReputationLimits", "ReputationLimitModifiers", "ReputationRatios",
	"ReplaceHeaders",
	"TestDNSData",
}

// Scripts are the parameters of OpenDKIM that name Lua scripts (opendkim-lua(3)).
var Scripts = []string{"SetupPolicyScript", "ScreenPolicyScript", "StatisticsPolicyScript", "FinalPolicyScript"}

// Values says what OpenDKIM refuses in a configuration whose lines are in order; the
// first is what it tells. exists reports whether a file is there.
func Values(c Config, exists func(waxseal.Path) bool) []Refusal {
	k := checker{Config: c, exists: exists}
	k.file("TrustAnchorFile", "%: No such file or directory")
	k.word("BogusKey", "unknown key action '%'", keyActions)
	k.word("UnprotectedKey", "unknown key action '%'", keyActions)
	for _, name := range []string{"SetupPolicyScript", "ScreenPolicyScript", "FinalPolicyScript"} {
		k.file(name, "%: open(): No such file or directory")
	}
	k.file("BaseDirectory", "%: chdir(): No such file or directory")
	for _, name := range DataSets[:len(DataSets)-1] {
		if name != "Domain" || c.Value("KeyTable") == "" {
			k.dataSet(name)
		}
		switch name {
		case "RemoveARFrom":
			k.word("ATPSHashAlgorithm", `unknown ATPS hash "%"`, []string{"none", "sha1", "sha256"})
		case "KeyTable":
			k.refuseIf(c.Value("SigningTable") != "" && c.Value("KeyTable") == "", "SigningTable", "use of SigningTable requires KeyTable")
		case "MTA", "SenderHeaders":
			k.refuseIf(c.Value(name) != "" && ParseDataSet(c.Value(name)).Type == "refile", name, "")
		case "MacroList":
			d := ParseDataSet(c.Value(name))
			k.refuseIf(d.Known && c.Value(name) != "" && d.Type != "file" && d.Type != "csl", name, c.Value(name)+": invalid data set type for MacroList")
		}
	}
	k.word("SignatureAlgorithm", `unknown signing algorithm "%"`, []string{"rsa-sha1", "rsa-sha256", "ed25519-sha256"})
	k.canonicalization()
	k.refuseIf(c.Value("Minimum") != "" && !minimum(c.Value("Minimum")), "Minimum", `illegal value for "Minimum"`)
	k.mode()
	k.file("ReplaceRules", "%: fopen(): No such file or directory")
	if c.Value("KeyTable") == "" {
		k.file("KeyFile", "%: open(): No such file or directory")
	}
	k.signing()
	k.dataSet("TestDNSData")
	return k.found
}

// ValuesDMARC says what OpenDMARC refuses likewise.
func ValuesDMARC(c Config, exists func(waxseal.Path) bool) []Refusal {
	k := checker{Config: c, exists: exists}
	text := c.Value("RejectString")
	k.file("TestDNSData", "%: can't load fake DNS data: No such file or directory")
	k.file("BaseDirectory", "%: chdir(): No such file or directory")
	k.refuseIf(text != "" && !strings.Contains(text, "%s"), "RejectString", c.Value("BaseDirectory")+": The RejectString doesn't contain %s!")
	return k.found
}

var keyActions = []string{"neutral", "none", "fail"}

type checker struct {
	Config
	exists func(waxseal.Path) bool
	found  []Refusal
}

func (k *checker) refuseIf(wrong bool, name, reason string) {
	if e, ok := k.Get(name); wrong && ok {
		k.found = append(k.found, Refusal{Source: e.Source, Reason: reason, Missing: strings.HasSuffix(reason, "No such file or directory")})
	}
}

// word refuses a value that is none of a list; % stands for it.
func (k *checker) word(name, reason string, allowed []string) {
	value := k.Value(name)
	known := slices.ContainsFunc(allowed, func(w string) bool { return strings.EqualFold(w, value) })
	k.refuseIf(!known, name, strings.ReplaceAll(reason, "%", value))
}

func (k *checker) file(name, reason string) {
	value := k.Value(name)
	k.refuseIf(value != "" && !k.exists(absolute(value)), name, strings.ReplaceAll(reason, "%", value))
}

func (k *checker) dataSet(name string) {
	value := k.Value(name)
	if value == "" {
		return
	}
	d, shown := ParseDataSet(value), pick(name == "TestDNSData", "(null)", value)
	k.refuseIf(!d.Known, name, shown+": dkimf_db_open(): Unknown database type")
	if p, ok := d.Path(); ok && (d.Type == "file" || d.Type == "refile" || d.Type == "lua") {
		k.refuseIf(!k.exists(p), name, shown+": dkimf_db_open(): No such file or directory")
	}
}

func (k *checker) canonicalization() {
	value := k.Value("Canonicalization")
	for part := range strings.SplitSeq(value, "/") {
		if value != "" && !strings.EqualFold(part, "simple") && !strings.EqualFold(part, "relaxed") {
			k.refuseIf(true, "Canonicalization", `unknown canonicalization algorithm "`+part+`"`)
			return
		}
	}
}

// minimum reports whether a text is a number, with a percent sign up to a hundred,
// or with a plus.
func minimum(s string) bool {
	digits := strings.TrimRight(s, "%+")
	n, err := strconv.ParseUint(digits, 10, 32)
	switch s[len(digits):] {
	case "", "+":
		return err == nil
	case "%":
		return err == nil && n <= 100
	}
	return false
}

func (k *checker) mode() {
	for _, c := range k.Value("Mode") {
		if c != 's' && c != 'v' {
			k.refuseIf(true, "Mode", `unknown mode "`+string(c)+`"`)
			return
		}
	}
}

// signing refuses what is only half a way to sign.
func (k *checker) signing() {
	mode := k.Value("Mode")
	if mode != "" && !strings.Contains(mode, "s") {
		return
	}
	table, single := k.Value("KeyTable") != "", k.Value("KeyFile") != ""
	selector := k.Value("Selector") != ""
	switch {
	case !table && selector != single:
		k.refuseIf(true, pick(selector, "Selector", "KeyFile"), "KeyFile and Selector must both be defined or both be undefined")
	case k.Value("Domain") != "" && !table && !(selector && single):
		k.refuseIf(true, "Domain", "Domain requires KeyFile and Selector")
	case table && k.Value("SigningTable") == "" && k.Value("SetupPolicyScript") == "":
		k.refuseIf(true, "KeyTable", "KeyTable requires either SigningTable or SetupPolicyScript")
	}
}

func pick(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}
