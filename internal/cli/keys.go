package cli

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/permit"
	"waxseal/internal/rootfs"
	"waxseal/internal/sensor/control"
	"waxseal/internal/store"
)

func (d *door) keys() *cobra.Command {
	parent := &cobra.Command{Use: "keys", Short: "Keys that people and pipelines sign changes with", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	var role, out, note string
	var login int64
	create := &cobra.Command{
		Use: "create OWNER", Short: "Make a key and make it known",
		Long: `Makes an Ed25519 key, writes the secret half to a file that only you can read,
and records the public half in the ledger. A person's key can ask for changes and
approve those of others; a key of CI can only announce.`,
		Example: `  waxseal keys create alice --login 1000 --out alice.pem
  waxseal keys create pipeline --role ci --out pipeline.pem`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return d.createKey(args[0], role, out, login) },
	}
	create.Flags().StringVar(&role, "role", "person", "`ROLE` of the key: person or ci")
	create.Flags().StringVar(&out, "out", "", "`FILE` for the secret half; it must not exist")
	create.Flags().Int64Var(&login, "login", -1, "login `UID` of the owner on this host")
	list := &cobra.Command{Use: "list", Short: "All keys, revoked ones too", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error { return d.listKeys() }}
	revoke := &cobra.Command{Use: "revoke FINGERPRINT", Short: "End a key: what it signs from now on is refused", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return d.takeKey(permit.KeyStep{Revoke: args[0], Note: note})
		}}
	revoke.Flags().StringVar(&note, "note", "", "`TEXT` that says why; kept in the ledger")
	parent.AddCommand(create, list, revoke)
	return parent
}

func (d *door) createKey(owner, role, out string, login int64) error {
	switch {
	case out == "":
		return usage("--out FILE is needed: where the secret half goes")
	case login < -1 || login >= int64(waxseal.Unset):
		return usage("--login %d is no user id", login)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	uid := waxseal.Unset
	if login >= 0 {
		uid = uint32(login)
	}
	k := permit.Key{Fingerprint: permit.Fingerprint(public), Public: public, Role: permit.KeyRole(role), Owner: owner, Login: uid}
	if k.Role != permit.RolePerson && k.Role != permit.RoleCI {
		return usage("unknown role %q: want person or ci", role)
	}
	if err := writeSecret(out, private); err != nil {
		return err
	}
	if err := d.takeKey(permit.KeyStep{Add: &k}); err != nil {
		return errors.Join(err, os.Remove(out)) // a key that nobody knows is of no use
	}
	fmt.Fprintf(d.out, "%s\n", k.Fingerprint)
	return nil
}

// writeSecret writes a private key (RFC 8410, PKCS #8) into a new file of mode 0600.
func writeSecret(file string, key ed25519.PrivateKey) error {
	text, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return &exit{code: exitUsage, err: fmt.Errorf("--out: %w", err)}
	}
	_, err = f.Write(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text}))
	return errors.Join(err, f.Sync(), f.Close())
}

// readSecret reads a private key, and refuses one that others could have read.
func readSecret(file string) (ed25519.PrivateKey, error) {
	if file == "" {
		return nil, usage("--key FILE is needed: the secret half of your key (waxseal keys create)")
	}
	bad := func(err error) error { return &exit{code: exitUsage, err: fmt.Errorf("--key: %w", err)} }
	st, err := os.Stat(file)
	if err != nil {
		return nil, bad(err)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, bad(fmt.Errorf("%s has mode %04o, so others may have read it; want 0600", file, st.Mode().Perm()))
	}
	text, err := readLimited(file)
	if err != nil {
		return nil, bad(err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, bad(fmt.Errorf("%s holds no private key", file))
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, bad(err)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, bad(fmt.Errorf("%s holds a key that is not Ed25519", file))
	}
	return key, nil
}

// signed signs a message with a key of a file; message is told the fingerprint of the key
// and the time.
func signed(file string, message func(key string, at time.Time) []byte) (fingerprint string, at time.Time, signature []byte, err error) {
	key, err := readSecret(file)
	if err != nil {
		return "", at, nil, err
	}
	fingerprint, at = permit.Fingerprint(key.Public().(ed25519.PublicKey)), time.Now().UTC()
	return fingerprint, at, ed25519.Sign(key, message(fingerprint, at)), nil
}

// takeKey records a step about a key, here or through the running agent.
func (d *door) takeKey(s permit.KeyStep) error {
	err := d.withBooks(func(b *agent.Books, tree *rootfs.Tree) error {
		s.By = agent.Caller(os.Getpid(), userNames(tree))
		return refused(b.TakeKey(s, time.Now()))
	})
	if errors.Is(err, store.ErrLocked) {
		return d.askOffice("key", s, nil)
	}
	return err
}

// refused makes a step that is not accepted an error of usage.
func refused(err error) error {
	if err == nil || errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrCorrupt) {
		return err
	}
	return &exit{code: exitUsage, err: err}
}

// askOffice has the running agent record a step.
func (d *door) askOffice(verb string, step, into any) error {
	body, err := json.Marshal(step)
	if err != nil {
		return err
	}
	answer, err := control.Call(d.config.State, control.Request{Verb: verb, Body: body})
	switch {
	case err != nil:
		return err
	case answer.Error != "":
		return usage("%s", answer.Error)
	case into == nil:
		return nil
	}
	return json.Unmarshal(answer.Body, into)
}

// office is what change control adds up to, and what of it does not fit.
func (d *door) office() (*permit.Book, error) {
	books, err := d.readBooks()
	if err != nil {
		return nil, err
	}
	defer books.Close()
	book, problems, err := books.Office(d.config.Permits.rules())
	for _, p := range problems {
		d.warn(agent.Problem(p))
	}
	return book, err
}

func (d *door) listKeys() error {
	book, err := d.office()
	if err != nil {
		return err
	}
	keys := book.Keys()
	if d.json() {
		return d.printJSON(map[string]any{"schema": "waxseal.keys/1", "keys": append([]permit.Key{}, keys...)})
	}
	t := d.table()
	t.row("OWNER", "ROLE", "LOGIN", "KEY", "SINCE", "STATE")
	for _, k := range keys {
		login, state := "-", "in use"
		if k.Login != waxseal.Unset {
			login = fmt.Sprint(k.Login)
		}
		if k.Revoked != nil {
			state = "revoked " + when(k.Revoked.Time)
		}
		t.row(k.Owner, string(k.Role), login, k.Fingerprint, when(k.Added.Time), state)
	}
	return t.flush()
}
