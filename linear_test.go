package waxseal_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/archive"
	"waxseal/internal/drift"
	"waxseal/internal/filter/dovecot"
	"waxseal/internal/filter/fetch"
	"waxseal/internal/filter/lists"
	"waxseal/internal/filter/mailman"
	"waxseal/internal/filter/milters"
	"waxseal/internal/filter/policy"
	"waxseal/internal/filter/rspamd"
	"waxseal/internal/filter/rspamd/ucl"
	"waxseal/internal/filter/spamassassin"
	"waxseal/internal/host"
	"waxseal/internal/loader"
	"waxseal/internal/mailbox/aliases"
	"waxseal/internal/mailbox/eximfilter"
	"waxseal/internal/mailbox/sieve"
	"waxseal/internal/mailpath"
	"waxseal/internal/mapdb"
	"waxseal/internal/mask"
	"waxseal/internal/mountinfo"
	"waxseal/internal/mta"
	"waxseal/internal/mta/opensmtpd"
	"waxseal/internal/mta/postfix"
	"waxseal/internal/mta/sendmail"
	"waxseal/internal/pkgdb/dpkg"
	"waxseal/internal/snapshot"
	"waxseal/internal/surroundings"
	"waxseal/internal/testtime"
)

// hostile are the pieces that make a hostile text; %d counts.
var hostile = map[string]string{
	"one line": "x", "empty lines": "\n", "blanks": " ", "continued": "a\n ", "comments": "#\n", "pairs": "k%d v%d\n", "quotes": "\"", "quoted lines": "\"a\n",
	"backslashes": "\\", "joined": "a\\\n", "braces": "{", "parentheses": "(", "brackets": "[", "commas": "a,", "colons": "a:b\n", "aliases": "k%d: a%d\n",
	"pipes": "|\"a\",", "includes": ":include:/etc/list%d,", "rules": "/a%d/ x\n", "conditions": "if /a/\n", "ends": "endif\n", "negations": "!", "references": "$a",
	"open references": "${a?{", "nothing": "\x00", "addresses": "@a%d.example x\n", "networks": "10.%d.0.0/16 x\n", "paths": "/aa/bb%d\n", "equal": "k v\n",
	"assignments": "a%d=$a\n", "options": " -o a=b", "services": "s%d inet n - n - - smtpd\n", "overrides": "smtp/inet/a%d=b\n", "sections": "[Service]\nExecStart=/a\n",
	"packages": "Package: p%d\nStatus: install ok installed\nVersion: 1\n\n", "imports": "import a%d, b\n", "sources": ". /aa/b%d.sh\n", "secrets": "password%d = x\n",
	"keys": "-----BEGIN PRIVATE KEY-----\n", "mounts": "3%d 22 0:40 / /etc/%d/x rw - tmpfs t rw\n", "folds": ":msg, contains, \"", "ifs": "if $a then {\n",
	"filter": "if a is b%d then finish elif c is d then save \"x\" 0600 else mail to e endif\n", "tests": "if exists \"a%d\" {keep;} elsif anyof (true, false) {stop;} else {redirect \"a@b.example\";}\n",
	"postfwd rules": "id=R%d; sender=file:/etc/postfix/list; action=rate(client_address/5/60/450 x)\n", "macros of postfwd": "&&M%d { a=b; };\n&&M2; action=dunno\n", "references of postfwd": "&&M2;", "lists of yaml": "a%d:\n  - b\n", "options of services": " --inet=%d -f /x $A",
	"set": "set \"v\" \"${v}${v}%d\"; redirect \"${v}${hex:40}\";", "commands": "keep;", "finish": "finish ", "dovecot": "plugin {\n  sieve_before%d = /a/b\n}\n", "protocols": "protocol p%d {\n", "plugins": "mail_plugins = $mail_plugins p%d\n", "listeners": "service s%d {\n executable = script /a/b\n unix_listener x%d {\n}\n}\n",
	"tests of mail": "body R%d /x/\nscore R%d -99\nwelcomelist_from a%d@b\n", "plug-ins": "loadplugin A%d a.pm\nifplugin A%d\n", "lookups": "header R%d eval:check_rbl('a', 'b%d.')\n", "conditions of SpamAssassin": "if (version > %d) && !plugin(A)\nendif\n",
	"networks of clients": "remote 10.0.%d.0/24 {\n mail_plugins = a\n}\n", "fields": "passdb {\n driver = static\n args = host=h%d\n}\n", "UCL": "a%d \"b\" { c = [1, \"x%d\"];\n", "UCL macros": ".include(try=true) \"/x%d\"\n", "UCL values": "a { b = 1 } a = 2k\n", "UCL keys": "a b ", "elsif": "if exists \"a\" {} elsif exists \"b\" {keep;} ",
}

