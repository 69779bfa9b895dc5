package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"mekong/cmd/internal/app"
	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/receipt"
)

func (c *cli) receiptVerifyCommand() *cobra.Command {
	var keys []string
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check a receipt: its chain, its seal, every byte of the file; beside the data also what is kept",
		Long: `Verify says whether a receipt (HTML or CSV) is as it was issued: whether each entry
fits the chain of hashes, and if not, which is the first that does not; whether the
seal fits; whether any other byte of the file was altered; and whose key it is.

The key is that of --key, or that of data_dir where the configuration is at hand.
There it is also compared with what is kept: the hash of what was sent with the
delivery itself, if nats.keep is not over, and the receipt with the ledger.

FILE is the file as it was issued: saved again from a browser or from Excel it is
another one. - is standard input.

Exit 0: all of it fits. 1: something does not, or whose key it is is not known.`,
		Example: `  mekong receipt verify receipt-000012.html
  mekong receipt verify an.csv --key ed25519:3b6a…`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.verifyReceipt(cmd.Context(), args[0], keys)
		},
	}
	cmd.Flags().StringSliceVar(&keys, "key", nil, "public `keys` of the installation, as mekong receipt key prints them there")
	return cmd
}

func (c *cli) receiptKeyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "key",
		Short: "Print the public key of this installation, by which others check its receipts",
		Long: `Key prints the public key of this installation, and makes the key when there is
none yet: data_dir/receipt.key, which is to be kept secret, and of which a copy is to
be kept. Publish what is printed where people know that it is yours. Processes on
several machines need copies of one key file.`,
		Example: `  mekong receipt key
  mekong receipt key -c /etc/mekong/mekong.yaml`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			conf, err := config.Load(c.config)
			if err != nil {
				return unreadable(err)
			}
			key, err := app.ReceiptKey(conf)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.out, key)
			return err
		},
	}
}

func (c *cli) verifyReceipt(ctx context.Context, path string, keys []string) error {
	log, err := c.logger()
	if err != nil {
		return err
	}
	var known []receipt.PublicKey
	for _, text := range keys {
		k, err := receipt.ParsePublicKey(text)
		if err != nil {
			return usagef("--key: %w", err)
		}
		known = append(known, k)
	}
	conf, err := config.Load(c.config)
	if errors.Is(err, fs.ErrNotExist) {
		conf, err = nil, nil
	}
	if err != nil {
		return unreadable(err)
	}
	file, err := c.readReceipt(path)
	if err != nil {
		return err
	}
	v, err := app.VerifyReceipt(ctx, conf, log, file, known)
	if err != nil {
		return err
	}
	return c.tellVerdict(v, conf != nil)
}

// readReceipt reads no more than any receipt has.
func (c *cli) readReceipt(path string) ([]byte, error) {
	in := c.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, usageError{err}
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	return io.ReadAll(io.LimitReader(in, receipt.MostBytes+1))
}

// verdictSigns stand before a finding.
var verdictSigns = map[pipeline.Level]string{pipeline.OK: "✓", pipeline.Warn: "!", pipeline.Fail: "✗"}

func (c *cli) tellVerdict(v receipt.Verdict, beside bool) error {
	if r := v.Receipt; r != nil && v.Sealed {
		fmt.Fprintf(c.out, "receipt %d, issued %s, %s\n", r.Number, r.At().Format("2006-01-02 15:04:05 -07:00"), entriesOf(r))
	}
	for _, f := range v.Findings {
		fmt.Fprintf(c.out, "  %s %s\n", verdictSigns[f.Level], tame(f.What))
		if f.Fix != "" && f.Level != pipeline.OK {
			fmt.Fprintf(c.out, "      %s\n", tame(f.Fix))
		}
	}
	if !beside {
		fmt.Fprintf(c.out, "  - not compared with what is kept: there is no %s here\n", tame(c.config))
	}
	if !v.OK() {
		fmt.Fprintln(c.out, "It is NOT proved to be as it was issued.")
		return quietError{errors.New("the receipt is not proved")}
	}
	fmt.Fprintln(c.out, "It is as it was issued.")
	return nil
}
