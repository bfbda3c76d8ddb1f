package mc

import (
	"maps"
	"slices"
	"strings"
)

// sketch stands for Sendmail's own m4 files where the tree has none of them: it
// knows what their macros declare, and none of the rules that they bring. What it
// writes has the form of a .cf: options, filters, maps, mailers, classes, hosts,
// and what the source itself puts into LOCAL_CONFIG and the like.
type sketch struct {
	filters   []string
	lines6    []string // as LOCAL_CONFIG
	asked     []string // maps that rules would look up
	daemons   []string
	smrsh     string
	procmail  string
	mspHost   string
	nullHost  string
	promiscue bool
	bccTo     string
	blind     bool
}

// sketchLibrary is asked where a file of Sendmail's m4 library is not there.
func (m *machine) sketchLibrary(name string) bool {
	if m.sketch != nil {
		return strings.Contains(name, "/m4/") || strings.Contains(name, "/feature/")
	}
	if !strings.HasSuffix(name, "m4/cf.m4") {
		return false
	}
	m.sketch = &sketch{}
	m.comment = ""
	for name, text := range map[string]string{"DATABASE_MAP_TYPE": "hash", "MAIL_SETTINGS_DIR": "/etc/mail/", "CONCAT": "$1$2$3$4$5$6$7$8$9"} {
		if !m.defined(name) {
			m.macros[name] = []macro{{text: text}}
		}
	}
	m.macros["DOL"] = []macro{{builtin: func(m *machine, a []string) { m.emit("$" + arg(a, 1)) }}}
	for name, n := range map[string]int{"LOCAL_CONFIG": 6, "LOCAL_RULESETS": 9, "MAILER_DEFINITIONS": 7, "LOCAL_RULE_0": 3, "LOCAL_RULE_3": 2, "LOCAL_NET_CONFIG": 1, "LOCAL_UUCP": 4, "LOCAL_DNSBL": 8, "LOCAL_RULE_1": 9, "LOCAL_RULE_2": 9} {
		m.macros[name] = []macro{{builtin: func(m *machine, _ []string) { m.section(name, n) }}}
	}
	for name, f := range sketchMacros() {
		m.macros[name] = []macro{{builtin: f, blind: true}}
	}
	m.emit("V10/Berkeley\n")
	return true
}

// sections are the rulesets that the rules of a source come into.
var sections = map[string]string{"LOCAL_RULE_0": "SParseLocal=98\n", "LOCAL_RULE_3": "S3\n", "LOCAL_NET_CONFIG": "S0\n", "LOCAL_RULE_1": "S1\n", "LOCAL_RULE_2": "S2\n"}

func (m *machine) section(name string, n int) {
	m.divert = n
	m.emit(sections[name])
}

// sketchMacros are the macros of cf/README that declare something.
func sketchMacros() map[string]func(*machine, []string) {
	out := func(format string) func(*machine, []string) {
		return func(m *machine, a []string) {
			m.sketch.lines6 = append(m.sketch.lines6, strings.ReplaceAll(format, "%", arg(a, 1)))
		}
	}
	nothing := func(*machine, []string) {}
	return map[string]func(*machine, []string){
		"OSTYPE": sketchOSType, "VERSIONID": nothing, "DOMAIN": sketchDomain, "HACK": func(m *machine, _ []string) { m.sketch.blind = true }, "MAILER": sketchMailer, "FEATURE": sketchFeature, "MODIFY_MAILER_FLAGS": nothing, "SITECONFIG": nothing,
		"INPUT_MAIL_FILTER": inputFilter, "MAIL_FILTER": mailFilter, "DAEMON_OPTIONS": func(m *machine, a []string) { m.sketch.daemons = append(m.sketch.daemons, arg(a, 1)) },
		"CLIENT_OPTIONS": out("O ClientPortOptions=%"), "QUEUE_GROUP": func(m *machine, a []string) { m.sketch.lines6 = append(m.sketch.lines6, "Q"+arg(a, 1)+", "+arg(a, 2)) },
		"MASQUERADE_AS": out("DM%"), "MASQUERADE_DOMAIN": out("C{M}%"), "MASQUERADE_DOMAIN_FILE": out("F{M}%"), "MASQUERADE_EXCEPTION": out("C{N}%"), "MASQUERADE_EXCEPTION_FILE": out("F{N}%"),
		"EXPOSED_USER": out("C{E}%"), "EXPOSED_USER_FILE": out("F{E}%"), "LOCAL_USER": out("C{L}%"), "LOCAL_USER_FILE": out("F{L}%"), "LOCAL_DOMAIN": out("C{w}%"), "RELAY_DOMAIN": out("C{R}%"), "RELAY_DOMAIN_FILE": out("F{R}%"),
		"VIRTUSER_DOMAIN": out("C{VirtHost}%"), "VIRTUSER_DOMAIN_FILE": out("F{VirtHost}%"), "GENERICS_DOMAIN": out("C{G}%"), "GENERICS_DOMAIN_FILE": out("F{G}%"), "LDAPROUTE_DOMAIN": out("C{LDAPRoute}%"),
		"LDAPROUTE_DOMAIN_FILE": out("F{LDAPRoute}%"), "CANONIFY_DOMAIN": out("C{Canonify}%"), "CANONIFY_DOMAIN_FILE": out("F{Canonify}%"), "TRUST_AUTH_MECH": out("C{TrustAuthMech}%"),
	}
}

