package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os/signal"
	"runtime/debug"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/agent"
)

func (d *door) watch() *cobra.Command {
	return &cobra.Command{
		Use: "watch", Short: "The agent in the foreground: findings as they happen",
		Long: `Watches the mail path with fanotify and the kernel's audit system, and tells of
each change as it happens: what it means for mail, who made it, and how far it has
come. Needs root for the sensors; without them it says what is lost and goes on.
With --format json each finding is one line. Ends on SIGINT and SIGTERM.`,
		Args: cobra.NoArgs, Annotations: map[string]string{stays: "until it is ended"},
		RunE: func(cmd *cobra.Command, _ []string) error { return d.runWatch(cmd.Context()) },
	}
}

func (d *door) runWatch(ctx context.Context) error {
	tree, err := openTree(d.config.Root)
	if err != nil {
		return err
	}
	tree.Close()
	ctx, stop := signal.NotifyContext(ctx, unix.SIGINT, unix.SIGTERM)
	defer stop()
	signal.Ignore(unix.SIGPIPE) // a reader of ours that goes away must not end the watch
	d.warnOfLoss()
	m := newMouth(func(n int64) {
		d.warn(fmt.Sprintf("%d messages were not printed, since the reader was too slow: see waxseal findings list", n))
	})
	defer m.close()
	c, service := d.config, newNotifier()
	defer service.say("STOPPING=1")
	a, err := agent.Open(agent.Options{
		Root: c.Root, State: c.State, Config: cmp.Or(d.flags.config, DefaultFile), Version: d.version,
		Fanotify: c.Watch.Fanotify, Audit: c.Watch.Audit, BPF: c.Watch.BPF, Isolate: c.Watch.Isolate, Poll: c.Watch.Poll, Logs: c.Watch.Logs, Permits: c.Permits.rules(), Tuned: c.tuning(),
		Scripts: c.Attack.MailTransportScriptPath, Accounts: c.Attack.UserContext, MostStarts: c.Attack.ExecFrequencyThreshold,
		Tell: func(f waxseal.Finding, news, checkpoint string) { m.say(func() { d.tell(f, news, checkpoint) }) },
		Warn: func(text string) { m.say(func() { d.warn(text) }) },
		Turn: service.turn,
		Ready: func(files, hooks int) {
			service.say("READY=1")
			go debug.FreeOSMemory() // what only the start needed
			m.say(func() {
				fmt.Fprintf(d.err, "watching %d files that %d hooks depend on, in %s\n", files, hooks, safe(c.Root))
			})
		},
	})
	if err != nil {
		return d.stateError(err)
	}
	defer a.Close()
	return a.Run(ctx)
}

// tell prints one finding as it happens. A reader that has gone (a closed pipe)
// must not end the watch: the ledger has the finding.
func (d *door) tell(f waxseal.Finding, news, checkpoint string) {
	if d.json() {
		enc := json.NewEncoder(d.out)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(findingDoc(f, news, checkpoint))
		return
	}
	if news == "" {
		d.printFinding(f, checkpoint)
		return
	}
	fmt.Fprintf(d.out, "\n%s  %s  %s\n", f.ID, d.severity(f.Severity), safe(f.Title))
	d.block("news", wrap(news)...)
	d.block("ledger", "checkpoint "+checkpoint)
}
