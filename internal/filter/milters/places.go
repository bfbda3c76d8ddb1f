package milters

import "waxseal"

const (
	inDKIM  = "/etc/opendkim.conf"
	inDMARC = "/etc/opendmarc.conf"
	inClam  = "/etc/clamav/clamav-milter.conf"
	inClamd = "/etc/clamav/clamd.conf"
	inFresh = "/etc/clamav/freshclam.conf"
	inGrey  = "/etc/mail/greylist.conf"
	inRegex = "/etc/milter-regex.conf"
)

// Places lists every sort of hook that this package finds.
func Places() []waxseal.Place {
	all := []waxseal.Effect{waxseal.Observe, waxseal.Copy, waxseal.Divert, waxseal.Modify, waxseal.Drop, waxseal.Execute}
	asked := []waxseal.Effect{waxseal.Observe, waxseal.Drop}
	list := []waxseal.Place{
		place(OpenDKIM, "KeyTable", inDKIM, waxseal.KindMap, observes, "a table says with which keys mail is signed", "opendkim.conf(5)"),
		place(OpenDKIM, "InternalHosts", inDKIM, waxseal.KindRewrite, modifies, "mail of these clients is signed as the own domains'", "opendkim.conf(5)"),
		place(OpenDKIM, "PeerList", inDKIM, waxseal.KindRewrite, observes, "mail of these clients is neither checked nor signed", "opendkim.conf(5)"),
		place(OpenDKIM, "ResignMailTo", inDKIM, waxseal.KindRewrite, modifies, "mail of others is signed anew with a key of this host", "opendkim.conf(5)"),
		place(OpenDKIM, "FinalPolicyScript", inDKIM+" (also SetupPolicyScript, ScreenPolicyScript, StatisticsPolicyScript, and data sets of type lua)", waxseal.KindScript, all, "a Lua script sees every message and decides about it", "opendkim-lua(3)"),
		place(OpenDKIM, "Include", inDKIM, waxseal.KindScript, modifies, "further configuration is read", "opendkim.conf(5)"),
		place(OpenDKIM, "RedirectFailuresTo", inDKIM, waxseal.KindRedirect, diverts, "mail with a bad signature goes to an address instead of to its recipients", "opendkim.conf(5)"),
		place(OpenDKIM, "On-BadSignature", inDKIM+" (also On-Default, On-NoSignature and the like)", waxseal.KindDiscard, drops, "mail with a bad signature is thrown away or held", "opendkim.conf(5)"),
		place(OpenDKIM, "Quarantine", inDKIM, waxseal.KindDiscard, drops, "mail with a bad signature is held", "opendkim.conf(5)"),
		place(OpenDKIM, "CaptureUnknownErrors", inDKIM, waxseal.KindDiscard, drops, "mail at which the filter fails is held", "opendkim.conf(5)"),
		place(OpenDKIM, "KeepTemporaryFiles", inDKIM, waxseal.KindCopy, copies, "copies of all mail stay on disk", "opendkim.conf(5)"),
		place(OpenDKIM, "DiagnosticDirectory", inDKIM, waxseal.KindCopy, copies, "headers of mail with a bad signature stay on disk", "opendkim.conf(5)"),
		place(OpenDKIM, "MTACommand", inDKIM, waxseal.KindPipe, executes, "a command sends reports of bad signatures", "opendkim.conf(5)"),
		place(OpenDKIM, "ReportBccAddress", inDKIM, waxseal.KindCopy, copies, "reports of bad signatures, with the headers of mail, are copied to an address", "opendkim.conf(5)"),
		place(OpenDKIM, "ReportAddress", inDKIM, waxseal.KindRewrite, modifies, "reports of bad signatures are sent in somebody's name", "opendkim.conf(5)"),
		place(OpenDKIM, "SMTPURI", inDKIM, waxseal.KindRelay, diverts, "reports of bad signatures are sent through a host", "opendkim.conf(5)"),
		place(OpenDKIM, "RemoveARFrom", inDKIM+" with RemoveARAll", waxseal.KindRewrite, modifies, "results of other filters are taken off mail", "opendkim.conf(5)"),
		place(OpenDKIM, "RemoveOldSignatures", inDKIM, waxseal.KindRewrite, modifies, "signatures of others are taken off mail", "opendkim.conf(5)"),
		place(OpenDKIM, "ReplaceRules", inDKIM, waxseal.KindMap, observes, "header fields are replaced before they are signed or verified", "opendkim.conf(5)"),
		place(OpenDKIM, "UserID", inDKIM, waxseal.KindRewrite, modifies, "the filter runs with the rights of an account", "opendkim.conf(5)"),

		place(OpenDMARC, "CopyFailuresTo", inDMARC, waxseal.KindCopy, copies, "mail that fails the check is copied to an address", "opendmarc.conf(5)"),
		place(OpenDMARC, "FailureReportsBcc", inDMARC, waxseal.KindCopy, copies, "reports, with the headers of mail, are copied to an address", "opendmarc.conf(5)"),
		place(OpenDMARC, "FailureReportsSentBy", inDMARC, waxseal.KindRewrite, modifies, "reports are sent in somebody's name", "opendmarc.conf(5)"),
		place(OpenDMARC, "ReportCommand", inDMARC, waxseal.KindPipe, executes, "a shell command sends reports", "opendmarc.conf(5)"),
		place(OpenDMARC, "HoldQuarantinedMessages", inDMARC, waxseal.KindDiscard, drops, "mail that fails the check is held", "opendmarc.conf(5)"),
		place(OpenDMARC, "HistoryFile", inDMARC, waxseal.KindLog, observes, "who sent each message is written to a file", "opendmarc.conf(5)"),
		place(OpenDMARC, "IgnoreHosts", inDMARC, waxseal.KindMap, observes, "mail of the clients in a file is not checked", "opendmarc.conf(5)"),
		place(OpenDMARC, "PublicSuffixList", inDMARC, waxseal.KindMap, observes, "a file says which domains belong together", "opendmarc.conf(5)"),
		place(OpenDMARC, "DomainWhitelistFile", inDMARC, waxseal.KindMap, observes, "a file says whose word on the way of a message is believed", "opendmarc.conf(5)"),
		place(OpenDMARC, "UserID", inDMARC, waxseal.KindRewrite, modifies, "the filter runs with the rights of an account", "opendmarc.conf(5)"),
	}
	return append(append(list, clamPlaces(asked)...), otherPlaces(asked)...)
}