// osTypes are what the files of operating systems define and features ask for: Debian's
// debian.m4, and the linux.m4 that Red Hat uses (cf/README "OSTYPE").
var osTypes = map[string]map[string]string{
	"debian": {"confEBINDIR": "/usr/libexec/sendmail", "PROCMAIL_MAILER_PATH": "/usr/bin/procmail"},
	"linux":  {"confEBINDIR": "/usr/sbin", "PROCMAIL_MAILER_PATH": "/usr/bin/procmail"},
}

// sketchOSType defines what the file of an operating system would. linux.m4 leaves
// alone what the .mc has defined before.
func sketchOSType(m *machine, a []string) {
	for name, text := range osTypes[arg(a, 1)] {
		if m.textOr(name, "") == "" {
			m.macros[name] = []macro{{text: text}}
		}
	}
}

// sketchDomain: the domain files of Debian and the generic one name no host and no
// filter; what others do is not known.
func sketchDomain(m *machine, a []string) {
	switch arg(a, 1) {
	case "generic", "debian-mta", "debian-msp":
	default:
		m.sketch.blind = true
	}
}

// maxSketched bounds how many filters are taken.
const maxSketched = 500

func mailFilter(m *machine, a []string) {
	if len(m.sketch.filters) >= maxSketched {
		m.problem("more mail filters than are read")
		return
	}
	m.sketch.filters = append(m.sketch.filters, "X"+arg(a, 1)+", "+arg(a, 2))
}

func inputFilter(m *machine, a []string) {
	if mailFilter(m, a); len(m.sketch.filters) >= maxSketched {
		return
	}
	list := ""
	if s := m.macros["confINPUT_MAIL_FILTERS"]; len(s) > 0 && s[len(s)-1].text != "" {
		list = s[len(s)-1].text + ", "
	}
	m.macros["confINPUT_MAIL_FILTERS"] = []macro{{text: list + arg(a, 1)}}
}

func sketchMailer(m *machine, a []string) {
	if name := arg(a, 1); name == "procmail" {
		m.sketch.lines6 = append(m.sketch.lines6, "Mprocmail, P=/usr/bin/procmail, F=DFMSPhnu9, A=procmail -Y -m $h $f $u")
	}
}

// tableFeatures are the features that bring a map, with its name and its file.
var tableFeatures = map[string][2]string{
	"mailertable": {"mailertable", "mailertable"}, "virtusertable": {"virtuser", "virtusertable"}, "genericstable": {"generics", "genericstable"}, "domaintable": {"domaintable", "domaintable"},
	"uucpdomain": {"uudomain", "uudomain"}, "bitdomain": {"bitdomain", "bitdomain"}, "authinfo": {"authinfo", "authinfo"}, "access_db": {"access", "access"}, "bcc": {"bcctable", "bcctable"},
}

