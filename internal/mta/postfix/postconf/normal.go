package postconf

import (
	"strings"

	"waxseal/internal/mapdb"
)

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

// NormalList writes a list in one way, white space inside braces folded.
func NormalList(value, separator string) string {
	items := mapdb.Fields(value)
	for i, item := range items {
		if strings.ContainsAny(item, "{"+Blanks) {
			items[i] = FoldBraces(item)
		}
	}
	return strings.Join(items, separator)
}

// FoldBraces folds white space in "{ a, b = c }", where blanks beside braces and
// commas mean nothing.
func FoldBraces(s string) string {
	var b strings.Builder
	words := strings.Fields(s)
	for i, w := range words {
		if i > 0 && !strings.HasSuffix(words[i-1], "{") && !strings.HasPrefix(w, "}") && !strings.HasPrefix(w, ",") {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	return b.String()
}
