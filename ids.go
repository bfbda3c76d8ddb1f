package waxseal

// Identities are typed strings so that a path can never be passed where a hook
// is meant.
type (
	// HostID names one host, as its own /etc/hostname or kernel gives it.
	HostID string

	// Path is absolute inside a [Tree], slash-separated and cleaned:
	// "/etc/postfix/main.cf", whatever directory the tree itself lies in.
	Path string

	// HookID names the place of a hook (stack, file, parameter, position or key),
	// never its target, so that a changed target is a changed hook:
	// "postfix:/etc/postfix/main.cf:smtpd_milters:1".
	HookID string

	// RuleID names one rule of judgement, such as "mail-milter-foreign".
	RuleID string

	// FindingID names one finding of one ledger: "F12" rests on ledger entry 12.
	FindingID string

	// SuppressionID names one suppression of one ledger: "S12" was added by entry 12.
	SuppressionID string

	// TechniqueID is an ATT&CK technique, such as "T1505.002".
	TechniqueID string

	// AttackID is the ID that people know of any object of ATT&CK: a technique's, or
	// "AN0473", "DET0166", "M1047".
	AttackID string

	// Digest is a lower-case hexadecimal SHA-256.
	Digest string

	// StackName is the kind of a mail system: "postfix", "exim".
	StackName string

	// SensorName names the source of an observation: "fanotify", "kaudit".
	SensorName string
)

// HostStack is the stack of what belongs to no mail system and decides what runs
// in every one: systemd, cron, the dynamic loader, the log.
const HostStack StackName = "host"

// Index is the position of an entry in the ledger, from 0.
type Index int64

// NoIndex marks a value that is not recorded in a ledger.
const NoIndex Index = -1
