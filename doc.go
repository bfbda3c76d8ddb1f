// Package waxseal is the vocabulary of Waxseal: the words with which it speaks
// about a mail server's hooks, who changed them, and how that is known.
//
// The package holds values only. It reads no file, opens no socket and asks no
// clock: readers fill these types from a [Tree], judges compare and weigh them,
// keepers store them, and the agent carries them from one to the next in the
// order told in docs/life-of-an-event.md.
//
// The nouns, in the order in which a change meets them:
//
//	Tree         a read-only view of one root directory
//	Stack        one mail system found in a tree
//	Hook         one place where mail can be filtered, copied, diverted, executed on, dropped
//	Part         one file, socket or map that a hook's behaviour depends on; all of them are its closure
//	State        everything read from a tree at one moment: stacks, hooks, settings, files
//	Seal         the signed, accepted State
//	Observation  one raw fact from a sensor; never edited afterwards
//	Actor        who did it, with a Grade for every hop
//	Change       the difference between two States, for one file
//	Activation   where a change stands: written, loaded, exercised
//	Rung         how strong the evidence is that a change was expected
//	Finding      a judgement with its reasons
//	Gap          time or events not seen
package waxseal
