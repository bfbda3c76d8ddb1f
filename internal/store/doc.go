// Package store keeps everything that Waxseal must still know after a restart:
// the ledger of what happened, the last known state of the mail system, the
// findings with their triage, and when the agent was last alive.
//
// It is one SQLite database in one private directory. An entry, the Merkle
// hashes it adds, the signed checkpoint after it and everything derived from it
// are written in one transaction, which is on the disk when [Store.Append]
// returns: after a crash or a power cut each transaction is there whole or not
// at all. docs/format/store.md draws the files and tables.
//
// There is one writer, which holds a lock for as long as it is open, and any
// number of readers beside it, in this process and in others.
//
// The package computes no hash tree and signs nothing: [Log] does. It does not
// judge what it keeps, masks nothing (what must not be kept must not be given to
// it), and never deletes an entry.
//
// # Trust
//
//   - waxseal.db, tables entry, hash and checkpoint: not trusted. Whoever can
//     modify them can at most destroy the record, and mislead who reads it
//     without verifying it: a changed one does not pass the ledger's verification.
//   - waxseal.db, tables finding, seal, office, suppression, hit, trail and newest: not
//     trusted. Whoever can modify them can at most hide or invent findings, bring an
//     older seal back into force, or leave out a permit, a suppression or a deadline,
//     until [Store.Rebuild] makes them again from the entries.
//   - waxseal.db, table blob: not trusted. Whoever can modify it can at most
//     destroy content: it is checked against its SHA-256 whenever it is read.
//   - waxseal.db, tables state, value, alive, meta: trusted. Whoever can modify them
//     can at most make the agent believe that a change made while it was not
//     running had been there before, or that it was running when it was not;
//     the comparison with the seal, which is an entry, still shows the change.
//   - ledger.key: trusted. Whoever can read it can at most write another history
//     that looks genuine on this host; a checkpoint kept elsewhere shows that.
//   - lock: trusted. Whoever can hold it can at most keep the agent from
//     starting; the process ID in it is only for the message.
package store