// shape makes a text of about n bytes.
func shape(piece string, n int) string {
	if !strings.Contains(piece, "%d") {
		return strings.Repeat(piece, n/len(piece))
	}
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprint(&b, strings.ReplaceAll(piece, "%d", fmt.Sprint(i)))
	}
	return b.String()
}

// files is a tree with a mail server whose files are given.
func files(changed map[string]string) waxseal.Tree {
	all := map[string]string{
		"/etc/passwd": "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n", "/etc/aliases": "a: b\n",
		"/etc/postfix/main.cf": "mydestination = localhost\nalias_maps = hash:/etc/aliases\nvirtual_alias_domains = /etc/domains\nvirtual_alias_maps = hash:/etc/t, pcre:/etc/p, regexp:/etc/p, cidr:/etc/c\n" +
			"header_checks = pcre:/etc/p\nsmtpd_client_restrictions = check_client_access cidr:/etc/c, check_client_access hash:/etc/t\ntransport_maps = hash:/etc/t\nmynetworks = /etc/networks.list\ncontent_filter = f:\n",
		"/etc/postfix/master.cf": "smtp inet n - n - - smtpd\nf unix - n n - - pipe user=mail argv=/usr/local/bin/f\nlocal unix - n n - - local\ncleanup unix n - n - 0 cleanup\n",
	}
	for name, text := range changed {
		all[name] = text
	}
	return snapshot.Files(all)
}