func sketchFeature(m *machine, a []string) {
	s, name := m.sketch, arg(a, 1)
	if t, ok := tableFeatures[name]; ok && !(name == "bcc" && strings.EqualFold(arg(a, 2), "access")) {
		spec := arg(a, 2)
		switch {
		case spec == "" && name == "access_db":
			spec = m.text("DATABASE_MAP_TYPE") + " -T<TMPF> " + m.text("MAIL_SETTINGS_DIR") + t[1]
		case spec == "":
			spec = m.text("DATABASE_MAP_TYPE") + " " + m.text("MAIL_SETTINGS_DIR") + t[1]
		case spec == "LDAP":
			spec = "ldap -1 -k (sendmailMTAKey=%0)"
		}
		s.lines6 = append(s.lines6, "K"+t[0]+" "+spec)
		s.asked = append(s.asked, t[0])
	}
	switch name {
	case "bcc":
		s.lines6 = append(s.lines6, "O AddBcc=true")
		if host := arg(a, 3); host != "" {
			s.lines6 = append(s.lines6, "DA"+host)
		}
		s.bccTo = arg(a, 4)
	case "use_cw_file":
		s.lines6 = append(s.lines6, "Fw-o "+m.textOr("confCW_FILE", "/etc/mail/local-host-names")+" %[^\\#]")
	case "use_ct_file":
		s.lines6 = append(s.lines6, "Ft-o "+m.textOr("confCT_FILE", "/etc/mail/trusted-users")+" %[^\\#]")
	case "smrsh":
		s.smrsh = or(arg(a, 2), m.textOr("confEBINDIR", "/usr/libexec")+"/smrsh")
	case "local_procmail":
		s.procmail = or(arg(a, 2), m.textOr("PROCMAIL_MAILER_PATH", "/usr/local/bin/procmail"))
	case "msp":
		s.mspHost = or(arg(a, 2), "[localhost]")
	case "nullclient":
		s.nullHost = arg(a, 2)
	case "promiscuous_relay":
		s.promiscue = true
	}
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (m *machine) text(name string) string { return m.textOr(name, "") }

func (m *machine) textOr(name, otherwise string) string {
	if s := m.macros[name]; len(s) > 0 && s[len(s)-1].builtin == nil && s[len(s)-1].text != "" {
		return s[len(s)-1].text
	}
	return otherwise
}

// hostMacros are definitions that become a macro of the .cf (cf/README).
var hostMacros = map[string]string{"SMART_HOST": "S", "MAIL_HUB": "H", "LUSER_RELAY": "L", "LOCAL_RELAY": "R", "UUCP_RELAY": "U", "BITNET_RELAY": "B", "DECNET_RELAY": "C", "FAX_RELAY": "F"}

// lines is what the macros at the end declare, in the form of a .cf.
func (s *sketch) lines(macros map[string]string) string {
	var b strings.Builder
	line := func(text string) { b.WriteString(strings.ReplaceAll(text, "\n", " ") + "\n") }
	b.WriteString("\n")
	for _, l := range s.lines6 {
		line(l)
	}
	options := confOptions()
	for _, name := range slices.Sorted(maps.Keys(macros)) {
		value := strings.Trim(macros[name], "`'")
		option, known := options[strings.TrimPrefix(name, "conf")]
		switch {
		case strings.HasPrefix(name, "conf") && known && value != "":
			line("O " + option + "=" + value)
		case name == "ALIAS_FILE":
			line("O AliasFile=" + value)
		case name == "QUEUE_DIR":
			line("O QueueDirectory=" + value)
		case name == "confTRUSTED_USERS":
			line("T" + value)
		case name == "confDOMAIN_NAME":
			line("Dj" + value)
		case hostMacros[name] != "" && value != "":
			line("D" + hostMacros[name] + value)
		}
	}
	for _, d := range s.daemons {
		line("O DaemonPortOptions=" + d)
	}
	s.hosts(line)
	s.mailers(line, macros)
	for _, f := range s.filters {
		line(f)
	}
	s.rules(line)
	return b.String()
}

func (s *sketch) hosts(line func(string)) {
	if s.mspHost != "" {
		line("D{MTAHost}" + s.mspHost)
		line("SLocal_localaddr")
		line("R$*\t$: $1 ${MTAHost}")
	}
	if s.nullHost != "" {
		line("DS" + s.nullHost)
		line("DH" + s.nullHost)
	}
}

func (s *sketch) mailers(line func(string), macros map[string]string) {
	path, argv := macros["LOCAL_MAILER_PATH"], macros["LOCAL_MAILER_ARGS"]
	if s.procmail != "" {
		path, argv = s.procmail, "procmail -a $h -d $u"
	}
	if path != "" {
		line("Mlocal, P=" + path + ", F=lsDFMAw5:/|@qPn9S, A=" + or(argv, "mail -d $u"))
	}
	shell, args := macros["LOCAL_SHELL_PATH"], macros["LOCAL_SHELL_ARGS"]
	if s.smrsh != "" {
		shell, args = s.smrsh, "smrsh -c $u"
	}
	if shell != "" {
		line("Mprog, P=" + shell + ", F=lsDFMoqeu9, A=" + or(args, "sh -c $u"))
	}
}

func (s *sketch) rules(line func(string)) {
	if len(s.asked) > 0 {
		line("S0")
	}
	for _, name := range s.asked {
		line("R$* < > $*\t$: $(" + name + " $1 $)")
	}
	if s.bccTo != "" {
		line("Sbcc")
		line("R$*\t$: " + s.bccTo)
	}
	if s.promiscue {
		line("SRelay_ok")
		line("R$*\t$@ RELAY")
	}
}

// confOptions are the options that definitions of the name confX set (cf/README,
// "TWEAKING CONFIGURATION OPTIONS").
func confOptions() map[string]string {
	f := strings.Fields(confNames)
	options := make(map[string]string, len(f)/2)
	for i := 0; i+1 < len(f); i += 2 {
		options[f[i]] = f[i+1]
	}
	return options
}

const confNames = `ALIAS_WAIT AliasWait  ALLOW_BOGUS_HELO AllowBogusHELO  AUTH_MAX_BITS AuthMaxBits  AUTH_MECHANISMS AuthMechanisms  AUTH_OPTIONS AuthOptions
AUTH_REALM AuthRealm  BAD_RCPT_THROTTLE BadRcptThrottle  BIND_OPTS ResolverOptions  BLANK_SUB BlankSub  CACERT CACertFile  CACERT_PATH CACertPath
CERT_FINGERPRINT_ALGORITHM CertFingerprintAlgorithm  CHECKPOINT_INTERVAL CheckpointInterval  CHECK_ALIASES CheckAliases  CIPHER_LIST CipherList
CLIENT_CERT ClientCertFile  CLIENT_KEY ClientKeyFile  CLIENT_SSL_OPTIONS ClientSSLOptions  COLON_OK_IN_ADDR ColonOkInAddr
CONNECTION_RATE_THROTTLE ConnectionRateThrottle  CONNECTION_RATE_WINDOW_SIZE ConnectionRateWindowSize  CONNECT_ONLY_TO ConnectOnlyTo
CONTROL_SOCKET_NAME ControlSocketName  CON_EXPENSIVE HoldExpensive  COPY_ERRORS_TO PostmasterCopy  CRL CRLFile  CRL_PATH CRLPath  DANE DANE
DEAD_LETTER_DROP DeadLetterDrop  DEF_AUTH_INFO DefaultAuthInfo  DEF_CHAR_SET DefaultCharSet  DEF_USER_ID DefaultUser  DELAY_LA DelayLA
DELIVERY_MODE DeliveryMode  DELIVER_BY_MIN DeliverByMin  DF_BUFFER_SIZE DataFileBufferSize  DH_PARAMETERS DHParameters  DIAL_DELAY DialDelay
DIRECT_SUBMISSION_MODIFIERS DirectSubmissionModifiers  DONT_BLAME_SENDMAIL DontBlameSendmail  DONT_EXPAND_CNAMES DontExpandCnames
DONT_INIT_GROUPS DontInitGroups  DONT_PROBE_INTERFACES DontProbeInterfaces  DONT_PRUNE_ROUTES DontPruneRoutes  DOUBLE_BOUNCE_ADDRESS DoubleBounceAddress
EIGHT_BIT_HANDLING EightBitMode  ERROR_MESSAGE ErrorHeader  ERROR_MODE ErrorMode  FALLBACK_MX FallbackMXhost  FALLBACK_SMARTHOST FallbackSmartHost
FAST_SPLIT FastSplit  FORWARD_PATH ForwardPath  FROM_LINE UnixFromLine  HELO_NAME HeloName  HOSTS_FILE HostsFile
HOST_STATUS_DIRECTORY HostStatusDirectory  INPUT_MAIL_FILTERS InputMailFilters  LDAP_DEFAULT_SPEC LDAPDefaultSpec  LOG_LEVEL LogLevel
MAILBOX_DATABASE MailboxDatabase  MATCH_GECOS MatchGECOS  MAX_ALIAS_RECURSION MaxAliasRecursion  MAX_DAEMON_CHILDREN MaxDaemonChildren
MAX_HEADERS_LENGTH MaxHeadersLength  MAX_HOP MaxHopCount  MAX_MESSAGE_SIZE MaxMessageSize  MAX_MIME_HEADER_LENGTH MaxMimeHeaderLength
MAX_NOOP_COMMANDS MaxNOOPCommands  MAX_QUEUE_AGE MaxQueueAge  MAX_QUEUE_CHILDREN MaxQueueChildren  MAX_QUEUE_RUN_SIZE MaxQueueRunSize
MAX_RCPTS_PER_MESSAGE MaxRecipientsPerMessage  MAX_RUNNERS_PER_QUEUE MaxRunnersPerQueue  MCI_CACHE_SIZE ConnectionCacheSize
MCI_CACHE_TIMEOUT ConnectionCacheTimeout  ME_TOO MeToo  MILTER_LOG_LEVEL Milter.LogLevel  MILTER_MACROS_CONNECT Milter.macros.connect
MILTER_MACROS_DATA Milter.macros.data  MILTER_MACROS_ENVFROM Milter.macros.envfrom  MILTER_MACROS_ENVRCPT Milter.macros.envrcpt
MILTER_MACROS_EOH Milter.macros.eoh  MILTER_MACROS_EOM Milter.macros.eom  MILTER_MACROS_HELO Milter.macros.helo  MIN_FREE_BLOCKS MinFreeBlocks
MIN_QUEUE_AGE MinQueueAge  MUST_QUOTE_CHARS MustQuoteChars  NICE_QUEUE_RUN NiceQueueRun  NO_RCPT_ACTION NoRecipientAction  OPERATORS OperatorChars
PID_FILE PidFile  PRIVACY_FLAGS PrivacyOptions  PROCESS_TITLE_PREFIX ProcessTitlePrefix  QUEUE_FACTOR QueueFactor  QUEUE_FILE_MODE QueueFileMode
QUEUE_LA QueueLA  QUEUE_SORT_ORDER QueueSortOrder  RAND_FILE RandFile  REFUSE_LA RefuseLA  REJECT_LOG_INTERVAL RejectLogInterval
REQUIRES_DIR_FSYNC RequiresDirfsync  RRT_IMPLIES_DSN RrtImpliesDsn  RUN_AS_USER RunAsUser  SAFE_FILE_ENV SafeFileEnvironment
SAVE_FROM_LINES SaveFromLine  SEPARATE_PROC ForkEachJob  SERVER_CERT ServerCertFile  SERVER_KEY ServerKeyFile  SERVER_SSL_OPTIONS ServerSSLOptions
SERVICE_SWITCH_FILE ServiceSwitchFile  SEVEN_BIT_INPUT SevenBitInput  SHARED_MEMORY_KEY SharedMemoryKey  SINGLE_LINE_FROM_HEADER SingleLineFromHeader
SINGLE_THREAD_DELIVERY SingleThreadDelivery  SMTP_LOGIN_MSG SmtpGreetingMessage  SOFT_BOUNCE SoftBounce  SSL_ENGINE SSLEngine
SSL_ENGINE_PATH SSLEnginePath  TEMP_FILE_MODE TempFileMode  TIME_ZONE TimeZoneSpec  TLS_FALLBACK_TO_CLEAR TLSFallbacktoClear
TLS_SRV_OPTIONS TLSSrvOptions  TO_ACONNECT Timeout.aconnect  TO_AUTH Timeout.auth  TO_COMMAND Timeout.command  TO_CONNECT Timeout.connect
TO_CONTROL Timeout.control  TO_DATABLOCK Timeout.datablock  TO_DATAFINAL Timeout.datafinal  TO_DATAINIT Timeout.datainit  TO_FILEOPEN Timeout.fileopen
TO_HELO Timeout.helo  TO_HOSTSTATUS Timeout.hoststatus  TO_ICONNECT Timeout.iconnect  TO_IDENT Timeout.ident  TO_INITIAL Timeout.initial
TO_LHLO Timeout.lhlo  TO_MAIL Timeout.mail  TO_MISC Timeout.misc  TO_QUEUERETURN Timeout.queuereturn  TO_QUEUEWARN Timeout.queuewarn
TO_QUEUEWARN_NORMAL Timeout.queuewarn.normal  TO_QUEUEWARN_URGENT Timeout.queuewarn.urgent  TO_QUIT Timeout.quit  TO_RCPT Timeout.rcpt
TO_RESOLVER_RETRANS Timeout.resolver.retrans  TO_RESOLVER_RETRANS_FIRST Timeout.resolver.retrans.first
TO_RESOLVER_RETRANS_NORMAL Timeout.resolver.retrans.normal  TO_RESOLVER_RETRY Timeout.resolver.retry
TO_RESOLVER_RETRY_FIRST Timeout.resolver.retry.first  TO_RESOLVER_RETRY_NORMAL Timeout.resolver.retry.normal  TO_RSET Timeout.rset
TO_STARTTLS Timeout.starttls  TRUSTED_USER TrustedUser  TRY_NULL_MX_LIST TryNullMXList  UNSAFE_GROUP_WRITES UnsafeGroupWrites
USERDB_SPEC UserDatabaseSpec  USE_MSP UseMSP  WORK_CLASS_FACTOR ClassFactor  WORK_TIME_FACTOR RetryFactor  XF_BUFFER_SIZE XScriptFileBufferSize`
