// Package ledger makes the record of what happened to a mail server's hooks
// tamper-evident: whoever changes, removes or reorders an entry after it was
// written can be shown to have done so.
//
// Every observation, change, finding, seal and triage step is an [Entry] with
// one canonical byte form. The entries are the leaves of a Merkle tree (RFC
// 6962, as golang.org/x/mod/sumdb/tlog computes it), and after every write the
// root of the tree is signed: a checkpoint. docs/format/ledger.md draws the
// forms.
//
// The package is mathematics and formats. It does not store anything, does not
// judge what an entry says, and knows no database: it reads through a [Source].
//
// # Trust
//
// Entries and stored hashes are not trusted: [Verify] computes both again, so
// whoever modifies them without the signing key is found.
//
// The signing key is trusted: whoever can read it (root on this host) can at
// most write a whole new history that is consistent with itself. Only a
// checkpoint kept out of root's reach shows that: [VerifyAgainst] and
// [VerifyRoot].
package ledger
