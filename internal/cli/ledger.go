package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func (d *door) ledger() *cobra.Command {
	parent := &cobra.Command{Use: "ledger", Short: "Prove the log", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	var keyFile, checkpointFile string
	verify := &cobra.Command{
		Use: "verify", Short: "Recompute every hash and signature of the ledger",
		Long: `Recomputes every hash and signature and names the first bad entry. The signing
key lies on the host, so that alone proves nothing against root: keep the public
key and a checkpoint elsewhere, and give them with --key and --checkpoint.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return d.verifyLedger(keyFile, checkpointFile) },
	}
	verify.Flags().StringVar(&keyFile, "key", "", "file with the ledger's public key, kept elsewhere")
	verify.Flags().StringVar(&checkpointFile, "checkpoint", "", "file with a checkpoint, kept elsewhere")
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
	_, err = fmt.Fprintln(d.out, books.Verifier)
	return err
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
			fmt.Fprintf(d.out, "ok: %d entries, every hash and signature recomputed\n", report.Entries)
		}
		fmt.Fprintln(d.out, safe(report.Trust))
	}
	if err == nil && !report.OK() {
		return &exit{code: exitFindings}
	}
	return err
}
