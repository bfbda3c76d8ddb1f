// Package cli is the waxseal command: its verbs, its flags, what it prints and
// what its exit codes mean.
//
// stdout carries the document and nothing else; progress and warnings go to
// stderr. Exit codes: 0 nothing to report, 1 findings at or above --fail-on,
// 2 usage or configuration error, 3 an existing thing could not be read or
// watched, 4 internal error; 1 beats 3.
//
// Each verb has a file of its own. What verbs do is decided below this floor.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"waxseal"
	"waxseal/internal/store"
)

// The exit codes.
const (
	exitQuiet      = 0
	exitFindings   = 1
	exitUsage      = 2
	exitUnreadable = 3
	exitInternal   = 4
)

// exit is an error that carries an exit code and, where there is one, a hint.
type exit struct {
	code int
	err  error
	hint string
}

func (e *exit) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &exit{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// door is what every verb gets: the streams, the version and the configuration.
type door struct {
	out, err io.Writer
	version  string
	config   Config
	flags    flags
	// several says that what is described has more than one kind of mail system.
	several bool
	// domains are own ones that have been printed.
	domains map[string]bool
}

// flags are those that every verb takes.
type flags struct {
	root, state, config, format, failOn string
}

// Run runs one command line and returns its exit code. It prints to the given
// streams only.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer, version string) int {
	out := &sticky{Writer: stdout}
	cmd := Command(out, stderr, version)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(ctx)
	if out.err != nil {
		err = fmt.Errorf("what should be printed could not be written: %w", out.err)
	}
	return report(err, stderr)
}

// stays marks a verb that goes on until it is ended.
const stays = "stays"

// Stays reports whether a command line starts something that goes on until it is ended:
// the memory that it holds counts for more than the time that its start takes.
func Stays(args []string) bool {
	cmd, _, err := Command(io.Discard, io.Discard, "").Find(args)
	return err == nil && cmd.Annotations[stays] != ""
}

// report prints an error and turns it into an exit code.
func report(err error, stderr io.Writer) int {
	var e *exit
	switch {
	case err == nil:
		return exitQuiet
	case errors.As(err, &e):
		if e.err != nil {
			fmt.Fprintln(stderr, "waxseal: "+safe(e.err.Error()))
		}
		if e.hint != "" {
			fmt.Fprintln(stderr, "hint: "+safe(e.hint))
		}
		return e.code
	}
	fmt.Fprintln(stderr, "waxseal: "+safe(err.Error()))
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, store.ErrLocked), errors.Is(err, store.ErrFull), errors.Is(err, store.ErrCorrupt), errors.Is(err, store.ErrUnsafe):
		return exitUnreadable
	case errors.Is(err, fs.ErrNotExist):
		return exitUsage
	}
	return exitInternal
}

// Command is the whole command tree; the manual pages are made from it.
func Command(stdout, stderr io.Writer, version string) *cobra.Command {
	d := &door{out: stdout, err: stderr, version: version, domains: map[string]bool{}}
	root := &cobra.Command{
		Use:   "waxseal",
		Short: "Knows every place where a mail server's mail can be tampered with, seals it, and names the hand that changes it",
		Long: `Waxseal knows every place where mail can be read, copied, diverted, rewritten,
dropped or turned into a command, seals the known-good state, sees every change
as it happens, says who made it and what it does to mail, and keeps proof.

The document goes to stdout, progress and warnings to stderr. Colours are used on
a terminal only, and not where NO_COLOR is set.

Exit codes: 0 nothing to report, 1 findings at or above --fail-on, 2 usage or
configuration error, 3 an existing thing could not be read or watched,
4 internal error. 1 beats 3.`,
		Example: `  waxseal scan                       what can touch mail on this host
  waxseal seal                       accept the present state as known good
  waxseal check                      compare with it, from cron or CI
  waxseal watch                      tell of changes as they happen
  waxseal diff /backup/etc-root /    what changed for mail between two trees`,
		Version: version, SilenceErrors: true, SilenceUsage: true, Args: cobra.NoArgs,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return d.configure(cmd) },
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &exit{code: exitUsage, err: err, hint: "see '" + cmd.CommandPath() + " --help'"}
	})
	root.CompletionOptions.HiddenDefaultCmd = true
	f := root.PersistentFlags()
	f.StringVar(&d.flags.root, "root", "", "read the tree below `DIR` (default /)")
	f.StringVar(&d.flags.state, "state", "", "keep ledger and keys in `DIR` (default /var/lib/waxseal)")
	f.StringVar(&d.flags.config, "config", "", "configuration `FILE` (default "+DefaultFile+", if it exists)")
	f.StringVar(&d.flags.format, "format", "text", "`FORMAT` of the output: text or json")
	f.StringVar(&d.flags.failOn, "fail-on", "", "least `SEVERITY` for exit code 1: none, info, low, medium,\nhigh or critical (default high)")
	root.AddCommand(d.scan(), d.diff(), d.seal(), d.check(), d.watch(), d.findings(), d.suppress(), d.permits(), d.keys(), d.ledger(), d.doctor(), d.coverage(), d.attack(), d.configVerb())
	explainArgs(root)
	return root
}

// explainArgs makes a wrong number of arguments a usage error, everywhere.
func explainArgs(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if check(cmd, args) != nil {
				return wrongArgs(cmd, args)
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		explainArgs(sub)
	}
}

// wrongArgs says what is wrong with the arguments of a command.
func wrongArgs(cmd *cobra.Command, args []string) error {
	hint := "usage: " + cmd.UseLine()
	if cmd.HasAvailableSubCommands() {
		hint = "see '" + cmd.CommandPath() + " --help'"
		cmd.SuggestionsMinimumDistance = 2
		if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
			hint = "did you mean '" + cmd.CommandPath() + " " + like[0] + "'?"
		}
		return &exit{code: exitUsage, err: fmt.Errorf("%s has no verb %q", cmd.CommandPath(), args[0]), hint: hint}
	}
	_, wants, _ := strings.Cut(cmd.Use, " ")
	if wants == "" {
		return &exit{code: exitUsage, err: fmt.Errorf("%s takes no arguments, but was given %q", cmd.CommandPath(), args[0]), hint: hint}
	}
	return &exit{code: exitUsage, err: fmt.Errorf("%s wants %s, and was given %s", cmd.CommandPath(), wants, count(len(args), "argument", "arguments")), hint: hint}
}

// configure reads the configuration before any verb runs.
func (d *door) configure(cmd *cobra.Command) error {
	if d.flags.format != "text" && d.flags.format != "json" {
		return usage("unknown format %q: want text or json", d.flags.format)
	}
	var empty []string
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Value.String() == "" && f.DefValue == "" && cmd.Root().PersistentFlags().Lookup(f.Name) != nil {
			empty = append(empty, "--"+f.Name)
		}
	})
	if len(empty) > 0 {
		return usage("%s is given, but empty", empty[0])
	}
	c, err := loadConfig(d.flags)
	if err != nil {
		return &exit{code: exitUsage, err: err}
	}
	d.config = c
	return nil
}

func (d *door) json() bool { return d.flags.format == "json" }

// warn tells the person at the terminal, beside the document.
func (d *door) warn(text string) { fmt.Fprintln(d.err, safe(text)) }

// verdict turns the worst severity and the problems into an exit code.
func (d *door) verdict(worst waxseal.Severity, any bool, problems []waxseal.Problem) error {
	if any && worst >= d.config.failOn {
		return &exit{code: exitFindings}
	}
	for _, p := range problems {
		if p.Unreadable {
			return &exit{code: exitUnreadable}
		}
	}
	return nil
}
