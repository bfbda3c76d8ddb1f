package attack

import "waxseal"

// The keys of the configuration that stand for mutable elements. They keep the names
// that MITRE gave them.
const (
	KeyScriptPath = "attack.MailTransportScriptPath"
	KeyUser       = "attack.UserContext"
	KeyFrequency  = "attack.ExecFrequencyThreshold"
	KeyLogs       = "watch.logs"
)

// The data components that the analytics refer to.
const (
	fileModification  = "x-mitre-data-component--84572de3-9583-4c73-aabd-06ea88123dd8"
	fileCreation      = "x-mitre-data-component--2b3bfe19-d59a-460d-93bb-2f546adc2d2c"
	applicationLog    = "x-mitre-data-component--9c2fa0ae-7abc-485a-97f6-699e3b6cf9fa"
	processCreation   = "x-mitre-data-component--3d20385b-24ef-40e1-9f56-f39750379077"
	moduleLoad        = "x-mitre-data-component--c0a4a086-cc20-4e1e-b7cb-29d99dfa3fb1"
	commandExecution  = "x-mitre-data-component--685f917a-e95e-4ba0-ade1-c7d354dae6e0"
	noPathInWrite     = "an audited write(2) has no path in its records, so it can't say which file was written"
	contentsAreJudged = "the content of every file of the mail path, before and after, judged by what it does to mail"
)

// The built-in rules, by what they look at.
var (
	configurationRules = []waxseal.RuleID{"mail-milter", "mail-content-filter", "mail-policy", "mail-transport", "mail-pipe", "mail-redirect", "mail-copy",
		"mail-rewrite", "mail-discard", "mail-relay", "mail-expansion-exec", "mail-map", "mail-unit", "mail-environment", "mail-setting", "mail-file", "mail-metadata"}
	programRules = []waxseal.RuleID{"mail-script", "mail-program", "mail-binary", "mail-plugin", "mail-module"}
	moduleRules  = []waxseal.RuleID{"mail-module", "mail-plugin", "mail-binary", "mail-environment"}
	forwardRules = []waxseal.RuleID{"mail-redirect", "mail-copy", "mail-pipe", "mail-script", "mail-file"}
	hidingRules  = []waxseal.RuleID{"mail-discard", "mail-redirect", "mail-copy", "mail-pipe", "mail-script", "mail-file"}
)