var readers = map[string]func(text string){
	"key and value": func(text string) { mapdb.ParseSource(mapdb.KeyValue, text) },
	"regexp":        func(text string) { mapdb.ParseSource(mapdb.Regexp, text) },
	"pcre":          func(text string) { mapdb.ParseSource(mapdb.PCRE, text) },
	"networks":      func(text string) { mapdb.ParseSource(mapdb.Networks, text) },
	"server":        func(text string) { mapdb.ParseServer("mysql", text) },
	"alias file":    func(text string) { aliases.Parse(text) },
	"forward":       func(text string) { aliases.ParseList(text); aliases.ParseValue(text, 1) },
	"exim filter": func(text string) {
		for _, c := range eximfilter.Parse("if a is b then\n"+text, eximfilter.Rights{System: true}).Commands {
			c.When()
		}
	},
	"sieve": func(text string) {
		for _, a := range sieve.Parse("require [\"variables\", \"encoded-character\"];"+text, sieve.Options{MaxSize: len(text) + 100}).Actions {
			a.When()
		}
	},
	"dovecot.conf":        func(text string) { readDovecot("", text) },
	"dovecot.conf of 2.4": func(text string) { readDovecot("dovecot_config_version = 2.4.0\n", text) },
	"program":             func(text string) { loader.Parse([]byte("\x7fELF\x02\x01" + text)) },
	"mountinfo": func(text string) {
		m, _ := mountinfo.Parse([]byte(text))
		mountinfo.Inside(m, "/etc")
		mountinfo.At(m, "/etc/x")
	},
	"local.cf": func(text string) {
		readStack(spamassassin.Read, "/etc/spamassassin/local.cf", text, "/usr/share/spamassassin/x.cf", text, "/home/alice/.spamassassin/user_prefs", text, "/etc/default/spamass-milter", text, "/etc/exim4/sa-exim.conf", text)
	},
	"masked":    func(text string) { mask.New(nil).Text(waxseal.RoleConfig, text) },
	"main.cf":   func(text string) { readPostfix("/etc/postfix/main.cf", text) },
	"master.cf": func(text string) { readPostfix("/etc/postfix/master.cf", text) },
	"patterns":  func(text string) { readPostfix("/etc/p", text) },
	"cidr":      func(text string) { readPostfix("/etc/c", text) },
	"milters": func(text string) {
		readStack(milters.Read, "/etc/opendkim.conf", text, "/etc/opendmarc.conf", text, "/etc/default/opendmarc", text, "/etc/clamav/clamav-milter.conf", text, "/etc/mail/greylist.conf", text,
			"/etc/milter-regex.conf", text)
	},
	"tables of milters": func(text string) {
		readStack(milters.Read, "/etc/opendkim.conf", "KeyTable /etc/t\nSigningTable refile:/etc/t\nPeerList /etc/t\nInternalHosts /etc/t\nResignMailTo /etc/t\n",
			"/etc/clamav/clamav-milter.conf", "AllowList /etc/t\n", "/etc/t", text)
	},
	"smtpd.conf": func(text string) { readStack(opensmtpd.Read, "/etc/smtpd.conf", text) },
	"smtpd's aliases": func(text string) {
		readStack(opensmtpd.Read, "/etc/smtpd.conf", smtpdConf, "/etc/aliases", text, "/etc/t", text, "/home/alice/.forward", text)
	},
	"UCL": func(text string) { ucl.ParseText(text, "/x") },
	"rspamd": func(text string) {
		readStack(rspamd.Read, "/etc/rspamd/local.d/multimap.conf", text, "/etc/rspamd/local.d/settings.conf", text, "/etc/rspamd/local.d/metadata_exporter.conf", "rules { "+text, "/etc/rspamd/rspamd.local.lua", text,
			"/etc/rspamd/rspamd.conf.local", "w { map = \"/etc/t\" }\n", "/etc/t", text, "/var/lib/rspamd/rspamd_dynamic", text)
	},
	"pam":     func(text string) { readHost("/etc/pam.d/smtp", text) },
	"sudoers": func(text string) { readHost("/etc/sudoers", text) },
	"rotation": func(text string) {
		readHost("/etc/logrotate.conf", "/var/log/mail.log {\n postrotate\n"+text)
		readHost("/etc/logrotate.conf", text)
	},
	"jails": func(text string) {
		readHost("/etc/fail2ban/jail.local", "[mail]\nenabled = true\nlogpath = /var/log/mail.log\n"+text)
		readHost("/etc/fail2ban/action.d/a.conf", "[Definition]\nactionban = "+strings.ReplaceAll(text, "\n", "\n "))
	},
	"devices": func(text string) {
		readHost("/etc/udev/rules.d/x.rules", text)
		readHost("/etc/binfmt.d/x.conf", text)
		readHost("/etc/profile.d/x.sh", text)
	},
	"startup": func(text string) { readHost("/usr/lib/python3/dist-packages/x.pth", text) },
	"sasl":    func(text string) { readHost("/etc/default/saslauthd", text) },
	"unit":    func(text string) { readAround("/etc/systemd/system/postfix.service", text) },
	"hosts": func(text string) {
		surroundings.Hosts(files(map[string]string{"/etc/hosts": text}), []surroundings.Name{{Host: "a"}})
	},
	"packages": func(text string) {
		db, _ := dpkg.Read(files(map[string]string{"/var/lib/dpkg/status": text, "/var/lib/dpkg/info/p.list": text, "/var/lib/dpkg/info/p.md5sums": text,
			"/var/lib/dpkg/diversions": text, "/var/lib/dpkg/statoverride": text}))
		db.Package("p")
		dpkg.ParseAlternative("x", text)
	},
	"sendmail.cf": func(text string) { readSendmail("/etc/mail/sendmail.cf", "V10\n"+text) },
	"rules": func(text string) {
		readSendmail("/etc/mail/sendmail.cf", "V10\nS0\nR"+strings.ReplaceAll(text, "\n", "\n\nR"))
	},
	"sendmail.mc":      func(text string) { readSendmail("/etc/mail/sendmail.mc", text) },
	"access":           func(text string) { readSendmail("/etc/mail/access", text) },
	"sendmail aliases": func(text string) { readSendmail("/etc/aliases", text) },
	"sendmail.conf":    func(text string) { readSendmail("/etc/mail/sendmail.conf", text) },
	"sendmail make":    func(text string) { readSendmail("/etc/mail/Makefile", "x:\n\t"+strings.ReplaceAll(text, "\n", "\n\t")) },
	"postfwd.cf": func(text string) {
		readStack(policy.Read, "/etc/postfix/postfwd.cf", "&&M1 { a=b; };\n&&M2 { &&M1; &&M1 };\n"+text, "/etc/postfix/list", text)
	},
	"policy services": func(text string) {
		readStack(policy.Read, "/etc/default/postfwd", "ARGS='"+text+"'\n", "/etc/default/postgrey", "POSTGREY_OPTS=\""+text+"\"\n"+text, "/etc/policyd-rate-limit.yaml", text, "/etc/postgrey/whitelist_clients", text,
			"/etc/postfix-policyd-spf-python/policyd-spf.conf", "Whitelist = "+text, "/etc/greylistd/config", "[data]\n"+text, "/etc/cluebringer/cluebringer.conf", text, "/etc/default/postsrsd", text)
	},
	"postlicyd": func(text string) {
		readStack(policy.Read, "/etc/pfixtools/postlicyd.conf", "a {\n on_match = postfix:OK;\n file = lock:1:/etc/list;\n"+text+"}\nrecipient_filter = a;\n"+text, "/etc/list", text)
	},
	"fetchmail": func(text string) {
		readStack(fetch.Read, "/home/alice/.fetchmailrc", "poll m user a is "+text, "/home/alice/.getmail/getmailrc", "[destination]\ntype = MDA_external\narguments = "+text)
	},
	"mlmmj": func(text string) {
		const list = "/var/spool/mlmmj/news/"
		readStack(lists.Read, list+"control/access", text, list+"control/owner", text, list+"control/customheaders", text, list+"subscribers.d/a", text)
	},
	"sympa": func(text string) {
		readStack(lists.Read, "/etc/sympa/sympa.conf", text, "/var/lib/sympa/list_data/news/config", text, "/etc/sympa/scenari/send.x", text)
	},
	"mailman.cfg": func(text string) { readStack(mailman.Read, "/etc/mailman3/mailman.cfg", "[mta]\n"+text) },
	"difference": func(text string) {
		state := func(text string) waxseal.State {
			return waxseal.State{Files: []waxseal.FileState{{File: waxseal.File{Path: "/x"}, Digest: waxseal.Digest(fmt.Sprint(len(text))), Text: text}}}
		}
		drift.Compare(state(text), state(text[len(text)/2:]+"\n"+text[:len(text)/2]))
	},
}

