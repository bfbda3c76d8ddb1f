package calls

import (
	"slices"
	"strings"

	"waxseal"
)

// What calls do.
var (
	runs   = []waxseal.Effect{waxseal.Execute}
	asks   = []waxseal.Effect{waxseal.Observe}
	copies = []waxseal.Effect{waxseal.Copy}
)

// classes are Perl's that reach another host.
const classes = " IO::Socket IO::Socket::INET IO::Socket::INET6 IO::Socket::IP IO::Socket::SSL LWP::UserAgent LWP::Simple HTTP::Tiny Net::SMTP Net::SMTP::SSL Net::FTP Net::SSH Net::Telnet WWW::Mechanize" +
	" Mojo::UserAgent Furl AnyEvent::HTTP Email::Sender::Simple Mail::Sender MIME::Lite Mail::Mailer Mail::Send "

// builtin is what the languages and their usual libraries offer: perlfunc(1) and the
// modules of its distribution; Lua's manual §6, LuaSocket, the libraries of rspamd;
// Python's library reference.
var builtin = map[Language]Words{Perl: perlWords(), Lua: luaWords(), Python: pythonWords()}

// vocabulary collects names that mean the same.
type vocabulary Words

func (v vocabulary) put(w Word, names string) {
	for n := range strings.FieldsSeq(names) {
		v[n] = w
	}
}

var (
	aCommand = Word{waxseal.KindExpansionExec, runs, waxseal.TargetCommand}
	aHost    = Word{waxseal.KindPolicy, asks, waxseal.TargetHost}
	aCode    = Word{waxseal.KindModule, runs, waxseal.TargetText}
	aLibrary = Word{waxseal.KindModule, runs, waxseal.TargetFile}
	aFile    = Word{waxseal.KindCopy, copies, waxseal.TargetFile}
)

func perlWords() Words {
	v := vocabulary{}
	v.put(aCommand, "system exec readpipe POSIX::execv POSIX::execl open2 open3 IPC::Open2::open2 IPC::Open3::open3 run_forked IPC::Cmd::run IPC::Run::run IPC::Run::start syscall")
	v.put(aFile, "open sysopen IO::File->new write_file append_file File::Slurp::write_file")
	v.put(aCode, "eval")
	v.put(aLibrary, "DynaLoader::dl_load_file dl_load_file")
	v.put(aHost, "sendto getstore getprint LWP::Simple::get "+classes)
	return Words(v)
}

func luaWords() Words {
	v := vocabulary{}
	v.put(aCommand, "os.execute io.popen ffi.C.* posix.exec posix.execp posix.popen")
	v.put(aFile, "io.open io.output")
	v.put(aCode, "load loadstring debug.sethook")
	v.put(aLibrary, "dofile loadfile package.loadlib package.path package.cpath")
	v.put(aHost, "socket.connect socket.tcp socket.udp socket.http.request http.request socket.smtp.send smtp.send socket.ftp.put ftp.put ssl.https.request https.request")
	return Words(v)
}

func pythonWords() Words {
	v := vocabulary{}
	v.put(aCommand, `os.system os.popen os.execv os.execve os.execvp os.execvpe os.execl os.execle os.execlp os.execlpe os.spawnl os.spawnle os.spawnlp os.spawnlpe os.spawnv os.spawnve os.spawnvp os.spawnvpe
		os.posix_spawn os.posix_spawnp subprocess.run subprocess.Popen subprocess.call subprocess.check_call subprocess.check_output subprocess.getoutput subprocess.getstatusoutput
		commands.getoutput commands.getstatusoutput popen2.popen2 popen2.popen3 pty.spawn asyncio.create_subprocess_exec asyncio.create_subprocess_shell`)
	v.put(aFile, "open io.open codecs.open shutil.copy shutil.copy2 shutil.copyfile shutil.copyfileobj")
	v.put(aCode, "exec eval compile execfile __import__ importlib.import_module marshal.loads pickle.loads pickle.load types.FunctionType")
	v.put(aLibrary, "imp.load_source imp.load_module imp.load_dynamic runpy.run_path runpy.run_module importlib.util.spec_from_file_location ctypes.CDLL ctypes.cdll.LoadLibrary sys.path.insert sys.path.append")
	v.put(aHost, `socket.socket socket.create_connection urllib.request.urlopen urllib.request.urlretrieve urllib.urlopen urllib2.urlopen urllib.request.Request requests.* httpx.* aiohttp.* http.client.HTTPConnection http.client.HTTPSConnection
		httplib.HTTPConnection httplib.HTTPSConnection smtplib.SMTP smtplib.SMTP_SSL smtplib.LMTP ftplib.FTP ftplib.FTP_TLS telnetlib.Telnet paramiko.* asyncio.open_connection xmlrpc.client.ServerProxy .sendmail .send_message`)
	return Words(v)
}