// analyses is the project's own mapping; docs/attack.md tells it in full.
var analyses = []analysis{
	{
		id: "AN0473", stix: "x-mitre-analytic--2c64ece9-c40f-4d1a-babf-106f587454d0",
		rules: join(configurationRules, programRules, []waxseal.RuleID{"mail-log", "mail-hosts", "mail-unreadable", "mail-exec-frequency"}),
		sources: []sourceAnalysis{
			{
				component: fileModification, name: "auditd:SYSCALL", channel: "write",
				reads: []string{
					"fanotify events with names for every file of the mail path, with the content copied as it is closed after writing",
					"audit records with the key \"waxseal\" for every file and directory of the mail path (openat(2), rename(2), truncate(2), chmod(2) and the like, which do have paths): they prove who",
					contentsAreJudged,
				},
				senses: []Sense{SenseTree, SenseEvents, SenseAudit}, keys: []string{KeyScriptPath}, letter: noPathInWrite,
				rules: join(configurationRules, programRules),
			},
			{
				component: applicationLog, name: "linux:syslog", channel: "milter configuration updated, transport rule initialized, unexpected script execution",
				reads: []string{
					"the mail log for what daemons do say: that they started or reloaded, which filter they could not reach, which message went which way",
					contentsAreJudged,
				},
				senses: []Sense{SenseLogs}, keys: []string{KeyLogs},
				letter: "no mail system logs a line with any of these words; that a configuration was changed shows in its content, and that it was loaded in the log's start and reload lines",
				rules:  configurationRules,
			},
			{
				component: processCreation, name: "auditd:EXECVE", channel: "/usr/sbin/postfix, /usr/sbin/exim, /usr/sbin/sendmail",
				reads: []string{
					"audit records of execve(2) and execveat(2) of every program on the host, with the parents, session and login of each",
					"how often a script of the mail path starts in one run of its mail system",
				},
				senses: []Sense{SenseExec}, keys: []string{KeyUser, KeyFrequency, KeyScriptPath},
				letter: "the list lacks exim4 and whatever a filter itself runs, and Postfix's pipe and local, and milters, are children of master or of systemd, not of these programs: every execve is taken in, and those of the mail path's scripts are told apart by path",
				rules:  join(programRules, []waxseal.RuleID{"mail-pipe", "mail-unit", "mail-exec-frequency"}),
			},
			{
				component: fileCreation, name: "auditd:SYSCALL", channel: "write",
				reads: []string{
					"fanotify events of files that are created or moved into the directories of the mail path",
					"audit records with the key \"waxseal\" for these directories (openat(2) with O_CREAT, rename(2), link(2), symlink(2))",
					contentsAreJudged,
				},
				senses: []Sense{SenseTree, SenseEvents, SenseAudit}, keys: []string{KeyScriptPath}, letter: noPathInWrite,
				rules: join(configurationRules, programRules),
			},
			{
				component: moduleLoad, name: "linux:Sysmon", channel: "EventCode=7",
				reads: []string{
					"the modules, plug-ins and libraries that programs of the mail path load, by name, digest and package, from configuration, ld.so and the ELF files themselves",
					"changes of them, and of what makes the loader take others (LD_PRELOAD, ld.so.preload, ld.so.conf)",
				},
				senses: []Sense{SenseTree, SenseEvents, SenseAudit}, keys: []string{KeyScriptPath},
				letter: "Sysmon for Linux has no event 7: what is loaded is known from the files that are loaded, not from an event when it happens",
				rules:  moduleRules,
			},
		},
		elements: []elementAnalysis{
			{"MailTransportScriptPath", KeyScriptPath, "files and directories of scripts and filters that no configuration leads to: they are sealed and watched like the rest of the mail path. Everything that configuration does lead to is found by itself, whatever its path"},
			{"UserContext", KeyUser, "the accounts whose program starts are counted for ExecFrequencyThreshold; none named means every account. As whom each hook runs is read from the configuration and needs no key"},
			{"ExecFrequencyThreshold", KeyFrequency, "how often a script of the mail path may start between two starts or reloads of its mail system before that is a finding; 0 counts nothing, since most servers start a filter with each message"},
		},
	},
	{
		id: "AN0553", stix: "x-mitre-analytic--487d9ddf-a790-4adc-9be4-ec5651e790f1", rules: hidingRules,
		sources: []sourceAnalysis{
			{
				component: commandExecution, name: "auditd:SYSCALL", channel: "execve calls modifying local mail filter configuration files",
				reads: []string{
					"Sieve scripts (before, after, each user's active one), and procmail, maildrop and Exim filter rules, by what they do: discard, move, redirect, run",
					"who changed them, by fanotify and audit records of the files; which program it was is in the record of its execve(2)",
				},
				senses: []Sense{SenseTree, SenseEvents, SenseAudit}, keys: []string{KeyScriptPath},
				letter: "execve(2) modifies no file, and a rule may come in by ManageSieve or a web mailer without any program start: the files are watched instead. Rules of graphical mail clients on a desktop are not read",
				rules:  hidingRules,
			},
			{
				component: applicationLog, name: "ApplicationLog:MailServer", channel: "Unexpected additions of sieve rules or filtering directives",
				reads: []string{
					"Sieve scripts and filter rules themselves, at the moment at which they change, and the mail log for what comes of them",
				},
				senses: []Sense{SenseTree, SenseEvents, SenseLogs}, keys: []string{KeyLogs},
				letter: "mail servers log that somebody logged in by ManageSieve, at best, and never what a rule says",
				rules:  hidingRules,
			},
		},
		elements: []elementAnalysis{
			{"MailServerLogs", KeyLogs, "logs that are followed besides the usual ones and those that the mail system names"},
		},
	},
	{
		id: "AN1592", stix: "x-mitre-analytic--22e6f5f4-e4cc-449c-9dba-280788935ce5", rules: forwardRules,
		sources: []sourceAnalysis{
			{
				component: fileModification, name: "auditd:SYSCALL", channel: "write",
				reads: []string{
					"every .forward, .procmailrc, .mailfilter and alias that the mail system would read, by what it does with mail, and where it sends it",
					"who changed it, by fanotify and by audit records of the files",
				},
				senses: []Sense{SenseTree, SenseEvents, SenseAudit}, keys: []string{KeyScriptPath}, letter: noPathInWrite,
				rules: forwardRules,
			},
			{
				component: commandExecution, name: "linux:cli", channel: "/home/*/.bash_history",
				reads: []string{
					"audit records of execve(2) with the arguments of every program start, joined with the session and the login it came from",
				},
				senses: []Sense{SenseExec}, keys: []string{KeyUser},
				letter: "a shell writes its history when it ends, if at all, and whoever has it can edit it: what was started is taken from the kernel. Histories are not read",
				rules:  forwardRules,
			},
		},
		elements: []elementAnalysis{
			{".forwardPath", "", "nothing needs to be set: forward_path of Postfix, and what stands for it elsewhere, is read from the configuration"},
			{"ExecContext", KeyUser, "the accounts whose program starts are counted; who changed a file is told for every account"},
		},
	},
}

func join(lists ...[]waxseal.RuleID) (all []waxseal.RuleID) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}
