package eximconf

import (
	"fmt"
	"slices"
	"strings"
)

// unfit are options whose value must be of a sort that is not generated, or that
// exclude others.
var unfit = []string{
	"driver", "exim_version", "public_name", "transport", "user", "group", "local_from_check", "syslog_processname", "local_sender_retain", "spool_directory", "log_file_path", "primary_hostname",
	"system_filter_user", "system_filter_group", "exim_user", "exim_group", "timezone", "perl_startup", "perl_at_start", "mua_wrapper", "localhost_number", "data", "file", "command", "command_user", "hosts",
	"route_list", "route_data", "port", "socket", "keep_environment", "add_environment", "log_selector", "gecos_pattern", "syslog_facility", "exim_path", "pid_file_path", "daemon_smtp_port", "disable_fsync",
	"host_lookup_order", "self", "host_find_failed", "host_all_ignored", "protocol", "headers_rewrite", "shadow_transport", "pass_router", "redirect_router", "uucp_from_pattern", "openssl_options",
	"dns_check_names_pattern", "maildirfolder_create_regex", "maildir_quota_directory_regex", "quota_size_regex", "qualify_domain", "qualify_recipient", "directory", "create_file", "temp_errors", "never_users", "trusted_users",
	"trusted_groups", "admin_groups", "owners", "owngroups", "command_group", "file_format", "quota", "file_optional", "dkim_verify_hashes", "max_parallel", "batch_id", "batch_max", "retry_interval_max", "remote_max_parallel",
	"local_interfaces", "recipients_max", "message_suffix", "message_prefix", "allow_commands", "headers_only", "body_only", "use_bsmtp", "mailstore_format", "maildir_format", "mbx_format", "use_fcntl_lock", "use_flock_lock",
	"use_lockfile", "use_mbx_lock", "hosts_override", "use_shell", "restrict_to_path", "bounce_return_linesize_limit", "optional", "protocol", "force_command", "check_string", "escape_string", "quota_warn_threshold", "quota_filecount",
	"mailbox_size", "mailbox_filecount", "allow_defer", "one_time", "verify", "uucp_from_sender", "print_topbitchars", "dns_cname_loops", "current_directory", "home_directory", "log_output", "return_output", "log_defer_output",
	"log_fail_output", "return_fail_output", "transport_home_directory", "router_home_directory", "caseful_local_part", "check_local_user", "notifier_socket", "check_spool_space", "check_log_space", "dns_use_edns0", "acl_smtp_dkim",
	"dkim_verify_minimal", "ldap_version", "allow_utf8_domains", "tls_require_ciphers", "debug_store", "hosts_require_alpn", "queue_only_load", "max_username_length", "bounce_return_size_limit", "header_maxsize", "received_headers_max",
	"extract_addresses_remove_arguments", "message_body_visible", "condition", "set", "headers_add", "headers_remove", "dnssec_request_domains", "errors_reply_to", "tls_dh_max_bits", "dns_ipv4_lookup", "dns_trust_aa", "dns_again_means_nonexist", "smtp_ratelimit_hosts", "lock_flock_timeout", "lock_fcntl_timeout", "lock_retries", "lock_interval", "allow_filter", "smtp_ratelimit_mail", "smtp_ratelimit_rcpt", "timeout", "quota_directory", "maildir_tag", "maildir_use_size_file",
}

// options lists those of a class that can be set to anything; of release 4.96,
// whose defaults are known.
func options(class string) []optionKey {
	var keys []optionKey
	for key, row := range optionTable() {
		if key.class == class && !row.hasNone && !slices.Contains(unfit, key.name) && !strings.HasSuffix(key.name, "timeout") {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b optionKey) int { return strings.Compare(a.name, b.name) })
	return keys
}

// some picks options and writes them.
func (g *generator) some(b *strings.Builder, class string, n int, used map[string]bool) {
	keys := options(class)
	for range n {
		key := keys[g.IntN(len(keys))]
		if used[key.name] {
			continue
		}
		used[key.name] = true
		g.wrapped(b, func(b *strings.Builder) { b.WriteString(g.broken(g.setting(key.name, optionTable()[key].kind))) })
	}
}