func place(stack waxseal.StackName, directive, in string, kind waxseal.HookKind, effects []waxseal.Effect, does, manual string) waxseal.Place {
	return waxseal.Place{MTA: stack, Directive: directive, Where: in, Kind: kind, Stage: waxseal.StageData, Effects: effects, Does: does, Manual: manual}
}

func clamPlaces(asked []waxseal.Effect) []waxseal.Place {
	return []waxseal.Place{
		place(ClamMilter, "ClamdSocket", inClam, waxseal.KindPolicy, asked, "every message is handed to this scanner", "clamav-milter.conf(5)"),
		place(ClamMilter, "OnInfected", inClam, waxseal.KindRewrite, observes, "infected mail is delivered, thrown away or held", "clamav-milter.conf(5)"),
		place(ClamMilter, "OnFail", inClam, waxseal.KindRewrite, observes, "mail that could not be scanned is delivered", "clamav-milter.conf(5)"),
		place(ClamMilter, "OnClean", inClam, waxseal.KindDiscard, drops, "mail without a virus is thrown away or held", "clamav-milter.conf(5)"),
		place(ClamMilter, "VirusAction", inClam, waxseal.KindPipe, executes, "a command runs for each infected message", "clamav-milter.conf(5)"),
		place(ClamMilter, "LocalNet", inClam, waxseal.KindRewrite, observes, "mail of these clients is not scanned", "clamav-milter.conf(5)"),
		place(ClamMilter, "AllowList", inClam, waxseal.KindMap, observes, "mail of the addresses in a file is not scanned", "clamav-milter.conf(5)"),
		place(ClamMilter, "SkipAuthenticated", inClam, waxseal.KindMap, observes, "mail of the users in a file is not scanned", "clamav-milter.conf(5)"),
		place(ClamMilter, "User", inClam, waxseal.KindRewrite, modifies, "the filter runs with the rights of an account", "clamav-milter.conf(5)"),
		place(Clamd, "VirusEvent", inClamd, waxseal.KindPipe, executes, "a shell command runs whenever a virus is found", "clamd.conf(5)"),
		place(Clamd, "ScanMail", inClamd, waxseal.KindRewrite, observes, "mail is not looked into", "clamd.conf(5)"),
		place(Clamd, "LeaveTemporaryFiles", inClamd, waxseal.KindCopy, copies, "copies of all mail stay on disk", "clamd.conf(5)"),
		place(Clamd, "BytecodeUnsigned", inClamd, waxseal.KindModule, executes, "programs that nobody signed run in the scanner", "clamd.conf(5)"),
		place(Clamd, "DatabaseDirectory", inClamd, waxseal.KindMap, observes, "what a virus looks like is read from a directory", "clamd.conf(5)"),
		place(Clamd, "User", inClamd, waxseal.KindRewrite, modifies, "the scanner runs with the rights of an account", "clamd.conf(5)"),
		place(Freshclam, "OnUpdateExecute", inFresh+" (also OnErrorExecute, OnOutdatedExecute)", waxseal.KindUnit, executes, "a command runs after each update of the signatures", "freshclam.conf(5)"),
		place(Freshclam, "DatabaseCustomURL", inFresh, waxseal.KindMap, observes, "signatures that nobody signed are fetched from a server", "freshclam.conf(5)"),
		place(Freshclam, "PrivateMirror", inFresh, waxseal.KindMap, observes, "signatures are fetched from a server", "freshclam.conf(5)"),
		place(Freshclam, "DatabaseMirror", inFresh, waxseal.KindMap, observes, "signatures are fetched from a server", "freshclam.conf(5)"),
		place(Freshclam, "DatabaseOwner", inFresh, waxseal.KindRewrite, modifies, "the updater runs with the rights of an account", "freshclam.conf(5)"),
	}
}

