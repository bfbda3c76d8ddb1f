package agent

import (
	"os"
	"strings"

	"waxseal/internal/store"
)

// runningValue is there from an agent's start until it has taken leave: the number of the
// boot that it runs in (proc_sys_kernel(5) random/boot_id).
const runningValue = "an agent runs in boot"

const endedInOrder = "the last agent, if there was one, was stopped in order"

// lastEnd says how the last run ended, and notes that this one has begun.
func (a *Agent) lastEnd() string {
	boot := bootID()
	was, err := a.books.Value(runningValue)
	if err := a.books.Append(func(tx *store.Tx) error { return tx.SetValue(runningValue, boot) }); err != nil {
		a.opts.Warn("how this run ends can't be remembered: " + err.Error())
	}
	switch {
	case err != nil:
		return endedInOrder
	case was == boot:
		return "the last agent ended without taking leave: it was killed, or crashed; whose hand it was is not known"
	}
	return "the last agent ended without taking leave, and the host was started anew since"
}

// takeLeave notes that this run ends in order.
func (a *Agent) takeLeave() {
	if a.book.broken() {
		return
	}
	if err := a.books.Append(func(tx *store.Tx) error { return tx.DeleteValue(runningValue) }); err != nil {
		a.opts.Warn("the next start will say that this agent was killed: " + err.Error())
	}
}

func bootID() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}