func readPostfix(pairs ...string) {
	changed := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		changed[pairs[i]] = pairs[i+1]
	}
	postfix.ReadWith(files(changed), mask.New(nil), postfix.Options{})
}

// smtpdConf leads to every sort of table.
const smtpdConf = "table a file:/etc/aliases\ntable t file:/etc/t\nlisten on 0.0.0.0\naction \"l\" mbox alias <a>\naction \"v\" mbox virtual <t>\nmatch from any for domain <t> action \"v\"\nmatch for local action \"l\"\n"

func readStack(read func(waxseal.Tree, *mask.Masker, mta.Options) mta.Result, pairs ...string) {
	changed := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		changed[pairs[i]] = pairs[i+1]
	}
	read(files(changed), mask.New(nil), mta.Options{Package: mta.NoPackages})
}

// readSendmail reads a Sendmail one of whose files is given.
func readSendmail(name, text string) {
	sendmail.Read(files(map[string]string{"/etc/mail/sendmail.cf": "V10\nCwlocalhost\nO AliasFile=/etc/aliases\nKaccess hash /etc/mail/access\nMprog, P=/bin/sh, F=l, A=sh -c $u\nS0\nR$+\t$: $(access $1 $)\n", name: text}), mask.New(nil), mta.Options{})
}

