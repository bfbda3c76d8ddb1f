package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"waxseal/internal/store"
)

func (d *door) ledger() *cobra.Command {
	parent := &cobra.Command{Use: "ledger", Short: "Prove the log", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	var keyFile, checkpointFile string
	verify := &cobra.Command{
		Use: "verify", Short: "Recompute every hash and signature of the ledger",
		Long: `Recomputes every hash and signature and names the first bad entry. The signing
key lies on the host, so that alone proves nothing against root: keep the public
key and a checkpoint elsewhere, and give them with --key and --checkpoint.
Exit code 1 says that the ledger is not what it was.`,
		Example: `  waxseal ledger key        > /elsewhere/waxseal.pub
  waxseal ledger checkpoint > /elsewhere/waxseal.note
  waxseal ledger verify --key /elsewhere/waxseal.pub --checkpoint /elsewhere/waxseal.note`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return d.verifyLedger(keyFile, checkpointFile) },
	}
	verify.Flags().StringVar(&keyFile, "key", "", "`FILE` with the ledger's public key, kept elsewhere")
	verify.Flags().StringVar(&checkpointFile, "checkpoint", "", "`FILE` with a checkpoint, kept elsewhere")
	checkpoint := &cobra.Command{Use: "checkpoint", Short: "Print the latest signed checkpoint, to be kept elsewhere", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return d.printCheckpoint() }}
	key := &cobra.Command{Use: "key", Short: "Print the public key that checkpoints are verified with, to be kept elsewhere", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return d.printKey() }}
	parent.AddCommand(verify, checkpoint, key)
	return parent
}

func (d *door) printCheckpoint() error {
	books, err := d.readBooks()
	if err != nil {
		return err
	}
	defer books.Close()
	note, err := books.Store.Checkpoint()
	if errors.Is(err, store.ErrNone) {
		return usage("the ledger in %s has no entry yet, so there is no checkpoint", d.config.State)
	}
	if err != nil {
		return err
	}
	_, err = d.out.Write(note)
	return err
}

func (d *door) printKey() error {
	books, err := d.readBooks()
	if err != nil {
		return err
	}
	defer books.Close()
	if books.Verifier == "" {
		return d.noKey()
	}
	_, err = fmt.Fprintln(d.out, books.Verifier)
	return err
}

// noKey: the key in the state directory can't be used.
func (d *door) noKey() error {
	return &exit{code: exitUnreadable, err: fmt.Errorf("the ledger key in %s is missing or can't be read", d.config.State),
		hint: "verify with the public key that was kept elsewhere: waxseal ledger verify --key FILE"}
}

func (d *door) verifyLedger(keyFile, checkpointFile string) error {
	var key, note []byte
	var err error
	if keyFile != "" {
		if key, err = readLimited(keyFile); err != nil {
			return &exit{code: exitUsage, err: fmt.Errorf("--key: %w", err)}
		}
	}
	if checkpointFile != "" {
		if note, err = readLimited(checkpointFile); err != nil {
			return &exit{code: exitUsage, err: fmt.Errorf("--checkpoint: %w", err)}
		}
	}
	books, err := d.readBooks()
	if err != nil {
		return err
	}
	defer books.Close()
	if len(key) == 0 && books.Verifier == "" {
		return d.noKey()
	}
	defer d.progress("verifying the ledger")()
	report, err := books.VerifyLedger(strings.TrimSpace(string(key)), note)
	if err != nil {
		return &exit{code: exitUsage, err: err}
	}
	if d.json() {
		err = d.printJSON(map[string]any{"schema": "waxseal.ledger-verify/1", "ok": report.OK(), "report": report})
	} else {
		for _, p := range report.Problems {
			fmt.Fprintln(d.out, "BAD  "+safe(p.String()))
		}
		if report.OK() {
			fmt.Fprintf(d.out, "ok: %s, every hash and signature recomputed\n", count(int(report.Entries), "entry", "entries"))
		}
		if report.Omitted > 0 {
			fmt.Fprintf(d.out, "… and %s\n", count(report.Omitted, "more problem", "more problems"))
		}
		fmt.Fprintln(d.out, strings.Join(wrap(report.Trust), "\n"))
	}
	if err == nil && !report.OK() {
		return &exit{code: exitFindings}
	}
	return err
}