func otherPlaces(asked []waxseal.Effect) []waxseal.Place {
	return []waxseal.Place{
		place(Greylist, "racl whitelist", inGrey, waxseal.KindRewrite, observes, "all mail passes undelayed", "greylist.conf(5)"),
		place(Greylist, "addheader", inGrey, waxseal.KindRewrite, modifies, "mail gets a header field", "greylist.conf(5)"),
		place(Greylist, "addfooter", inGrey, waxseal.KindRewrite, modifies, "mail gets text below its own", "greylist.conf(5)"),
		place(Greylist, "subject", inGrey, waxseal.KindRewrite, modifies, "mail gets another subject", "greylist.conf(5)"),
		place(Greylist, "stat", inGrey, waxseal.KindPipe, executes, "a command is told of each message", "greylist.conf(5)"),
		place(Greylist, "urlcheck", inGrey, waxseal.KindPolicy, copies, "a server is asked about each message, and may get all of it", "greylist.conf(5)"),
		place(Greylist, "ldapconf", inGrey, waxseal.KindMap, observes, "a server is asked about each message", "greylist.conf(5)"),
		place(Greylist, "spamdsock", inGrey, waxseal.KindPolicy, asked, "every message is handed to this SpamAssassin", "greylist.conf(5)"),
		place(Greylist, "peer", inGrey, waxseal.KindMap, observes, "another host says who may pass", "greylist.conf(5)"),
		place(Greylist, "include", inGrey, waxseal.KindScript, modifies, "further configuration is read", "greylist.conf(5)"),
		place(Greylist, "user", inGrey, waxseal.KindRewrite, modifies, "the filter runs with the rights of an account", "greylist.conf(5)"),
		place(Regex, "discard", inRegex, waxseal.KindDiscard, drops, "mail that matches is thrown away", "milter-regex(8)"),
		place(Regex, "quarantine", inRegex, waxseal.KindDiscard, drops, "mail that matches is held", "milter-regex(8)"),
		place(Regex, "accept", inRegex, waxseal.KindRewrite, observes, "all mail passes unchecked", "milter-regex(8)"),
	}
}
