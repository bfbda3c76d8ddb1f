package postconf

import (
	"strings"
	"testing"
)

// line is the first line of what is printed that starts with a text.
func line(text, start string) string {
	for l := range strings.Lines(text) {
		if strings.HasPrefix(l, start) {
			return strings.TrimSuffix(l, "\n")
		}
	}
	return ""
}

// printed is a configuration and a line that postconf(1) 3.7.11 of Debian 12
// prints for it.
type printed struct {
	name, main, master string
	print              func(*Config) (string, error)
	start, want        string
}

// printedCases are what the parity test found to differ, or what is easily got
// wrong. The parity test asks the real one about them too.
func printedCases() []printed {
	settings := func(c *Config) (string, error) { return c.Settings(AsWritten) }
	inFull := func(c *Config) (string, error) { return c.Settings(InFull) }
	overrides := func(c *Config) (string, error) { return c.Overrides(AsWritten) }
	overridesInFull := func(c *Config) (string, error) { return c.Overrides(InFull) }
	services := func(c *Config) (string, error) { return c.Services(AsWritten) }
	fields := func(c *Config) (string, error) { return c.Fields(AsWritten) }
	defaults := func(c *Config) (string, error) { return c.Defaults(InFull) }
	return []printed{
		{"white space is folded", "smtpd_banner = a \t b\n   c\n", "", settings, "smtpd_banner", "smtpd_banner = a b c"},
		{"a name nobody uses", "foo = bar\n", "", settings, "foo", ""},
		{"a name that an unused one uses", "foo = $baz\nbaz = 1\n", "", settings, "baz", "baz = 1"},
		{"a name that only master.cf uses", "foo = bar\n", "x inet n - n - - smtpd -o mynetworks=$foo\n", settings, "foo", "foo = bar"},
		{"a restriction class", "smtpd_restriction_classes = c\nc = permit\n", "", settings, "c ", "c = permit"},
		{"a table's own parameters", "alias_maps = proxy:ldap:l\nl_server_host = h\nl_nonsense = h\n", "", settings, "l_", "l_server_host = h"},
		{"an old name", "virtual_maps = hash:/x\n", "", settings, "virtual_maps", "virtual_maps = hash:/x"},
		{"what each program sets itself", "process_name = x\nalways_bcc = $process_name\n", "", inFull, "always_bcc", "always_bcc = postconf"},
		{"a service's own parameters", "p_time_limit = 5\nq_time_limit = 5\n", "p unix - n n - - pipe\n", settings, "", "p_time_limit = 5"},
		{"a program that has none", "p_time_limit = 5\n", "p unix - n n - - smtp\n", settings, "", ""},
		{"late expansion", "luser_relay = $user@$mydomain\n", "", inFull, "luser_relay", "luser_relay = $user@$mydomain"},
		{"not late any more", "command_expansion_filter = $mydomain\n", "", inFull, "command_expansion", "command_expansion_filter = example.test"},
		{"an own name", "myhostname = a.b.c\nalways_bcc = x@$mydomain\n", "", inFull, "always_bcc", "always_bcc = x@b.c"},
		{"an own name from the domain", "myhostname = a.$mydomain\nalways_bcc = x@$mydomain\n", "", inFull, "always_bcc", "always_bcc = x@"},
		{"first argument without braces", "", "p unix - n n - - pipe {a b} {c d}\n", services, "p", "p          unix  -       n       n       -       -       pipe a b {c d}"},
		{"an option in one word", "", "p unix - n n - - smtp -oname=foo\n", services, "p", "p          unix  -       n       n       -       -       smtp -o name=f -o -o"},
		{"options in one word", "", "p unix - n n - - smtp -vo a=b\n", services, "p", "p          unix  -       n       n       -       -       smtp -v -o a=b"},
		{"braces", "", "p unix - n n - - smtp -o { a = b c }\n", fields, "p/unix/command", "p/unix/command = smtp -o {a=b c}"},
		{"the name of a field", "", "p unix - n n - - smtp\n", fields, "p/unix/unpriv", "p/unix/unprivileged = n"},
		{"two lines for one service", "", "p unix - n n - - smtp -o a=1\np unix - n n - - smtp -o a=2 -o b=3\n", overrides, "", "p/unix/a = 2"},
		{"the first of two without options", "", "p unix - n n - - smtp\nq unix - n n - - smtp -o c=1\np unix - n n - - smtp -o a=2\n", overrides, "", "q/unix/c = 1"},
		{"a service's own name", "", "p unix - n n - - x/smtp -o a=$service_name/$process_name\n", overridesInFull, "", "p/unix/a = p/smtp"},
		{"an override does not name the host", "", "p unix - n n - - smtp -o mydomain=x.y -o a=$mydomain/$myhostname\n", overridesInFull, "", "p/unix/a = x.y/mail.example.test"},
		{"a default that depends on the level", "compatibility_level = 3.6\n", "", defaults, "append_dot", "append_dot_mydomain = yes"},
	}
}

func TestPrinted(t *testing.T) {
	for _, tc := range printedCases() {
		t.Run(tc.name, func(t *testing.T) {
			text, err := tc.print(config(tc.main, tc.master))
			if err != nil {
				t.Fatal(err)
			}
			if got := line(text, tc.start); got != tc.want {
				t.Errorf("got %q, want %q in\n%s", got, tc.want, text)
			}
		})
	}
}

// refusedCases are configurations that postconf(1) 3.7.11 gives up on.
func refusedCases() []printed {
	settings := func(c *Config) (string, error) { return c.Settings(AsWritten) }
	services := func(c *Config) (string, error) { return c.Services(AsWritten) }
	defaults := func(c *Config) (string, error) { return c.Defaults(AsWritten) }
	return []printed{
		{"no value", "a\n", "", settings, "", ""},
		{"a null byte", "\x00\n", "", settings, "", ""},
		{"too few fields", "", "p unix\n", services, "", ""},
		{"no such type", "", "p fax n n n - - smtp\n", defaults, "", ""},
		{"a table's list with an error", "alias_maps = ${\n", "", settings, "", ""},
		{"the level, for the default of mynetworks", "compatibility_level = 3.6.1.2\n", "", settings, "", ""},
		{"the host's name, for the default of mydomain", "myhostname = ${\n", "", settings, "", ""},
		{"a loop", "always_bcc = $a\na = $always_bcc\n", "", settings, "", ""},
	}
}

func TestRefused(t *testing.T) {
	for _, tc := range refusedCases() {
		t.Run(tc.name, func(t *testing.T) {
			if text, err := tc.print(config(tc.main, tc.master)); err == nil {
				t.Errorf("printed:\n%s", text)
			}
		})
	}
	if _, err := config("foo = ${\nmynetworks = 1\n", "").Settings(InFull); err != nil {
		t.Errorf("an unused name with an error: %v", err)
	}
}
