package smtpdconf

import "strings"

// keywords are the words of lookup() in parse.y, 6.6 to 7.8.
const keywords = `action admd alias any auth auth-optional backup bounce bypass ca cert chain chroot ciphers commit compression connect
data data-line dhe disconnect domain ehlo encryption expand-only fcrdns filter for forward-only from group helo helo-src host hostname
hostnames include inet4 inet6 junk key limit listen lmtp local mail-from maildir mask-src masquerade match max-deferred max-message-size
mbox mda mta mx no-dsn no-verify noop on phase pki port proc proc-exec proxy-v2 queue quit rcpt-to rdns received-auth recipient regex
reject relay report rewrite rset scheduler senders smtp smtp-in smtp-out smtps socket src srs sub-addr-delim table tag tagged tls
tls-require ttl user userbase verify virtual warn-interval wrapper`

// oldKeywords are those before 6.4.
const oldKeywords = `accept alias any as auth auth-optional authenticated backup bounce-warn ca certificate ciphers compression deliver dhe domain
encryption expire filter for forward-only from hostname hostnames include inet4 inet6 key limit listen lmtp local maildir mask-source
masquerade max-message-size max-mta-deferred mbox mda mta no-dsn on pki port queue rcpt-to received-auth recipient reject relay scheduler
sender senders session smtps secure socket source subaddressing-delimiter table tag tagged tls tls-require to userbase verify via virtual`

func (p *parser) words() map[string]bool {
	list := keywords
	switch {
	case p.old:
		list = oldKeywords
	case p.version >= braceLines:
		list += " protocols"
	}
	set := map[string]bool{}
	for _, w := range strings.Fields(list) {
		set[w] = true
	}
	return set
}