var usedMain map[string]bool

func (g *generator) mainLine(b *strings.Builder) {
	switch g.IntN(5) {
	case 0, 1:
		g.define(b)
	case 2:
		g.includes++
		fmt.Fprintf(b, "%s%s l%d = %s\n", g.pick("", "hide "), g.pick(listKinds...), g.includes, g.pick("a : b", "<; a ; b", "*", "\"quoted : list\"", "@ : x.example", ""))
	default:
		g.some(b, "main", 1, usedMain)
	}
}

func (g *generator) acls(b *strings.Builder) {
	b.WriteString(g.pick("begin acl\n", "Begin ACLs\n"))
	for i := range 1 + g.IntN(3) {
		g.define(b)
		fmt.Fprintf(b, "acl%d:\n", i)
		for range 1 + g.IntN(4) {
			g.wrapped(b, g.statement)
		}
	}
}

func (g *generator) statement(b *strings.Builder) {
	b.WriteString("  " + g.pick("accept", "warn", "warn", "defer"))
	b.WriteString(g.pick("\n    ", "  "))
	b.WriteString(g.pick("condition = "+g.text(), "set acl_m_x = "+g.text(), "set acl_c0="+g.text(), "!hosts = 192.0.2.0/24", "message = "+g.text(), "logwrite = :main: x", "domains = +l : x", "control = dkim_disable_verify", "verify = recipient") + "\n")
}

func (g *generator) driverSection(b *strings.Builder, section string, write func(*strings.Builder, string)) {
	b.WriteString("begin " + section + "\n")
	for i := range 1 + g.IntN(4) {
		g.define(b)
		write(b, fmt.Sprintf("%s%d", section[:1], i))
	}
	if section == "transports" {
		b.WriteString("end_t:\n  driver = smtp\n")
	}
}

func (g *generator) router(b *strings.Builder, name string) {
	fmt.Fprintf(b, "%s:\n", name)
	kind := g.pick("accept", "redirect", "dnslookup", "manualroute", "queryprogram")
	fmt.Fprintf(b, "  driver = %s\n", kind)
	switch kind {
	case "redirect":
		b.WriteString(g.pick("  data = x@y\n", "  file = /x/$local_part_data\n", "  data = :fail: none\n  allow_fail\n"))
		g.some(b, "router/redirect", g.IntN(4), map[string]bool{"allow_fail": true})
	case "manualroute":
		b.WriteString("  route_list = * h.example\n  transport = end_t\n")
	case "queryprogram":
		b.WriteString("  command = /bin/true\n  command_user = mail\n")
	default:
		b.WriteString("  transport = end_t\n")
	}
	for range g.IntN(3) {
		b.WriteString(g.broken(g.pick("condition = ${if eq{a}{b}}", "condition = yes", "headers_add = X: 1", "headers_add = \"X: a\\nY: b\"", "headers_remove = A : B", "headers_remove = <; C ; D:E", "set = r_a = b")))
	}
	g.some(b, "router", g.IntN(5), map[string]bool{})
}

func (g *generator) transport(b *strings.Builder, name string) {
	kind := g.pick("appendfile", "pipe", "smtp", "autoreply", "lmtp")
	fmt.Fprintf(b, "%s:\n  driver = %s\n", name, kind)
	switch kind {
	case "appendfile":
		b.WriteString(g.pick("  file = /var/mail/$local_part_data\n", "  directory = $home/Maildir\n  maildir_format\n"))
	case "pipe":
		b.WriteString("  command = /bin/cat\n")
	case "lmtp":
		b.WriteString("  socket = /run/x\n")
	}
	for range g.IntN(3) {
		b.WriteString(g.broken(g.pick("headers_add = X: 1", "headers_remove = A : B")))
	}
	g.some(b, "transport", g.IntN(4), map[string]bool{})
	g.some(b, "transport/"+kind, g.IntN(5), map[string]bool{})
}
