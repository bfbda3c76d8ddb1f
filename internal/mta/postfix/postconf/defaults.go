package postconf

import (
	_ "embed"
	"strings"
)

//go:embed defaults.txt
var defaultsText string

// unknownDefault stands for the default of a parameter that the embedded release
// does not have: no value equals it.
const unknownDefault = "\x00"

// BuiltIn are the defaults of the one release known.
func BuiltIn() map[string]string { return parseDefaults(defaultsText) }

func parseDefaults(text string) map[string]string {
	defaults := map[string]string{}
	for _, line := range strings.Split(text, "\n") {
		switch name, value, ok := strings.Cut(line, " ="); {
		case line == "" || line[0] == '#':
		case !ok:
			defaults[line] = unknownDefault
		default:
			defaults[name] = strings.TrimSpace(value)
		}
	}
	return defaults
}

// LateExpanded reports whether a parameter is kept as written when main.cf is
// read: a daemon expands it for each message, with names of its own such as
// $user and $recipient (CONFIG_RAW_TABLE in the Postfix source).
func LateExpanded(name string) bool { return rawParameters[name] }

var rawParameters = map[string]bool{
	"command_execution_directory": true, "command_expansion_filter": true, "default_rbl_reply": true,
	"execution_directory_expansion_filter": true, "forward_expansion_filter": true, "forward_path": true,
	"luser_relay": true, "mailbox_command": true, "postscreen_expansion_filter": true,
	"postscreen_reject_footer": true, "smtpd_expansion_filter": true, "smtpd_reject_footer": true,
}

// freeText are parameters whose value is text or a command, not a list: there a
// comma is a comma.
var freeText = map[string]bool{
	"smtpd_banner": true, "lmtpd_banner": true, "postscreen_greet_banner": true, "mailbox_command": true,
	"debugger_command": true, "default_rbl_reply": true, "smtpd_reject_footer": true, "postscreen_reject_footer": true,
	"maillog_file_compressor": true, "maillog_file_rotate_suffix": true, "multi_instance_wrapper": true,
	"smtpd_policy_service_default_action": true, "unverified_recipient_reject_reason": true,
	"unverified_sender_reject_reason": true, "undisclosed_recipients_header": true, "mail_name": true,
	"command_expansion_filter": true, "forward_expansion_filter": true, "smtpd_expansion_filter": true,
	"postscreen_expansion_filter": true, "execution_directory_expansion_filter": true,
	"local_command_shell": true, "smtp_bind_address": true, "syslog_name": true, "luser_relay": true,
	"milter_macro_v": true, "home_mailbox": true, "command_execution_directory": true,
}

// Normal brings a value to the form in which two equal settings are equal text:
// white space folded and, in lists, commas and blanks the same.
func Normal(name, value string) string {
	if freeText[name] {
		return strings.Join(strings.Fields(value), " ")
	}
	if strings.HasSuffix(name, "_restrictions") {
		return NormalList(value, " ")
	}
	return NormalList(value, ", ")
}
