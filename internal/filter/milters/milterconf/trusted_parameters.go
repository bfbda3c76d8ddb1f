package milterconf

import "strings"

// The parameters of OpenDKIM and OpenDMARC, one a line: name, type, and what must
// have been compiled in. Facts from opendkim.conf(5), opendmarc.conf(5) and the
// tables in opendkim-config.h of 2.11.0 and opendmarc-config.h of 1.4.2 with
// Debian's patches; the parity tests ask the programs.
const (
	openDKIM = `AllowSHA1Only boolean
AlwaysAddARHeader boolean
ATPSDomains text _FFR_ATPS
ATPSHashAlgorithm text _FFR_ATPS
AuthservID text
AuthservIDWithJobID boolean
AutoRestart boolean
AutoRestartCount number
AutoRestartRate text
Background boolean
BaseDirectory text
BodyLengthDB text
BogusKey text USE_UNBOUND
Canonicalization text
CaptureUnknownErrors boolean
ChangeRootDirectory text
ClockDrift number
ConditionalSignatures text _FFR_CONDITIONAL
DefaultSender text _FFR_DEFAULT_SENDER
Diagnostics boolean
DiagnosticDirectory text
DisableCryptoInit boolean
DNSConnect boolean
DNSTimeout number
Domain text
DomainKeysCompat boolean
DontSignMailTo text
EnableCoredumps boolean
ExemptDomains text
ExternalIgnoreList text
FinalPolicyScript text USE_LUA
FixCRLF boolean
FlowData text _FFR_RATE_LIMIT
FlowDataFactor number _FFR_RATE_LIMIT
FlowDataTTL number _FFR_RATE_LIMIT
IdentityHeader text _FFR_IDENTITY_HEADER
IdentityHeaderRemove boolean _FFR_IDENTITY_HEADER
IgnoreMalformedMail boolean
Include include
InternalHosts text
KeepAuthResults boolean
KeepTemporaryFiles boolean
KeyFile text
KeyTable text
LDAPAuthMechanism text USE_LDAP
LDAPAuthName text USE_SASL
LDAPAuthRealm text USE_SASL
LDAPAuthUser text USE_SASL
LDAPBindPassword text USE_LDAP
LDAPBindUser text USE_LDAP
LDAPDisableCache boolean USE_LDAP
LDAPKeepaliveIdle text USE_LDAP
LDAPKeepaliveInterval text USE_LDAP
LDAPKeepaliveProbes text USE_LDAP
LDAPTimeout text USE_LDAP
LDAPUseTLS boolean USE_LDAP
LogResults boolean
LogWhy boolean
LuaOnlySigning boolean _FFR_LUA_ONLY_SIGNING
MaximumHeaders number
MaximumSignedBytes number
MaximumSignaturesToVerify number
MacroList text
MilterDebug number
Minimum text
MinimumKeyBits number
MultipleSignatures boolean
Mode text
MTA text
MTACommand text
MustBeSigned text
Nameservers text
NoHeaderB boolean
OmitHeaders text
On-BadSignature text
On-Default text
On-DNSError text
On-InternalError text
On-KeyNotFound text
On-NoSignature text
On-ReputationError text _FFR_REPUTATION
On-Security text
On-SignatureError text
OverSignHeaders text
PeerList text
PidFile text
POPDBFile text POPAUTH
Quarantine boolean
QueryCache boolean QUERY_CACHE
RateLimits text _FFR_RATE_LIMIT
RedirectFailuresTo text
RemoveARAll boolean
RemoveARFrom text
RemoveOldSignatures boolean
ReplaceHeaders text _FFR_REPLACE_RULES
ReplaceRules text _FFR_REPLACE_RULES
ReportAddress text
ReportBccAddress text
ReputationCache text _FFR_REPUTATION
ReputationCacheTTL number _FFR_REPUTATION
ReputationDuplicates text _FFR_REPUTATION
ReputationLimits text _FFR_REPUTATION
ReputationLowTime text _FFR_REPUTATION
ReputationMinimum number _FFR_REPUTATION
ReputationLimitModifiers text _FFR_REPUTATION
ReputationRatios text _FFR_REPUTATION
ReputationRRDHashDepth number _FFR_REPRRD
ReputationRRDRoot text _FFR_REPRRD
ReputationTest boolean _FFR_REPRRD
ReputationVerbose boolean _FFR_REPRRD
ReputationSpamCheck text _FFR_REPUTATION
ReputationTimeFactor number _FFR_REPUTATION
ReputationTimeout number _FFR_REPUTATION
RequestReports boolean
RequiredHeaders boolean
RequireSafeKeys boolean
ResignAll boolean _FFR_RESIGN
ResignMailTo text _FFR_RESIGN
ResolverConfiguration text
ResolverTracing boolean
ScreenPolicyScript text USE_LUA
Selector text
SelectCanonicalizationHeader text
SenderHeaders text
SenderMacro text _FFR_SENDER_MACRO
SendReports boolean
SetupPolicyScript text USE_LUA
SignatureAlgorithm text
SignatureTTL number
SignHeaders text
SigningTable text
SMTPURI text HAVE_CURL_EASY_STRERROR
Socket text
SoftwareHeader boolean
SoftStart boolean
Statistics text _FFR_STATS
StatisticsName text _FFR_STATS
StatisticsPolicyScript text _FFR_STATSEXT
StatisticsPrefix text _FFR_STATS
StrictHeaders boolean
StrictTestMode boolean
SubDomains boolean
Syslog boolean
SyslogFacility text
SyslogName text
SyslogSuccess boolean
TemporaryDirectory text
TestDNSData text
TestPublicKeys text
TrustAnchorFile text
TrustSignaturesFrom text
UMask number
UnprotectedKey text USE_UNBOUND
UserID text
VBR-Certifiers text _FFR_VBR
VBR-PurgeFields boolean _FFR_VBR
VBR-TrustedCertifiers text _FFR_VBR
VBR-TrustedCertifiersOnly boolean _FFR_VBR
VBR-Type text _FFR_VBR
WeakSyntaxChecks boolean
X-Header boolean`

	openDMARC = `AuthservID text
AuthservIDWithJobID boolean
AutoRestart boolean
AutoRestartCount number
AutoRestartRate text
Background boolean
BaseDirectory text
ChangeRootDirectory text
CopyFailuresTo text
DNSTimeout number
DomainWhitelist text
DomainWhitelistFile text
DomainWhitelistSize number
EnableCoredumps boolean
FailureReports boolean
FailureReportsBcc text
FailureReportsOnNone boolean
FailureReportsSentBy text
HistoryFile text
HoldQuarantinedMessages boolean
IgnoreAuthenticatedClients boolean
IgnoreHosts text
IgnoreMailFrom text
IgnoreMailTo text
MilterDebug number
PidFile text
PublicSuffixList text
RecordAllMessages boolean
RequiredHeaders boolean
RejectFailures boolean
RejectMultiValueFrom boolean
RejectString text
ReportCommand text
Socket text
SoftwareHeader boolean
SPFIgnoreResults boolean
SPFSelfValidate boolean
Syslog boolean
SyslogFacility text
TestDNSData text
TrustedAuthservIDs text
UMask number
UserID text`
)

