package amavis

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/calls"
	"waxseal/internal/lab"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/snapshot"
)

// asks has amavis' own Amavis::Conf read the files of each case as amavisd does, in a
// process of its own, and prints what the variables are then. A value is written as
// canonical writes it.
const asks = `use strict; use warnings; no warnings 'once';
use Exporter (); use Amavis::Conf;
sub text { my $s = shift; $s =~ s/([^ -~]|["\\])/sprintf('\\x%02x', ord($1))/ge; '"'.$s.'"' }
sub canonical { my $v = shift; my $r = ref $v;
  !defined $v ? '~' : $r eq '' ? text($v) : $r eq 'SCALAR' || $r eq 'REF' ? canonical($$v)
  : $r eq 'ARRAY' ? '[' . join(',', map { canonical($_) } @$v) . ']'
  : $r eq 'HASH' ? '{' . join(',', map { text($_) . ':' . canonical($v->{$_}) } sort keys %$v) . '}' : '&' }
my ($dir, @names) = @ARGV;
$SIG{__WARN__} = sub {};
for my $case (sort { $a <=> $b } map { m{(\d+)$} } glob "$dir/*") {
  defined(my $pid = fork) or die "fork: $!";
  if (!$pid) {
    open STDOUT, '>', "$dir/$case/answer" or die; no strict 'refs';
    delete $Amavis::Conf::policy_bank{''}; $Amavis::Conf::mydomain = '';
    if ($case) { # what this package has no defaults for begins empty
      for my $n (@names[1 .. $#names]) { my ($sigil, $name) = $n =~ /^(.)(.*)/; my $full = "Amavis::Conf::$name";
        $names[0] =~ /\Q$n\E / or $sigil eq '$' ? ($$full = undef) : $sigil eq '@' ? (@$full = ()) : (%$full = ()) } }
    my @files = map { split /\n/, scalar qx(run-parts --list "$_") } grep { -d } "$dir/$case/share", "$dir/$case/etc";
    if (eval { Amavis::Conf::include_config_files(@files); 1 }) {
      for my $n (@names[1 .. $#names]) { my ($sigil, $name) = $n =~ /^(.)(.*)/; my $full = "Amavis::Conf::$name";
        print "$n ", canonical($sigil eq '$' ? $$full : $sigil eq '@' ? \@$full : \%$full), "\n" } }
    else { print "refused $@" }
    close STDOUT; exec '/bin/true';
  }
  waitpid $pid, 0;
}`

// canonical writes a value as asks does: a routine as "&", what is not known as "?".
func canonical(v calls.Value) string {
	switch v.Sort {
	case calls.Undef, "":
		return "~"
	case calls.Routine:
		return "&"
	case calls.Unknown:
		return "?"
	case calls.List:
		var items []string
		for _, item := range v.Items {
			items = append(items, canonical(item))
		}
		return "[" + strings.Join(items, ",") + "]"
	case calls.Hash:
		return canonicalHash(v)
	}
	return canonicalText(v.Text)
}

func canonicalHash(v calls.Value) string {
	pairs := map[string]string{}
	for i := 0; i < len(v.Items); i += 2 {
		value := "~"
		if i+1 < len(v.Items) {
			value = canonical(v.Items[i+1])
		}
		pairs[canonicalText(v.Items[i].Text)] = value
	}
	var list []string
	for k, value := range pairs {
		list = append(list, k+":"+value)
	}
	sort.Strings(list)
	return "{" + strings.Join(list, ",") + "}"
}