// readDovecot reads a configuration in pieces that each are no larger than what is
// read of one file.
func readDovecot(before, text string) {
	changed := map[string]string{}
	main := before
	for i := 0; len(text) > 0; i++ {
		n := min(len(text), 4<<20)
		changed[fmt.Sprintf("/etc/dovecot/%d.conf", i)] = text[:n]
		main += fmt.Sprintf("!include_try %d.conf\n", i)
		text = text[n:]
	}
	changed["/etc/dovecot/dovecot.conf"] = main
	dovecot.Read(files(changed), mask.New(nil), mta.Options{Package: mta.NoPackages})
}

func readHost(name, text string) {
	host.Read(files(map[string]string{name: text}), mask.New([]byte("key")), host.Options{})
}

func readAround(name, text string) {
	surroundings.Read(files(map[string]string{name: text}), mask.New(nil), nil)
}

// TestReadersAreLinear: no text takes a reader more time than its size asks for.
func TestReadersAreLinear(t *testing.T) {
	for name, read := range readers {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // what is measured is the time of one thread
			for label, piece := range hostile {
				t.Run(label, func(t *testing.T) {
					testtime.Linear(t, 50_000, func(n int) { read(shape(piece, n)) })
				})
			}
		})
	}
}

// TestArchivesAreLinear: nor does a pile of headers.
func TestArchivesAreLinear(t *testing.T) {
	for name, header := range map[string]func(i int) tar.Header{
		"files":       func(i int) tar.Header { return tar.Header{Name: fmt.Sprintf("etc/f%d", i), Typeflag: tar.TypeReg} },
		"one file":    func(int) tar.Header { return tar.Header{Name: "etc/f", Typeflag: tar.TypeReg} },
		"directories": func(i int) tar.Header { return tar.Header{Name: fmt.Sprintf("d%d/", i), Typeflag: tar.TypeDir} },
		"a chain of links": func(i int) tar.Header {
			return tar.Header{Name: fmt.Sprintf("l%d", i), Linkname: fmt.Sprintf("l%d", i+1), Typeflag: tar.TypeSymlink}
		},
		"hard links": func(i int) tar.Header {
			return tar.Header{Name: fmt.Sprintf("h%d", i+1), Linkname: fmt.Sprintf("h%d", i), Typeflag: tar.TypeLink}
		},
		"deep": func(i int) tar.Header {
			return tar.Header{Name: strings.Repeat("d/", i%100) + "f", Typeflag: tar.TypeReg}
		},
		"attributes": func(i int) tar.Header {
			return tar.Header{Name: fmt.Sprintf("x%d", i), Typeflag: tar.TypeReg, PAXRecords: map[string]string{"SCHILY.xattr.user.a": strings.Repeat("x", 100)}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			testtime.Linear(t, 1<<20, func(n int) { openArchive(t, n, header) })
		})
	}
}

func openArchive(t *testing.T, n int, header func(i int) tar.Header) {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; b.Len() < n; i++ {
		h := header(i)
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(t.TempDir(), "a.tar")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	tree, err := archive.Open(name)
	if err != nil {
		return // it is refused
	}
	defer tree.Close()
	mailpath.NewReader(mask.New(nil)).Read(tree)
	tree.Stat("/l0")
	tree.Stat("/h9")
}