// DebianDKIM is what Debian compiles into OpenDKIM ("opendkim -V"; SASL by the parameters that it
// takes).
var DebianDKIM = []string{"QUERY_CACHE", "USE_LDAP", "USE_LUA", "USE_SASL", "USE_UNBOUND", "_FFR_ATPS", "_FFR_REPLACE_RULES", "_FFR_SENDER_MACRO", "_FFR_STATS", "_FFR_VBR"}

// OpenDKIM is the language of opendkim.conf(5), for a program with the given options
// compiled in; where that is not known, none is given, and each parameter is taken.
func OpenDKIM(built ...string) Grammar {
	g := Grammar{parameters: rows(openDKIM), returns: true}
	for _, option := range built {
		if g.built == nil {
			g.built = map[string]bool{}
		}
		g.built[option] = true
	}
	return g
}

// OpenDMARC is the language of opendmarc.conf(5). It reads lines into a buffer
// (opendmarc/config.c), and knows no files to include.
func OpenDMARC() Grammar { return Grammar{parameters: rows(openDMARC), longest: 1023} }

func rows(table string) map[string]parameter {
	types := map[string]Type{"text": Text, "boolean": Boolean, "number": Number, "include": Include}
	list := map[string]parameter{}
	for line := range strings.Lines(table) {
		f := append(strings.Fields(line), "")
		list[strings.ToLower(f[0])] = parameter{f[0], types[f[1]], f[2]}
	}
	return list
}

// Names are the parameters that a language has.
func (g Grammar) Names() []string {
	var list []string
	for _, p := range g.parameters {
		list = append(list, p.name)
	}
	return list
}