// perlOpen reads open(): it writes files and runs commands, as its mode says
// (perlfunc(1) open).
func (p *program) perlOpen(i int, args []argument, last int) {
	if len(args) > 0 {
		args = args[1:] // the handle
	}
	if len(args) > 0 && args[0].value == "" {
		args = args[1:]
	}
	if len(args) == 0 {
		return
	}
	mode := strings.TrimSpace(args[0].value)
	if !args[0].fixed && args[0].holds != "" && strings.HasPrefix(args[0].holds, mode[:min(1, len(mode))]) {
		mode = strings.TrimSpace(args[0].holds)
	}
	switch {
	case len(args) > 1 && (mode == "|-" || mode == "-|"):
		p.call(i, "open", aCommand, args[1:], last)
	case strings.HasPrefix(mode, "|"), strings.HasSuffix(mode, "|") && args[0].holds != "":
		args[0].value = strings.TrimSpace(strings.Trim(args[0].value, "|"))
		args[0].holds = strings.TrimSpace(strings.Trim(args[0].holds, "|"))
		p.call(i, "open", aCommand, args[:1], last)
	case strings.HasPrefix(mode, ">") || strings.HasPrefix(mode, "+<") || strings.HasPrefix(mode, "+>"):
		args[0].value = strings.TrimSpace(strings.TrimLeft(args[0].value, "+<>"))
		if len(args) > 1 {
			args = args[1:]
		}
		p.write(i, args, last)
	case !args[0].fixed && args[0].holds == "" && strings.HasPrefix(mode, "$") && len(args) > 1:
		p.write(i, args[1:], last) // in a mode that is worked out
	}
}

// write notes a file that is written. Where its name is worked out, as is that of each
// message, its directory is told if it is none in which a filter has files of its own.
func (p *program) write(i int, args []argument, last int) {
	if args[0].fixed && strings.HasPrefix(args[0].value, "/") && args[0].value != "/dev/null" {
		p.call(i, "open", aFile, args[:1], last)
		return
	}
	p.writeBelow(i, "open", args[0], last)
}

// Functions that give a file another name or place: those of perlfunc(1) and
// mimedefang-filter(5), and what File::Copy(3perl) exports.
var (
	fileNames  = []string{"link", "symlink", "rename", "copy_or_link"}
	fileCopies = []string{"copy", "cp", "move", "mv", "syscopy"}
)

// perlCopy reads copy("./INPUTMSG", "/srv/x/$id"): a file gets to where the last
// argument says.
func (p *program) perlCopy(i int, args []argument, last int) bool {
	n := p.tokens[i].text
	short, ofModule := strings.CutPrefix(n, "File::Copy::")
	switch {
	case slices.Contains(fileNames, strings.TrimPrefix(n, "CORE::")):
	case slices.Contains(fileCopies, short) && (ofModule || strings.Contains(p.text, "File::Copy")):
	default:
		return false
	}
	if len(args) < 2 {
		return true
	}
	to := args[1]
	if to.fixed && strings.HasPrefix(to.value, "/") && elsewhere(to.value) {
		p.call(i, n, aFile, []argument{to}, last)
		return true
	}
	p.writeBelow(i, n, to, last)
	return true
}

// writeBelow notes a file whose name begins with a directory that is told.
func (p *program) writeBelow(i int, n string, file argument, last int) {
	dir := file.value
	if dir != "" && (dir[0] == '"' || dir[0] == '\'') { // an expression: the text in it
		dir = file.holds
	}
	if end := strings.IndexAny(dir, "$@%{"); end >= 0 {
		dir = dir[:end]
	}
	dir = dir[:strings.LastIndexByte(dir, '/')+1]
	if file.fixed || len(dir) < 2 || dir[0] != '/' || !elsewhere(dir) {
		return
	}
	p.call(i, n, aFile, []argument{{value: dir, fixed: true, holds: dir}}, last)
}

// ownPlaces are where services keep what they work with.
var ownPlaces = []string{"/var/spool/", "/var/lib/", "/var/log/", "/var/cache/", "/var/run/", "/run/", "/dev/"}

// elsewhere reports whether a file lies in none of them, or hides there.
func elsewhere(file string) bool {
	return strings.Contains(file, "/.") || strings.HasPrefix(file, "/dev/shm/") || strings.HasPrefix(file, "/run/user/") ||
		!slices.ContainsFunc(ownPlaces, func(d string) bool { return strings.HasPrefix(file, d) })
}
