package calls

import (
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
	v.put(aFile, "open sysopen IO::File->new File::Copy::copy write_file append_file File::Slurp::write_file")
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

// write notes a file that is written. Where its name is worked out nothing is said: a
// filter writes files of its own all the time.
func (p *program) write(i int, args []argument, last int) {
	if args[0].fixed && strings.HasPrefix(args[0].value, "/") && args[0].value != "/dev/null" {
		p.call(i, "open", Word{aFile.Kind, aFile.Effects, waxseal.TargetFile}, args[:1], last)
	}
}
