package milterconf

// The options of ClamAV's programs, one a line: name, type, and, where there are
// any, "multiple", "deprecated", and the default. A type with bars is a choice of
// words. Facts from common/optparser.c of ClamAV 1.4; TestClamAVParity asks
// clamconf(1).
const (
	clamdOptions = `AlertExceedsMax bool
CacheSize number 65536
PreludeEnable bool
PreludeAnalyzerName string
LogFile string
LogFileUnlock bool
LogFileMaxSize size 1048576
LogTime bool
LogClean bool
LogSyslog bool
LogFacility string LOG_LOCAL6
LogVerbose bool
LogRotate bool
ExtendedDetectionInfo bool
PidFile string
TemporaryDirectory string
DatabaseDirectory string /var/lib/clamav
OfficialDatabaseOnly bool
FailIfCvdOlderThan number
LocalSocket string
LocalSocketGroup string
LocalSocketMode string
FixStaleSocket bool yes
TCPSocket number
TCPAddr string multiple
MaxConnectionQueueLength number 200
StreamMaxLength size 104857600
StreamMinPort number 1024
StreamMaxPort number 2048
MaxThreads number 10
ReadTimeout number 120
CommandReadTimeout number 30
SendBufTimeout number 500
MaxQueue number 100
IdleTimeout number 30
ExcludePath string multiple
MaxDirectoryRecursion number 15
FollowDirectorySymlinks bool
FollowFileSymlinks bool
CrossFilesystems bool yes
SelfCheck number 600
ConcurrentDatabaseReload bool yes
DisableCache bool
VirusEvent string
ExitOnOOM bool
AllowAllMatchScan bool yes
Foreground bool
Debug bool
LeaveTemporaryFiles bool
GenerateMetadataJson bool
User string
Bytecode bool yes
BytecodeSecurity TrustSigned|Paranoid TrustSigned
BytecodeTimeout number 10000
BytecodeUnsigned bool
BytecodeMode Auto|ForceJIT|ForceInterpreter|Test Auto
DetectPUA bool
ExcludePUA string multiple
IncludePUA string multiple
ScanPE bool yes
ScanELF bool yes
ScanMail bool yes
ScanPartialMessages bool
PhishingSignatures bool yes
PhishingScanURLs bool yes
HeuristicAlerts bool yes
HeuristicScanPrecedence bool
StructuredDataDetection bool
StructuredMinCreditCardCount number 3
StructuredMinSSNCount number 3
StructuredSSNFormatNormal bool yes
StructuredSSNFormatStripped bool
ScanHTML bool yes
ScanOLE2 bool yes
AlertBrokenExecutables bool
AlertBrokenMedia bool
AlertEncrypted bool
StructuredCCOnly bool
AlertEncryptedArchive bool
AlertEncryptedDoc bool
AlertOLE2Macros bool
AlertPhishingSSLMismatch bool
AlertPhishingCloak bool
AlertPartitionIntersection bool
ScanPDF bool yes
ScanSWF bool yes
ScanXMLDOCS bool yes
ScanHWP3 bool yes
ScanOneNote bool yes
ScanArchive bool yes
ScanImage bool yes
ScanImageFuzzyHash bool yes
ForceToDisk bool
MaxScanTime number
MaxScanSize size 419430400
MaxFileSize size 104857600
MaxRecursion number 17
MaxFiles number 10000
MaxEmbeddedPE size 41943040
MaxHTMLNormalize size 41943040
MaxHTMLNoTags size 8388608
MaxScriptNormalize size 20971520
MaxZipTypeRcg size 1048576
MaxPartitions number 50
MaxIconsPE number 100
MaxRecHWP3 number 16
PCREMatchLimit number 100000
PCRERecMatchLimit number 2000
PCREMaxFileSize size 104857600
OnAccessMountPath string multiple
OnAccessIncludePath string multiple
OnAccessExcludePath string multiple
OnAccessExcludeRootUID bool
OnAccessExcludeUID number multiple
OnAccessExcludeUname string multiple
OnAccessMaxFileSize size 5242880
OnAccessDisableDDD bool
OnAccessPrevention bool
OnAccessExtraScanning bool
OnAccessCurlTimeout number 5000
OnAccessMaxThreads number 5
OnAccessRetryAttempts number
OnAccessDenyOnError bool
DevACOnly bool
DevACDepth number
DevPerformance bool
DevLiblog bool
DisableCertCheck bool
DetectBrokenExecutables bool deprecated
AlgorithmicDetection bool yes
BlockMax bool
PhishingAlwaysBlockSSLMismatch bool
PhishingAlwaysBlockCloak bool
PartitionIntersection bool
OLE2BlockMacros bool
ArchiveBlockEncrypted bool
MailMaxRecursion number deprecated
ArchiveMaxScanSize size deprecated
ArchiveMaxRecursion number deprecated
ArchiveMaxFiles number deprecated
ArchiveMaxCompressionRatio number deprecated
ArchiveBlockMax bool deprecated
ArchiveLimitMemoryUsage bool deprecated
MailFollowURLs bool deprecated
AllowSupplementaryGroups bool deprecated
ScanOnAccess bool deprecated`

	milterOptions = `LogFile string
LogFileUnlock bool
LogFileMaxSize size 1048576
LogTime bool
LogSyslog bool
LogFacility string LOG_LOCAL6
LogVerbose bool
LogRotate bool
PidFile string
TemporaryDirectory string
FixStaleSocket bool yes
MaxThreads number 10
ReadTimeout number 120
Foreground bool
User string
MaxFileSize size 104857600
AllowSupplementaryGroups bool deprecated
ClamdSocket string multiple
MilterSocket string
MilterSocketGroup string
MilterSocketMode string
LocalNet string multiple
OnClean Accept|Reject|Defer|Blackhole|Quarantine Accept
OnInfected Accept|Reject|Defer|Blackhole|Quarantine Quarantine
OnFail Accept|Reject|Defer Defer
RejectMsg string
AddHeader No|Replace|Yes|Add no
ReportHostname string
VirusAction string
Chroot string
AllowList string
Whitelist string
SkipAuthenticated string
LogInfected string
LogClean string
SupportMultipleRecipients bool
ArchiveBlockEncrypted bool deprecated
DatabaseDirectory string deprecated
Debug bool deprecated
DetectBrokenExecutables bool deprecated
LeaveTemporaryFiles bool deprecated
LocalSocket string deprecated
MailFollowURLs bool deprecated
MaxScanSize size deprecated
MaxFiles number deprecated
MaxRecursion number deprecated
PhishingSignatures bool deprecated
ScanArchive bool deprecated
ScanHTML bool deprecated
ScanMail bool deprecated
ScanOLE2 bool deprecated
ScanPE bool deprecated
StreamMaxLength size deprecated
TCPAddr string deprecated
TCPSocket number deprecated`

	freshclamOptions = `LogFileMaxSize size 1048576
LogTime bool
LogSyslog bool
LogFacility string LOG_LOCAL6
LogVerbose bool
LogRotate bool
PidFile string
DatabaseDirectory string /var/lib/clamav
Foreground bool
Debug bool
UpdateLogFile string
DatabaseOwner string clamav
Checks number 12
DNSDatabaseInfo string current.cvd.clamav.net
DatabaseMirror string multiple
PrivateMirror string multiple
MaxAttempts number 3
ScriptedUpdates bool yes
TestDatabases bool yes
CompressLocalDatabase bool
ExtraDatabase string multiple
ExcludeDatabase string multiple
DatabaseCustomURL string multiple
HTTPProxyServer string
HTTPProxyPort number
HTTPProxyUsername string
HTTPProxyPassword string
HTTPUserAgent string
NotifyClamd string /etc/clamav/clamd.conf
OnUpdateExecute string
OnErrorExecute string
OnOutdatedExecute string
LocalIPAddress string
ConnectTimeout number 30
ReceiveTimeout number 60
Bytecode bool yes
SafeBrowsing bool deprecated
AllowSupplementaryGroups bool deprecated`
)