func canonicalText(s string) string {
	if number, ok := constants[s]; ok {
		s = number
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			fmt.Fprintf(&b, `\x%02x`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return `"` + b.String() + `"`
}

// asked are the variables that are compared.
var asked = strings.Fields(`$always_bcc $virus_admin $spam_admin $banned_admin $virus_quarantine_to $spam_quarantine_to $archive_quarantine_to $archive_quarantine_method $spam_quarantine_method
	$forward_method $notify_method $requeue_method $inet_socket_port $unix_socketname $final_spam_destiny $final_virus_destiny $MYHOME $TEMPBASE $QUARANTINEDIR $daemon_user $mydomain $myhostname
	$sa_tag2_level_deflt $sa_kill_level_deflt $sa_spam_subject_tag $log_level $max_servers $path $file $unrar $uncompress
	@av_scanners @av_scanners_backup @bypass_virus_checks_maps @bypass_spam_checks_maps @local_domains_acl @local_domains_maps @inet_acl @mynetworks @virus_admin_maps @lookup_sql_dsn @listen_sockets @client_ipaddr_policy @keep_decoded_original_maps
	%policy_bank %interface_policy %always_bcc_by_ccat %final_destiny_maps_by_ccat %local_domains %virus_lovers`)

// hasDefault are the variables that have a value before a file is read, each with a
// blank behind it.
func hasDefault() string {
	r := &reader{Book: mta.NewBook(MTA, snapshot.Files(nil), mask.New([]byte("k")))}
	return strings.Join(slices.Collect(maps.Keys(r.environment().Variables)), " ") + " "
}

// TestParity asks Amavis::Conf of a Debian and this package about the same generated
// configurations, and those that the package brings.
func TestParity(t *testing.T) {
	cases, seed := lab.Cases(t, 300), lab.Seed(t)
	t.Logf("WAXSEAL_PARITY_SEED=%d repeats this run; WAXSEAL_PARITY_CASES sets how many cases it has", seed)
	root := lab.Root(t, lab.Filters)
	g := &generator{rand.New(rand.NewPCG(seed, 1))}
	written := []map[string]string{stock(t, root)}
	for range cases {
		written = append(written, g.configuration())
	}
	for i, files := range written {
		write(t, root, i, files)
	}
	if out, err := lab.Output(t.Context(), root, `perl -e "$1" /parity "$2" `+`'`+strings.Join(asked, `' '`)+`' 2>&1`, asks, hasDefault()); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	compared, unknown, refused := 0, 0, 0
	for i, files := range written {
		answer, err := os.ReadFile(filepath.Join(root, "parity", strconv.Itoa(i), "answer"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(string(answer), "refused") {
			if refused++; refused < 3 || i == 0 {
				t.Logf("case %d: %.300s", i, answer)
			}
			continue
		}
		ours := read(files)
		for line := range strings.Lines(string(answer)) {
			n, theirs, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			value, set := ours[n]
			if !set {
				continue // a default of Amavis::Conf that no file touches
			}
			compared++
			if !value.Known() || strings.Contains(theirs, "(0x") { // an address in memory
				unknown++
				continue
			}
			if mine := canonical(value); mine != theirs {
				t.Errorf("case %d: %s is %s here and %s there\n%s", i, n, mine, theirs, all(files))
				if t.Failed() && i > 40 {
					t.FailNow()
				}
			}
		}
	}
	t.Logf("%d values of %d configurations compared; %d not known here; %d configurations refused", compared, len(written), unknown, refused)
	if compared < 5*cases || unknown*10 > compared || refused*10 > len(written) {
		t.Error("the cases say too little")
	}
}

// read is what this package makes of files in share/ and etc/.
func read(files map[string]string) map[string]calls.Value {
	tree := map[string]string{"/etc/mailname": "mail.example.test\n", "/etc/hostname": "mail\n"}
	for name, text := range files {
		p := strings.Replace(strings.Replace("/"+name, "/share/", string(packaged)+"/", 1), "/etc/", string(debian)+"/", 1)
		tree[p] = text
	}
	r := &reader{Book: mta.NewBook(MTA, snapshot.Files(tree), mask.New([]byte("k"))), options: mta.Options{Package: mta.NoPackages}, read: map[waxseal.Path]bool{}}
	r.env = r.environment()
	for _, p := range r.files() {
		r.file(p)
	}
	values := map[string]calls.Value{}
	for _, a := range r.set {
		values[a.Name] = r.env.Variables[a.Name]
	}
	return values
}

func write(t *testing.T, root string, n int, files map[string]string) {
	t.Helper()
	for name, text := range files {
		p := filepath.Join(root, "parity", strconv.Itoa(n), name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// stock are the files of the package.
func stock(t *testing.T, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for prefix, dir := range map[string]waxseal.Path{"share/": packaged, "etc/": debian} {
		list, err := filepath.Glob(filepath.Join(root, string(dir), "*"))
		if err != nil || len(list) == 0 {
			t.Fatalf("no files in %s: %v", dir, err)
		}
		for _, p := range list {
			text, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			files[prefix+filepath.Base(p)] = string(text)
		}
	}
	delete(files, "etc/05-node_id") // it asks the network for a name
	return files
}

func all(files map[string]string) string {
	text, _ := json.MarshalIndent(files, "", " ")
	return string(text[:min(len(text), 4000)])
}

// generator makes configurations that Perl accepts.
type generator struct{ *rand.Rand }

func (g *generator) pick(list ...string) string { return list[g.IntN(len(list))] }

// configuration is a few files with their names.
func (g *generator) configuration() map[string]string {
	files := map[string]string{}
	for range 1 + g.IntN(3) {
		name := g.pick("share/", "etc/", "etc/") + g.pick("05-a", "10_b", "50-user", "99-z", "50-user.bak", "20.x", "Z", "60-user~")
		var b strings.Builder
		b.WriteString(g.pick("use strict;\n", "", "# a comment\n", "=head1 X\n\n$always_bcc = 'no@example.org';\n\n=cut\n\n"))
		for range 1 + g.IntN(8) {
			b.WriteString(g.statement() + g.pick("\n", " # note; $x = 1\n", "\n\n", " "))
		}
		files[name] = b.String() + "1;\n" + g.pick("", "", "__END__\n$always_bcc = 'never';\n")
	}
	return files
}

func (g *generator) named(sigil string) string {
	var list []string
	for _, n := range asked {
		if n[:1] == sigil {
			list = append(list, n)
		}
	}
	n := g.pick(list...)
	if g.IntN(8) == 0 {
		n = sigil + "Amavis::Conf::" + n[1:]
	}
	if sigil == "$" && g.IntN(12) == 0 {
		n = "${" + n[1:] + "}"
	}
	return n
}

func (g *generator) statement() string {
	switch g.IntN(14) {
	case 0, 1, 2, 3:
		return g.named("$") + g.pick(" = ", "=", "  =\n  ") + g.scalar(0) + ";"
	case 4, 5:
		return g.named("@") + " = " + g.list(0) + ";"
	case 6:
		return g.named("%") + " = " + g.pairs(0) + ";"
	case 7:
		return "$policy_bank{" + g.pick("'A'", "MYNETS", "\"B\"") + "}" + g.pick("", "{always_bcc}", "->{forward_method}", "{'x'}") + " = " + g.pick(g.hash(0), g.hash(0)) + ";"
	case 8:
		return "push(" + strings.Replace(g.named("@"), "Amavis::Conf::", "", 1) + ", " + g.scalar(0) + ", " + g.item(0) + ");"
	case 9:
		return g.named("$") + " = " + g.named("$") + " = " + g.scalar(0) + ";"
	case 10:
		return "(" + g.named("$") + ", " + g.named("$") + ") = (" + g.scalar(0) + ", " + g.scalar(0) + ", 'rest');"
	case 11:
		return "$interface_policy{'" + g.pick("10026", "SOCK") + "'} = " + g.scalar(0) + ";"
	case 12:
		return "unshift " + strings.Replace(g.named("@"), "Amavis::Conf::", "", 1) + ", " + g.item(0) + ";"
	}
	return "chomp($mydomain = `head -n 1 /etc/mailname`);"
}

func (g *generator) scalar(depth int) string {
	if depth > 2 {
		return "'x'"
	}
	switch g.IntN(15) {
	case 0:
		return "'" + g.pick("a@example.test", "it\\'s", "a\\b", "smtp:[127.0.0.1]:10025", "", "0", `a\\`, "#no", "x;y", "$no @no") + "'"
	case 1:
		return `"` + g.pick(`a\@example.test`, "$MYHOME/x", "${MYHOME}y", `\$x`, "a\\tb", `q\"q`, "$mydomain.", "#", "{}", `\x41b`, "-") + `"`
	case 2:
		return g.pick("q{a{b}c}", "qq{$MYHOME}", "q(x(y))", "q#z#", "qq[a\\@b]", "q<w>", "q/x/", "qq'$MYHOME'")
	case 3:
		return g.pick("1", "10024", "2.0", "6.31", "-3.0", "1_000", "0", "100*1024", "1+2*3", "4-1", "7/2", "200*1024*1024")
	case 4:
		return g.pick("D_PASS", "D_DISCARD", "D_BOUNCE", "D_REJECT")
	case 5:
		return "undef"
	case 6:
		return g.scalar(depth+1) + g.pick(".", " . ", " .\n ") + "'" + g.pick("x", "@example.test", "") + "'"
	case 7:
		return `"$MYHOME" . '/y'`
	case 8:
		return "[" + g.items(depth+1) + "]"
	case 9:
		return g.hash(depth + 1)
	case 10:
		return g.pick("qr/a.b/i", "qr'^x$'", "qr{(?:a|b)}", "new_RE([qr'x' => 1], qr/y/)", "sub { 1 }", "\\&D_PASS")
	case 11:
		return g.pick("\\@spam_lovers_acl", "\\%spam_lovers", "\\$spam_lovers_re", "\\'lit'") // a reference to what changes later is not followed
	case 12:
		return g.pick("$MYHOME", "$TEMPBASE", "$daemon_user")
	case 13:
		return "(" + g.scalar(depth+1) + ")"
	}
	return "'" + g.pick("/usr/bin/x", "drop@evil.example.net", "a b") + "'"
}

func (g *generator) item(depth int) string {
	return g.pick(g.scalar(depth), "qw(a b)", "@inet_acl", "(1, 'y')", "'k' => 'v'", "bare => 2")
}

func (g *generator) items(depth int) string {
	var list []string
	for range g.IntN(4) {
		list = append(list, g.item(depth))
	}
	if len(list) == 0 {
		return ""
	}
	return strings.Join(list, g.pick(", ", ",", ",\n  # a comment, 'x'\n  ")) + g.pick("", ",")
}

func (g *generator) list(depth int) string {
	s := g.items(depth)
	return g.pick("("+s+")", "("+s+")", "qw( x y\n z )")
}

func (g *generator) pairs(depth int) string {
	var list []string
	for range g.IntN(4) {
		list = append(list, g.pick("'k'", "key", "\"$MYHOME\"", "'.'", "CC_VIRUS,", "l2")+g.pick(" => ", "=>"))
		if strings.Contains(list[len(list)-1], "CC_VIRUS,") {
			list[len(list)-1] = "CC_VIRUS, "
		}
		list[len(list)-1] += g.scalar(depth + 1)
	}
	return "(" + strings.Join(list, ", ") + ")"
}

func (g *generator) hash(depth int) string {
	s := g.pairs(depth)
	return "{" + s[1:len(s)-1] + "}"
}
