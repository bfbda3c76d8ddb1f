package cf

import "strings"

// optionLetters are the options that have a letter of their own (OptionTab in
// readcf.c): "OA/etc/aliases" is "O AliasFile=/etc/aliases".
var optionLetters = map[byte]string{
	'>': "RemoteMode", '7': "SevenBitInput", '8': "EightBitMode", 'A': "AliasFile", 'a': "AliasWait", 'B': "BlankSub", 'b': "MinFreeBlocks",
	'C': "CheckpointInterval", 'c': "HoldExpensive", 'd': "DeliveryMode", 'E': "ErrorHeader", 'e': "ErrorMode", 'F': "TempFileMode", 'f': "SaveFromLine",
	'G': "MatchGECOS", 'H': "HelpFile", 'h': "MaxHopCount", 'I': "ResolverOptions", 'i': "IgnoreDots", 'J': "ForwardPath", 'j': "SendMimeErrors",
	'k': "ConnectionCacheSize", 'K': "ConnectionCacheTimeout", 'l': "UseErrorsTo", 'L': "LogLevel", 'm': "MeToo", 'n': "CheckAliases", 'o': "OldStyleHeaders",
	'O': "DaemonPortOptions", 'p': "PrivacyOptions", 'P': "PostmasterCopy", 'q': "QueueFactor", 'Q': "QueueDirectory", 'R': "DontPruneRoutes", 'r': "Timeout",
	'S': "StatusFile", 's': "SuperSafe", 'T': "QueueTimeout", 't': "TimeZoneSpec", 'U': "UserDatabaseSpec", 'u': "DefaultUser", 'V': "FallbackMXhost",
	'v': "Verbose", 'w': "TryNullMXList", 'x': "QueueLA", 'X': "RefuseLA", 'y': "RecipientFactor", 'Y': "ForkEachJob", 'z': "ClassFactor", 'Z': "RetryFactor",
	// These have no name: who g and M are is told by their letters only.
	'g': "DefaultGroup", 'M': "Macro",
}

// optionWords are the options that have a name only.
const optionWords = `QueueSortOrder HostsFile MinQueueAge DefaultCharSet ServiceSwitchFile DialDelay NoRecipientAction SafeFileEnvironment
MaxMessageSize ColonOkInAddr MaxQueueRunSize MaxDaemonChildren DontExpandCnames MustQuoteChars SmtpGreetingMessage UnixFromLine OperatorChars
DontInitGroups SingleLineFromHeader AllowBogusHELO ConnectionRateThrottle UnsafeGroupWrites DoubleBounceAddress HostStatusDirectory
SingleThreadDelivery RunAsUser RrtImpliesDsn PidFile DontBlameSendmail DontProbeInterfaces MaxRecipientsPerMessage DeadLetterDrop
DontLockFilesForRead MaxAliasRecursion ConnectOnlyTo TrustedUser MaxMimeHeaderLength ControlSocketName MaxHeadersLength MaxForwardEntries
ProcessTitlePrefix DefaultAuthInfo AuthMechanisms ClientPortOptions DataFileBufferSize XscriptFileBufferSize LDAPDefaultSpec ServerCertFile
ServerKeyFile ClientCertFile ClientKeyFile CACertFile CACertPath DHParameters InputMailFilters Milter AuthOptions QueueFileMode
CertFingerprintAlgorithm CipherList RandFile TLSSrvOptions BadRcptThrottle DeliverByMin MaxQueueChildren MaxRunnersPerQueue
DirectSubmissionModifiers NiceQueueRun SharedMemoryKey AuthMaxBits MailboxDatabase UseMSP DelayLA FastSplit SoftBounce SharedMemoryKeyFile
RejectLogInterval RequiresDirfsync ConnectionRateWindowSize CRLFile FallbackSmartHost AuthRealm HeloName RefuseLowMem QueueLowMem
MemoryResource MaxNOOPCommands MessageAccept CheckQueueRunners EightBitAddrOK AddrTypeModes BadRcptShutdown BadRcptShutdownGood
ServerSSLOptions ClientSSLOptions MaxQueueAge BadRcptThrottleDelay InetQoS FIPSMode RejectNUL BounceQueue AddBcc UseCompressedIPv6Addresses
SSLEngine SSLEnginePath TLSFallbacktoClear NameServer DANE NameSearchList Hacks KeepBcc ClientCACertFile ClientCACertPath SetCertAltnames
SmtpUTF8 StrictTransportSecurity CipherSuites CRLPath`

// optionNames finds the spelling of the guide.
var optionNames = func() map[string]string {
	names := map[string]string{}
	for _, n := range optionLetters {
		names[lower(n)] = n
	}
	for _, n := range strings.Fields(optionWords) {
		names[lower(n)] = n
	}
	return names
}()

// option reads what follows the O (setoption in readcf.c): "LHost", or
// " Name.Sub = value".
func (r *reading) option(l line, body string) {
	if body == "" {
		return
	}
	if body[0] != ' ' {
		name, known := optionLetters[body[0]]
		if !known {
			r.problem(l.number, "unknown option "+string([]byte{body[0]}))
			name = string([]byte{body[0]})
		}
		r.Options = append(r.Options, Option{Name: name, Value: body[1:], Line: l.number, Known: known})
		return
	}
	name, value, _ := strings.Cut(body[1:], "=")
	name, value = strings.Trim(name, " "), strings.TrimLeft(value, " ")
	full, known := optionName(name)
	if !known {
		r.problem(l.number, "unknown option "+clip(name))
	}
	r.Options = append(r.Options, Option{Name: full, Value: value, Line: l.number, Known: known})
}

// optionName completes a name: case does not count, and the start of one name
// alone is enough.
func optionName(written string) (name string, known bool) {
	word, sub, dotted := strings.Cut(written, ".")
	full, ok := optionNames[lower(word)]
	if !ok {
		for short, n := range optionNames {
			if word == "" || !strings.HasPrefix(short, lower(word)) {
				continue
			}
			if full != "" {
				return written, false // of several
			}
			full = n
		}
	}
	switch {
	case full == "":
		return written, false
	case dotted && (full == "Timeout" || full == "Milter"):
		return full + "." + lower(sub), true
	}
	return full, true
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
